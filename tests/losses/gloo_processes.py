"""Runs a function of a test file in several processes that talk through gloo."""

import importlib.util
from datetime import timedelta
from pathlib import Path

import torch
from tests.forking_interpreter import ended, forked


class GlooProcesses:
    """Jobs on several ranks, each a process forked from one interpreter."""

    def __init__(self, interpreter):
        self._interpreter = interpreter

    def run(self, test_file, job, world, folder, *, whole=True, **options):
        """Call ``job(rank, world, folder, **options)`` on each rank; returns what each returned, by rank.

        With `whole` every rank must end well; without it, what did not is None.
        """
        call = f"{str(test_file)!r}, {job!r}, {world!r}, {str(folder)!r}, {options!r}"
        program = f"from tests.losses.gloo_processes import on_ranks\nraise SystemExit(on_ranks({call}))"
        done = self._interpreter.run(program)
        assert not whole or done.returncode == 0, done.stderr[-6000:]
        results = [Path(folder) / f"{job}-{world}-{rank}.pt" for rank in range(world)]
        loaded = [torch.load(path) if path.exists() else None for path in results]
        for path in results:
            path.unlink(missing_ok=True)
        return loaded


def on_ranks(test_file, job, world, folder, options):
    """Load the test file and run its function on each rank; the number of ranks that failed."""
    import torch.distributed as dist

    folder = Path(folder)
    specification = importlib.util.spec_from_file_location("jobs", test_file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    meeting = folder / f"{job}-{world}-meeting"

    def rank_of(rank):
        dist.init_process_group("gloo", f"file://{meeting}", timedelta(seconds=60), world, rank)
        result = getattr(module, job)(rank, world, folder, **options)
        torch.save(result, folder / f"{job}-{world}-{rank}.pt")
        dist.barrier()
        dist.destroy_process_group()
        return 0

    codes = [ended(child) for child in [forked(lambda rank=rank: rank_of(rank)) for rank in range(world)]]
    meeting.unlink(missing_ok=True)
    return sum(code != 0 for code in codes)
