"""The queue: whoever has its lock runs it; what a dead runner left is told."""

import time

from lookalike.gallery.file_locks import locked
from lookalike.service import ServiceSettings
from lookalike.service.jobs.job_runner import JobRunner
from lookalike.service.jobs.job_store import JobStore


def waiting_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_job_whose_runner_died_is_interrupted_and_the_next_one_runs(tmp_path):
    store = JobStore(tmp_path / "jobs")
    left = store.change(store.add({"kind": "doctor", "measure_quality": False}, "ada"), state="running")
    later = store.add({"kind": "evaluate", "data": "none", "enrolled": 1, "calibrate": False}, "ada")
    runner = JobRunner(store, ServiceSettings())
    runner.start()
    waiting_for(lambda: store.get(later.id).ended)
    runner.stop()
    assert store.get(left.id).state == "interrupted"
    assert store.get(later.id).state == "failed"
    assert "there is no 'none'" in store.get(later.id).error


def test_a_second_process_waits_for_the_lock(tmp_path):
    store = JobStore(tmp_path / "jobs")
    job = store.add({"kind": "evaluate", "data": "none", "enrolled": 1, "calibrate": False}, "ada")
    runner = JobRunner(store, ServiceSettings())
    with locked(store.folder / "runner.lock") as ours:
        assert ours
        runner.start()
        time.sleep(1)
        assert store.get(job.id).state == "queued"
    waiting_for(lambda: store.get(job.id).ended)
    runner.stop()
