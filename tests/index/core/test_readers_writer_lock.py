"""Readers together, writers alone, and no writer that waits for ever."""

import threading
import time
from functools import partial
from pathlib import Path

import pytest

from lookalike.index.core import readers_writer_lock
from lookalike.index.core.readers_writer_lock import ReadersWriterLock


def test_a_writer_is_alone_and_readers_are_not():
    lock, inside, seen, most = ReadersWriterLock(), [0, 0], [], []
    guard = threading.Lock()

    def read():
        with guard:
            inside[0] += 1
            seen.append(inside[1])
            most.append(inside[0])
        time.sleep(0.0001)
        with guard:
            inside[0] -= 1

    def write():
        with guard:
            inside[1] += 1
            seen.append(inside[0])
            seen.append(inside[1] - 1)
        time.sleep(0.0001)
        with guard:
            inside[1] -= 1

    def many(enter, work, times):
        for _ in range(times):
            enter(work)

    tasks = [(lock.read, read, 200)] * 3 + [(lock.write, write, 50)] * 2
    threads = [threading.Thread(target=many, args=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(seen) == {0}
    assert max(most) > 1


def test_a_writer_goes_before_readers_that_come_later():
    lock, order, reading, done = ReadersWriterLock(), [], threading.Event(), threading.Event()

    def first():
        reading.set()
        done.wait(10)

    holder = threading.Thread(target=lock.read, args=(first,))
    writer = threading.Thread(target=lock.write, args=(order.append, "writer"))
    reader = threading.Thread(target=lock.read, args=(order.append, "reader"))
    holder.start()
    reading.wait(10)
    writer.start()
    while not lock.gate.locked():
        time.sleep(0.001)
    reader.start()
    time.sleep(0.05)
    assert order == []
    done.set()
    for thread in (holder, writer, reader):
        thread.join(10)
    assert order == ["writer", "reader"]


@pytest.mark.parametrize("enter", ["read", "write"])
def test_an_error_inside_lets_others_in(enter):
    lock = ReadersWriterLock()
    with pytest.raises(ZeroDivisionError):
        getattr(lock, enter)(lambda: 1 / 0)
    assert free(lock)


def free(lock):
    """Whether another thread may write and then read."""
    done = []

    def use():
        lock.write(done.append, 1)
        lock.read(done.append, 2)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(10)
    return done == [1, 2]


@pytest.mark.parametrize("bytecodes", [False, True])
@pytest.mark.parametrize("enter", ["read", "write"])
def test_an_interruption_anywhere_leaves_nothing_held(interrupted, enter, bytecodes):
    at, points = 0, None
    while points is None:
        lock, done = ReadersWriterLock(), []
        lock.read(int)
        act = partial(getattr(lock, enter), done.append, 1)
        points = interrupted(act, [Path(readers_writer_lock.__file__)], at, bytecodes)
        assert free(lock), at
        at += 1
    assert done == [1]
    assert points > 3
