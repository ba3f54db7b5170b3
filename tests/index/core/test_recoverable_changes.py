"""What an error interrupts is undone or completed before anybody reads; `test_interrupted_changes.py` takes indexes."""

import threading
from functools import partial

import pytest

from lookalike.index.core.recoverable_changes import RecoverableChanges


class Pair:
    """Two lists that are to be equal whenever somebody reads."""

    def __init__(self):
        self.changes, self.one, self.other = RecoverableChanges(), [], []

    def add(self, value, fail=False):
        self.one.append(value)
        if fail:
            raise MemoryError
        self.other.append(value)

    def cut(self, size):
        del self.one[size:], self.other[size:]

    def read(self):
        return self.changes.read(lambda: (list(self.one), list(self.other)))


def test_steps_are_seen_one_after_the_other_and_stay_when_done():
    pair = Pair()
    with pair.changes.turn:
        for value in (1, 2):
            pair.changes.step(lambda value=value: pair.add(value), lambda: pair.cut(0))
            assert pair.read() == ([*range(1, value + 1)],) * 2
        pair.changes.done()
    assert pair.read() == ([1, 2], [1, 2])


def test_a_step_that_fails_is_undone_by_the_next_reader():
    pair = Pair()
    with pair.changes.turn:
        pair.changes.step(lambda: pair.add(1), lambda: pair.cut(0))
        with pytest.raises(MemoryError):
            pair.changes.step(lambda: pair.add(2, fail=True), lambda: pair.cut(0))
    assert pair.one == [1, 2]
    assert pair.read() == ([], [])


def test_steps_that_nobody_finished_are_undone_though_each_is_whole():
    pair = Pair()
    with pair.changes.turn:
        pair.changes.step(lambda: pair.add(1), lambda: pair.cut(0))
    assert pair.read() == ([], [])


def test_a_change_that_fails_is_made_again_until_it_succeeds():
    pair, tries = Pair(), []

    def change():
        pair.cut(0)
        tries.append(1)
        pair.add(1, fail=len(tries) < 3)

    with pytest.raises(MemoryError), pair.changes.turn:
        pair.changes.finish(change)
    with pytest.raises(MemoryError):
        pair.read()
    assert pair.read() == ([1], [1])
    assert len(tries) == 3


def test_readers_of_other_threads_see_no_half_step():
    pair, seen, stop = Pair(), [], threading.Event()

    def look():
        while not stop.is_set():
            seen.append(pair.read())

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for value in range(300):
        with pair.changes.turn:
            pair.changes.step(lambda value=value: pair.add(value), lambda: None)
            pair.changes.done()
        pair.changes.read(lambda: None)
    stop.set()
    for thread in threads:
        thread.join()
    assert all(one == other for one, other in seen)


def test_what_readers_prepared_is_dropped_by_every_change_and_not_made_while_one_is_under_way():
    changes = RecoverableChanges()
    kept = changes.prepared
    assert changes.prepare("mine", lambda still: (still.prepared, still.gate.locked())) == (kept, False)
    assert list(kept) == ["mine"]
    with changes.turn:
        changes.step(lambda: None, lambda: None)
        assert not kept
        assert changes.prepare("mine", lambda still: 1) is None
        assert not changes.prepared
        changes.done()
    assert changes.prepare("mine", lambda still: 2) == 2
    assert changes.prepared is not kept, "who holds the old one still sees that it is empty"
    seen = []
    with changes.turn, pytest.raises(KeyboardInterrupt):
        changes.finish(partial(interrupted, seen, changes))
    assert seen == [{}]
    assert changes.prepare("mine", lambda still: 3) is None, "first the change has to be completed"


def interrupted(seen, changes):
    seen.append(dict(changes.prepared))
    raise KeyboardInterrupt
