"""Runs a function of a test file in several processes that talk through gloo.

One clean interpreter imports torch once, and forks a process for each job, which forks the ranks: forking pytest itself
could copy threads that autograd or CUDA started there.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

#: Seconds after which a rank, or a job, is killed.
LIMIT = 180


class GlooProcesses:
    """The interpreter that forks; close it when no job is left."""

    def __init__(self):
        self._forking = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self):
        self._forking.communicate(timeout=30)

    def run(self, test_file, job, world, folder, *, whole=True, **options):
        """Call ``job(rank, world, folder, **options)`` on each rank; returns what each returned, by rank.

        With `whole` every rank must end well; without it, what did not is None.
        """
        import torch

        self._forking.stdin.write(json.dumps([str(test_file), job, world, str(folder), options]) + "\n")
        self._forking.stdin.flush()
        code = int(self._forking.stdout.readline())
        said = Path(folder) / f"{job}-{world}-stderr"
        assert not whole or code == 0, said.read_text("utf-8", errors="replace")[-6000:]
        said.unlink(missing_ok=True)
        results = [Path(folder) / f"{job}-{world}-{rank}.pt" for rank in range(world)]
        loaded = [torch.load(path) if path.exists() else None for path in results]
        for path in results:
            path.unlink(missing_ok=True)
        return loaded


def _forked(work):
    """Call a function in a child, which ends with what it returns, and is killed at the limit; its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(LIMIT)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _job(test_file, job, world, folder, options):
    """Load the test file and run its function on each rank; the number of ranks that failed."""
    import torch.distributed as dist

    said = os.open(folder / f"{job}-{world}-stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    specification = importlib.util.spec_from_file_location("jobs", test_file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    meeting = folder / f"{job}-{world}-meeting"

    def rank_of(rank):
        import torch

        dist.init_process_group("gloo", f"file://{meeting}", timedelta(seconds=60), world, rank)
        result = getattr(module, job)(rank, world, folder, **options)
        torch.save(result, folder / f"{job}-{world}-{rank}.pt")
        dist.barrier()
        dist.destroy_process_group()
        return 0

    children = [_forked(lambda rank=rank: rank_of(rank)) for rank in range(world)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    meeting.unlink(missing_ok=True)
    return sum(code != 0 for code in codes)


def _main():
    import torch

    import lookalike.training  # noqa: F401 - what takes seconds to import, once

    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1)], lr=0.1)  # imports for seconds, too
    for line in sys.stdin:
        test_file, job, world, folder, options = json.loads(line)
        child = _forked(lambda given=(test_file, job, world, Path(folder), options): _job(*given))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
    os._exit(0)  # taking torch apart takes time


if __name__ == "__main__":
    _main()
