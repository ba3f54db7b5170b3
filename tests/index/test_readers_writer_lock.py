"""Readers together, writers alone, and no writer that waits for ever."""

import threading
import time

from lookalike.index.readers_writer_lock import ReadersWriterLock


def test_a_writer_is_alone_and_readers_are_not():
    lock, inside, seen, most = ReadersWriterLock(), [0, 0], [], []
    guard = threading.Lock()

    def read():
        for _ in range(200):
            lock.start_reading()
            with guard:
                inside[0] += 1
                seen.append(inside[1])
                most.append(inside[0])
            time.sleep(0.0001)
            with guard:
                inside[0] -= 1
            lock.stop_reading()

    def write():
        for _ in range(50):
            with lock.writing():
                with guard:
                    inside[1] += 1
                    seen.append(inside[0])
                    seen.append(inside[1] - 1)
                time.sleep(0.0001)
                with guard:
                    inside[1] -= 1

    threads = [threading.Thread(target=work) for work in (read, read, read, write, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(seen) == {0}
    assert max(most) > 1


def test_a_writer_goes_before_readers_that_come_later():
    lock, order = ReadersWriterLock(), []
    lock.start_reading()

    def write():
        with lock.writing():
            order.append("writer")

    def read():
        lock.start_reading()
        order.append("reader")
        lock.stop_reading()

    writer, reader = threading.Thread(target=write), threading.Thread(target=read)
    writer.start()
    while not lock._gate.locked():
        time.sleep(0.001)
    reader.start()
    time.sleep(0.05)
    assert order == []
    lock.stop_reading()
    writer.join(10)
    reader.join(10)
    assert order == ["writer", "reader"]


def test_an_error_while_writing_lets_others_in():
    lock = ReadersWriterLock()
    try:
        with lock.writing():
            raise ValueError
    except ValueError:
        pass
    lock.start_reading()
    lock.stop_reading()
