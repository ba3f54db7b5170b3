"""Copies of moved rows that SQLite leaves in unused parts of pages: found in the log, overwritten in the file."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from lookalike.gallery import EmbeddedGallery
from lookalike.gallery.database import FILE_NAME
from lookalike.gallery.page_remains import Remains, _pages_with_remains

D = 128


def opened(path):
    gallery = EmbeddedGallery(path)
    gallery.bind("f1", "arcface", "cosine", D)
    return gallery


def vector(number):
    return np.random.default_rng(number).normal(size=D).astype(np.float32)


def name(number):
    """Names whose order is not that of enrolment, so that pages of the index are split in the middle."""
    return f"<{number * 7919 % 100_003}>"


def moved_about(gallery, seed):
    """Enroll and forget at random, with merges and renamings that change how long rows are; returns who is left."""
    chance, held, number = np.random.default_rng(seed), {}, 0
    for _ in range(120):
        act = chance.integers(5)
        if act <= 1 or len(held) < 6:
            for _ in range(3):
                number += 1
                gallery.enroll(name(number), vector(number))
                held[name(number)] = [number]
        elif act == 2:
            gallery.forget(gone := chance.choice(sorted(held)))
            del held[gone]
        elif act == 3:
            one, other = chance.choice(sorted(held), 2, replace=False)
            gallery.merge([one, other], one)
            held[one] += held.pop(other)
        else:
            old = chance.choice(sorted(held))
            gallery.rename(old, new := f"{old} of a long name {number}")
            held[new] = held.pop(old)
    return held, number


def on_disk(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def unused_parts(file):
    """Pages in whose unused part is more than places and lengths, by SQLite's description of the format."""
    data, found = file.read_bytes(), []
    size = int.from_bytes(data[16:18], "big")
    for number in range(len(data) // size):
        page = data[number * size : (number + 1) * size]
        at = 100 if number == 0 else 0
        header = {2: 12, 5: 12, 10: 8, 13: 8}.get(page[at])
        if header is not None:
            first = start = at + header + 2 * int.from_bytes(page[at + 3 : at + 5], "big")
            while start <= int.from_bytes(page[first : first + 2], "big") < size:
                first += 2
            if re.search(rb"[^\0]{5}", page[first : int.from_bytes(page[at + 5 : at + 7], "big") or 65536]):
                found.append(number + 1)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_who_is_forgotten_remains(tmp_path, seed):
    path = tmp_path / "people.gallery"
    with opened(path) as gallery:
        held, last = moved_about(gallery, seed)
        left = {number for numbers in held.values() for number in numbers}
        gallery.forget(next(iter(held)))
        content = on_disk(path)
        gone = [number for number in range(1, last + 1) if number not in left]
        assert [one for one in gone if vector(one).tobytes() in content] == []
    assert unused_parts(path / FILE_NAME) == []


def test_sqlite_leaves_copies_by_itself(tmp_path):
    """Without this module something would remain: else there is nothing to test here, and it can be deleted."""
    left = 0
    for seed in range(4):
        file = tmp_path / f"{seed}.sqlite3"
        chance = np.random.default_rng(seed)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, owner INTEGER, vector BLOB)")
            for number in range(400):
                connection.execute("INSERT INTO t VALUES (?, 1, ?)", (number, vector(number).tobytes()))
            for number in chance.permutation(400)[:300].tolist():
                connection.execute("UPDATE t SET owner = owner * 1000 WHERE id = ?", (int(chance.integers(400)),))
                connection.execute("DELETE FROM t WHERE id = ?", (number,))
            remains = Remains(file)
            remains.done()
            noted = _pages_with_remains(file.with_name(f"{file.name}-wal"))
            remains.note()
            assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
            found = unused_parts(file)
            assert set(found) <= noted  # a page may be free by now
            left += len(found)
            rows = connection.execute("SELECT * FROM t").fetchall()
            assert remains.pending == bool(noted)
            assert remains.overwrite() == len(found)
            assert unused_parts(file) == []
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT * FROM t").fetchall() == rows
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert left > 0


def test_a_gallery_that_was_never_looked_through_is_looked_through_once(tmp_path):
    path = tmp_path / "people.gallery"
    with opened(path) as gallery:
        held, _ = moved_about(gallery, 1)
    # A copy of a row, as an earlier version left it, in the unused part of a page.
    data = bytearray((path / FILE_NAME).read_bytes())
    page = next(n for n in range(1, len(data) // 4096) if data[4096 * n] == 13 and data[4096 * n + 5] > 8)
    data[4096 * page + 1500 : 4096 * page + 1506] = b"Ada Lo"
    assert int.from_bytes(data[4096 * page + 5 : 4096 * page + 7], "big") > 1506
    (path / FILE_NAME).write_bytes(data)
    with opened(path) as gallery:  # looked through already: nothing is expected there
        assert len(gallery.people()) == len(held)
    assert b"Ada Lo" in on_disk(path)
    (path / "remains").unlink()
    with opened(path) as gallery:
        assert b"Ada Lo" not in on_disk(path)
        assert len(gallery.people()) == len(held)
    assert (path / "remains").read_bytes() == b""


def test_what_a_killed_process_noted_is_overwritten_when_the_gallery_is_opened(tmp_path):
    path = tmp_path / "people.gallery"
    with opened(path) as gallery:
        moved_about(gallery, 2)
    data = bytearray((path / FILE_NAME).read_bytes())
    page = next(n for n in range(1, len(data) // 4096) if data[4096 * n] == 13 and data[4096 * n + 5] > 8)
    data[4096 * page + 1500 : 4096 * page + 1506] = b"Ada Lo"
    (path / FILE_NAME).write_bytes(data)
    (path / "remains").write_text(f"{page + 1}\n999999\n12\x00")  # one that is no more there, one half written
    with opened(path):
        assert b"Ada Lo" not in on_disk(path)
        assert (path / "remains").read_bytes() == b""


def test_a_program_that_forgets_to_close_leaves_nothing_in_the_log(tmp_path):
    code = (
        "import sys, numpy as np\nfrom lookalike.gallery import EmbeddedGallery\n"
        "gallery = EmbeddedGallery(sys.argv[1])\ngallery.bind('f1', 'arcface', 'cosine', 4)\n"
        "gallery.enroll('Ada', np.ones(4, np.float32))\n"
    )
    path = tmp_path / "people.gallery"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)
    log = path / f"{FILE_NAME}-wal"
    assert not log.exists() or log.stat().st_size == 0
    with EmbeddedGallery(path) as gallery:
        assert [one.name for one in gallery.people()] == ["Ada"]


def test_the_log_does_not_grow_without_end(tmp_path, monkeypatch):
    from lookalike.gallery import database

    monkeypatch.setattr(database, "_LONG_LOG", 50)
    monkeypatch.setattr(database, "_KEPT_LOG", 200_000)
    with opened(tmp_path / "people.gallery") as gallery:
        log = gallery._database._log
        gallery.enroll_many((f"many {at}", vector(at), None) for at in range(2000))
        assert log.stat().st_size > 1_000_000
        for number in range(60):
            gallery.enroll_many([(f"{number} {at}", vector(at), None) for at in range(20)])
            assert log.stat().st_size < 600_000
        gallery.forget("many 7")
        assert log.stat().st_size < 100_000
        assert vector(8).tobytes() not in log.read_bytes()


def test_no_log_is_no_remains(tmp_path):
    assert _pages_with_remains(tmp_path / "none") == set()
    (tmp_path / "short").write_bytes(b"\x37\x7f\x06\x82")
    assert _pages_with_remains(tmp_path / "short") == set()
    (tmp_path / "noise").write_bytes(np.random.default_rng(0).bytes(50_000))
    assert _pages_with_remains(tmp_path / "noise") == set()
