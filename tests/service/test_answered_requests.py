"""An act under a key is done once, whatever happens to its answer; what is kept names nobody."""

import sqlite3
import threading

import pytest

from lookalike.errors import InputError, StorageError, UnknownIdentityError
from lookalike.service.answered_requests import AnsweredRequests
from lookalike.service.problems import Refused


@pytest.fixture
def answered(tmp_path):
    return AnsweredRequests(tmp_path / "state" / "answered.sqlite3", patience=60)


class Acts:
    def __init__(self, fails=None):
        self.done, self.fails = 0, fails

    def act(self):
        if self.fails:
            raise self.fails
        self.done += 1
        return self.done


def once(answered, acts, key="k", kind="act", **asked):
    return answered.once(key, kind, asked, acts.act, lambda n: {"n": n}, lambda kept: kept["n"])


def test_a_repetition_answers_the_same_and_does_nothing(answered, tmp_path):
    acts = Acts()
    assert [once(answered, acts, name="Ada") for _ in range(3)] == [1, 1, 1]
    again = AnsweredRequests(tmp_path / "state" / "answered.sqlite3", patience=60)  # another process
    assert once(again, acts, name="Ada") == 1
    assert once(again, acts, "other key", name="Ada") == 2
    assert once(again, acts, None, name="Ada") == 3
    assert acts.done == 3


def test_a_key_of_something_else_is_refused_until_somebody_is_forgotten(answered):
    acts = Acts()
    once(answered, acts, name="Ada")
    with pytest.raises(InputError, match="another key"):
        once(answered, acts, name="Bob")
    answered.empty_digests()
    assert once(answered, acts, name="Bob") == 1
    with pytest.raises(InputError, match="another key"):
        once(answered, acts, kind="another act", name="Ada")
    assert acts.done == 1


def test_what_was_refused_may_be_asked_again(answered):
    with pytest.raises(UnknownIdentityError):
        once(answered, Acts(UnknownIdentityError("nobody")))
    assert once(answered, Acts()) == 1


def test_one_that_has_not_ended_and_one_that_was_cut_off_are_told(answered):
    begun, go = threading.Event(), threading.Event()

    def slow():
        begun.set()
        go.wait(30)
        return 7

    def ask():
        return answered.once("k", "act", {}, slow, lambda n: {"n": n}, lambda kept: kept["n"])

    thread = threading.Thread(target=ask)
    thread.start()
    begun.wait(30)
    with pytest.raises(Refused) as refused:
        once(answered, Acts())
    assert (refused.value.status_code, refused.value.code, refused.value.headers) == (
        409,
        "in_progress",
        {"Retry-After": "1"},
    )
    answered._patience = 0
    with pytest.raises(Refused) as refused:
        once(answered, Acts())
    assert (refused.value.status_code, refused.value.code) == (409, "unknown_outcome")
    go.set()
    thread.join()
    assert once(answered, Acts()) == 7


def test_of_many_at_once_one_acts(answered):
    acts, answers = Acts(), []
    together = threading.Barrier(8)

    def ask():
        together.wait()
        try:
            answers.append(once(answered, acts))
        except Refused as refused:
            answers.append(refused.code)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert acts.done == 1
    assert set(answers) <= {1, "in_progress"}


def test_no_name_is_kept_and_keys_go_after_a_day(answered, monkeypatch):
    once(answered, Acts(), name="Somebody Particular")
    folder = answered._file.parent
    assert b"Particular" not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert answered._file.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(answered._file) as file:
        file.execute("UPDATE answered SET at = at - 90000")
    assert once(answered, Acts(), name="Bob") == 1  # the key is free again


def test_a_file_that_is_none_is_refused_before_anything_is_done(answered):
    answered._file.parent.mkdir()
    answered._file.write_bytes(b"nonsense" * 1000)
    acts = Acts()
    with pytest.raises(StorageError, match=r"answered\.sqlite3"):
        once(answered, acts)
    assert acts.done == 0
