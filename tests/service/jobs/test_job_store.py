"""Jobs as files."""

import pytest

from lookalike.errors import UnknownIdentityError
from lookalike.service.jobs.job_store import JobStore


def test_jobs_are_kept_in_order_with_their_events(tmp_path):
    store = JobStore(tmp_path / "jobs")
    assert store.listed() == []
    jobs = [store.add({"kind": "doctor"}, "ada") for _ in range(3)]
    assert [job.id for job in store.unended()] == [job.id for job in jobs]  # who comes first is served first
    assert [job.id for job in store.listed()] == [job.id for job in reversed(jobs)]
    job = store.change(jobs[0], state="running")
    store.tell(job, stage="Looking", done=1, total=2)
    store.change(job, state="done", result={"a": 1})
    other = JobStore(tmp_path / "jobs")
    new = other.follow(job.id)
    events = new()
    assert [one["n"] for one in events] == [1, 2, 3]
    assert [one.get("state") for one in events] == ["running", None, "done"]
    assert other.follow(job.id, after=2)() == events[2:]
    assert other.last_event(job.id) == events[2]
    assert other.last_event(jobs[1].id) is None
    assert store.get(job.id).result == {"a": 1}
    assert {one.id for one in store.unended()} == {one.id for one in jobs[1:]}
    # What is being written is not read in part; then it is, once.
    path = store.folder / job.id / "events.jsonl"
    with path.open("a") as file:
        file.write('{"n": 4, "sta')
    assert new() == []
    assert other.last_event(job.id) == events[2]
    with path.open("a") as file:
        file.write('ge": "größer"}\n')
    assert new() == [{"n": 4, "stage": "größer"}]
    assert new() == []
    other.tell(job, stage="more")  # numbers go on, whoever tells
    assert other.last_event(job.id)["n"] == 5


@pytest.mark.parametrize("job_id", ["", "..", "../x", "20260101000000000000-00000000", "x" * 300])
def test_what_is_no_job_is_not_found(tmp_path, job_id):
    store = JobStore(tmp_path / "jobs")
    store.add({"kind": "doctor"}, "ada")
    with pytest.raises(UnknownIdentityError):
        store.get(job_id)


def test_only_files_below_the_output_are_given_out(tmp_path):
    store = JobStore(tmp_path / "jobs")
    job = store.add({"kind": "doctor"}, "ada")
    output = store.output(job.id)
    (output / "pictures").mkdir(parents=True)
    (output / "pictures" / "a.png").write_bytes(b"123")
    (output / "link").symlink_to("/etc/passwd")
    assert store.files(job.id) == {"pictures/a.png": 3}
    assert store.file(job.id, "pictures/a.png").read_bytes() == b"123"
    for name in ("link", "../job.json", "pictures", "/etc/passwd"):
        with pytest.raises(UnknownIdentityError):
            store.file(job.id, name)
