"""Runs a function of a test file in several processes that talk through gloo.

One clean interpreter imports torch and forks the ranks: forking pytest itself could copy threads that autograd or CUDA
started there.
"""

import importlib.util
import json
import os
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path


def run(test_file, job, world, folder, *, whole=True, **options):
    """Call ``job(rank, world, folder, **options)`` on each rank; returns what each returned, by rank.

    With `whole` every rank must end well; without it, what did not is None.
    """
    import torch

    command = [sys.executable, __file__, str(test_file), job, str(world), str(folder), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert not whole or done.returncode == 0, done.stderr[-6000:]
    results = [Path(folder) / f"{job}-{world}-{rank}.pt" for rank in range(world)]
    loaded = [torch.load(path) if path.exists() else None for path in results]
    for path in results:
        path.unlink(missing_ok=True)
    return loaded


def _main(test_file, job, world, folder, options):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    specification = importlib.util.spec_from_file_location("jobs", test_file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    torch.optim.SGD([torch.zeros(1)], lr=0.1)  # imports for seconds: better once than on each rank
    meeting = Path(folder) / f"{job}-{world}-meeting"
    children = []
    for rank in range(world):
        child = os.fork()
        if child:
            children.append(child)
            continue
        code = 1
        try:
            patience = timedelta(seconds=60)
            dist.init_process_group("gloo", f"file://{meeting}", patience, world, rank)
            result = getattr(module, job)(rank, world, Path(folder), **options)
            torch.save(result, Path(folder) / f"{job}-{world}-{rank}.pt")
            dist.barrier()
            dist.destroy_process_group()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    meeting.unlink(missing_ok=True)
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], json.loads(sys.argv[5]))
