"""Reads and overwrites files that SQLite has open, as a program of its own.

The locks that a process has on a file end when it closes any of its descriptors of that file, those of SQLite as well
(https://sqlite.org/howtocorrupt.html, section 2.2). So nothing opens a gallery's database, its index of the log or its
keyring beside SQLite in the same process. What must be done with their bytes is done by this file, started as a
program, which reads a request from its input and prints the answer, both JSON. It imports nothing but the standard
library, and starts in some 20 ms.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["asked", "has_remains", "overwrite_unused"]

_FILE_HEADER = 100
#: The first byte of a page of a tree, and the length of its header: inner pages of an index and of a table, leaves.
_TREE_PAGES = {2: 12, 5: 12, 10: 8, 13: 8}
#: Bytes in a row that are not zero, of which so many may be of a row.
_ROW = re.compile(rb"[^\0]{5}")


def asked(act: str, **given: Any) -> Any:
    """Have an act done by a process of its own.

    Args:
        act: `overwrite` or `find`.
        **given: arguments of `overwrite_unused` or `found_in`, ready for JSON.

    Raises:
        OSError: a file could not be read or written, or the program not be started.
    """
    request = json.dumps({"act": act, **given})
    done = subprocess.run(
        [sys.executable, "-I", "-S", __file__], input=request, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"{__file__} failed: {(done.stderr.strip().splitlines() or ['it was killed'])[-1]}")
    return json.loads(done.stdout)


# --- unused parts of pages --------------------------------------------------------------------------------


def _unused(number: int, page: bytes) -> tuple[int, int]:
    """Where the unused part of a page starts and ends; nothing of one that is of no tree."""
    first = _FILE_HEADER if number == 1 else 0
    header = _TREE_PAGES.get(page[first])
    if header is None:
        return 0, 0
    start = first + header + 2 * int.from_bytes(page[first + 3 : first + 5], "big")
    end = int.from_bytes(page[first + 5 : first + 7], "big") or 65536
    return (start, end) if start <= end <= len(page) else (0, 0)


def has_remains(number: int, page: bytes) -> bool:
    """Whether more is in the unused part of a page than what SQLite notes there itself, which tells nothing.

    Behind the list of cells stay numbers of places in the page when a cell is deleted, and where a free block was, four
    bytes: the place of the next one, and its own length. A row has longer runs of bytes that are not zero.

    Args:
        number: of the page, from 1 on.
        page: its bytes.
    """
    start, end = _unused(number, page)
    unused = page[start:end]
    if not unused.strip(b"\0"):
        return False
    first = 0
    while start <= int.from_bytes(unused[first : first + 2], "big") < len(page):
        first += 2
    return _ROW.search(unused, first) is not None


def overwrite_unused(file: str, pages: list[int] | None) -> int:
    """Overwrite the unused part of pages of a database with zeros, where something remains; on the disk afterwards.

    Args:
        file: the database.
        pages: their numbers; None for all. Those beyond the end of the file are passed over.

    Returns:
        in how many there was something.
    """
    changed = 0
    with open(file, "r+b") as opened:  # noqa: PTH123 - pathlib takes time to import
        size = int.from_bytes(opened.read(_FILE_HEADER)[16:18], "big")
        size = 65536 if size == 1 else size
        count = os.fstat(opened.fileno()).st_size // size
        for number in range(1, count + 1) if pages is None else sorted(pages):
            if number > count:
                break
            opened.seek((number - 1) * size)
            content = opened.read(size)
            if has_remains(number, content):
                start, end = _unused(number, content)
                opened.seek((number - 1) * size + start)
                opened.write(bytes(end - start))
                changed += 1
        opened.flush()
        os.fsync(opened.fileno())
    return changed


# --- looking for bytes ------------------------------------------------------------------------------------


def found_in(files: list[str], patterns: list[str]) -> dict[str, Any]:
    """Look for texts of bytes in files.

    Args:
        files: those that are not there hold nothing.
        patterns: in hexadecimal digits.

    Returns:
        how many `files` were read, their `bytes`, and which of them hold a pattern, `found_in`.
    """
    wanted = [bytes.fromhex(one) for one in patterns]
    read, size, found = 0, 0, []
    for path in files:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes time to import
                length = os.fstat(file.fileno()).st_size
                read, size = read + 1, size + length
                if length == 0:
                    continue
                with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content:
                    if any(content.find(pattern) >= 0 for pattern in wanted):
                        found.append(path)
        except FileNotFoundError:
            continue
    return {"files": read, "bytes": size, "found_in": found}


def _answer(request: dict[str, Any]) -> Any:
    acts: dict[str, Callable[..., Any]] = {"overwrite": overwrite_unused, "find": found_in}
    return acts[request.pop("act")](**request)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))))
