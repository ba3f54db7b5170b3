"""The program that decodes pictures for a service: bytes come in on stdin, pixels go out on stdout.

Decoders are the part that untrusted bytes reach first, so they run here: with bounded memory, without the right to
write files, and to no harm of anybody when they crash. It ends when stdin is closed, also by the service's death.
"""

from __future__ import annotations

import resource
import signal
import struct
import sys
from typing import BinaryIO

from lookalike import images
from lookalike.errors import ImageError

__all__ = ["FAILED", "LENGTH", "PIXELS", "SHAPE", "main"]

#: A request: the number of bytes, then these. An answer: `PIXELS`, height and width, and RGB bytes; or `FAILED`, the
#: number of bytes of a message in UTF-8, and these.
LENGTH, SHAPE = struct.Struct("<Q"), struct.Struct("<II")
PIXELS, FAILED = b"\x00", b"\x01"


def main() -> None:
    """Decode until stdin ends; arguments are the bytes of memory and the pixels of a picture that are allowed."""
    memory, pixels = map(int, sys.argv[1:3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the service's to answer: it closes stdin
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    images.MAX_PIXELS = min(images.MAX_PIXELS, pixels)
    asked, answered = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not get between the answers
    while (content := _read(asked)) is not None:
        try:
            picture = images.read_picture(content)
        except ImageError as error:
            message = str(error).encode()
            answered.write(FAILED + LENGTH.pack(len(message)) + message)
        else:
            answered.write(PIXELS + SHAPE.pack(*picture.shape[:2]))
            answered.write(picture.data)
            del picture
        answered.flush()


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH.size)
    return source.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


if __name__ == "__main__":
    main()
