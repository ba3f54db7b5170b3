"""A program of its own reads and overwrites what SQLite has open; nothing else of ours opens it."""

import subprocess
import sys

import pytest

from lookalike.gallery.file_helper import asked, found_in

#: What a process that uses a gallery does, with every file that Python opens noted.
CODE = """
import sys
from pathlib import Path
import numpy as np
seen = []
sys.addaudithook(lambda event, given: seen.append(str(given[0])) if event == "open" else None)
from lookalike.gallery import open_gallery
from lookalike.gallery.erasure_receipt import erasure_receipt

folder, copy = Path(sys.argv[1]), Path(sys.argv[2])
chance = np.random.default_rng(0)
with open_gallery(folder) as gallery, open_gallery(folder) as again:
    gallery.bind("f1", "net", "cosine", 64)
    for number in range(60):
        gallery.enroll(f"{number}", chance.normal(size=(3, 64)))
    for number in range(0, 60, 2):
        gallery.forget(f"{number}")
    (folder / "remains").unlink()
    assert again.scrub()
    assert erasure_receipt(gallery, "1")["scan"]["found_in"] == []
    again.search(chance.normal(size=64), k=1)
    gallery.backup(copy)
opened = [one for one in seen if one.startswith(str(folder))]
assert any(one.endswith("-wal") for one in opened), opened
print([one for one in opened if one.endswith(("gallery.sqlite3", "-shm"))])
"""


def test_what_sqlite_has_open_is_opened_by_nobody_else(tmp_path):
    """Closing it would end SQLite's locks, and another process could cut the log's index under us."""
    folder, copy = tmp_path / "people.gallery", tmp_path / "copy"
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_bytes_are_found_in_files(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * 100 + b"Ada" + b"y")
    (tmp_path / "empty").write_bytes(b"")
    files = [str(tmp_path / name) for name in ("one", "empty", "none")]
    expected = {"files": 2, "bytes": 104, "found_in": files[:1]}
    assert asked("find", files=files, patterns=[b"Ada".hex()]) == expected == found_in(files, [b"Ada".hex()])
    assert asked("find", files=files, patterns=[b"Bob".hex()])["found_in"] == []


def test_what_fails_in_the_program_is_an_error_here(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        asked("overwrite", file=str(tmp_path / "none"), pages=None)
