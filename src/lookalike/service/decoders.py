"""Processes that decode pictures for a service (`decoding_worker`): one that hangs or dies costs one picture."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from queue import Empty, LifoQueue

import numpy as np

from lookalike.errors import ImageError
from lookalike.images import RGBArray
from lookalike.service.decoding_worker import FAILED, LENGTH, PIXELS, SHAPE

__all__ = ["Decoders", "NoDecoder"]


class NoDecoder(Exception):  # noqa: N818 - says what happened
    """All decoders were busy for too long."""


class _Gone(Exception):  # noqa: N818 - says what happened
    """The process has ended."""


class _Late(Exception):  # noqa: N818 - says what happened
    """The process has not answered in time."""


class Decoders:
    """So many processes that decode; they start when they are first needed. Safe to call from threads.

    Args:
        count: processes.
        seconds: a picture may take so long.
        memory: bytes that each process may have.
        pixels: a picture may have so many.

    Attributes:
        died: processes that had to be replaced.
    """

    def __init__(self, count: int, seconds: float, memory: int, pixels: int) -> None:
        self._seconds, self._limits = seconds, (str(memory), str(pixels))
        # The one that was used last is taken first: where little is asked, the others need no memory.
        self._idle: LifoQueue[_Process | None] = LifoQueue()
        for _ in range(count):
            self._idle.put(None)
        self._count, self.died = count, 0
        self._started: list[_Process] = []

    def start(self) -> None:
        """Start a process, so that the first picture need not wait for it."""
        process = self._idle.get()
        self._idle.put(process or self._another())

    @property
    def alive(self) -> int:
        """Processes that run now."""
        return sum(process.runs for process in tuple(self._started))

    def _another(self) -> _Process:
        made = _Process(self._limits)
        self._started.append(made)
        return made

    def decode(self, content: bytes) -> RGBArray:
        """The pixels of an encoded picture, `(h, w, 3)` uint8, upright.

        Raises:
            ImageError: it cannot be used, or its decoding crashed or took too long.
            NoDecoder: all processes were busy for too long.
        """
        try:
            process = self._idle.get(timeout=2 * self._seconds)
        except Empty:
            raise NoDecoder(f"no decoder became free within {2 * self._seconds:g} s") from None
        try:
            for _ in range(2):  # it may have died idle, which is no fault of this picture: a second one tells
                process = process or self._another()
                try:
                    return process.decoded(content, self._seconds)
                except _Gone:
                    self._lost(process)
                    process = None
                except _Late:
                    self._lost(process)
                    process = None
                    raise ImageError(
                        f"the picture was not decoded within {self._seconds:g} s; make it smaller, or save it anew as "
                        "JPEG"
                    ) from None
        finally:
            self._idle.put(process)
        raise ImageError(
            "the picture made its decoder crash, or needs more memory than one picture may; save it anew as JPEG"
        )

    def _lost(self, process: _Process) -> None:
        """A process that is to be replaced."""
        self.died += 1
        self._started.remove(process)
        process.end()

    def close(self) -> None:
        """End all processes; wait for those that decode."""
        for _ in range(self._count):
            process = self._idle.get()
            if process is not None:
                process.end()


class _Process:
    """One decoding process."""

    def __init__(self, limits: tuple[str, str]) -> None:
        # Matrix libraries reserve memory for each thread, and nothing here multiplies matrices.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lookalike.service.decoding_worker", *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._asked.fileno(), False)  # a write never waits for a process that does not read

    def decoded(self, content: bytes, seconds: float) -> RGBArray:
        """What it makes of a picture; an `ImageError` where it refuses it."""
        until, descriptor = time.monotonic() + seconds, self._asked.fileno()
        try:
            for part in (LENGTH.pack(len(content)), content):
                view = memoryview(part)
                while view:
                    _wait(descriptor, select.POLLOUT, until)
                    view = view[os.write(descriptor, view) :]
        except OSError:
            raise _Gone from None
        kind = bytes(self._read(1, until))
        if kind == FAILED:
            (length,) = LENGTH.unpack(self._read(LENGTH.size, until))
            raise ImageError(bytes(self._read(length, until)).decode())
        if kind != PIXELS:
            raise _Gone
        height, width = SHAPE.unpack(self._read(SHAPE.size, until))
        return np.frombuffer(self._read(height * width * 3, until), np.uint8).reshape(height, width, 3)

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._asked.close()
        self._answers.close()

    def _read(self, count: int, until: float) -> bytearray:
        made = bytearray(count)
        view, descriptor = memoryview(made), self._answers.fileno()
        while view:
            _wait(descriptor, select.POLLIN, until)
            got = os.readv(descriptor, [view])
            if not got:
                raise _Gone
            view = view[got:]
        return made


def _wait(descriptor: int, what: int, until: float) -> None:
    """Wait until a pipe can be read or written."""
    poll = select.poll()
    poll.register(descriptor, what)
    if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
        raise _Late
