"""Kill a process that writes to a gallery at random moments and see whether the gallery kept its word.

A child enrolls identities of 2 or 3 templates, and now and then replaces or forgets one, and reports each act on a pipe
twice: before it starts and after it returned. Meanwhile segments are built, of few templates, so that there are
many. The parent kills it with SIGKILL at a random moment (while the gallery is being created, too), then opens the
gallery and compares it with the reports:

- missing: something acknowledged is not there, there with other bytes, or not found by a search;
- phantoms: something there that was never begun, or begun and only half there;
- resurrected: who was forgotten or replaced is back, or the vector is in some file of the gallery;
- open_failures: the gallery does not open, or SQLite's integrity check is not "ok";
- child_failures: an act failed in the child, which ended before it was killed.

SIGKILL proves that nothing acknowledged waits in the process's memory. That the disk has it, too, rests on SQLite's
`synchronous=FULL`, which tests/gallery/test_embedded.py checks; only pulling the plug would show it.

    python benchmarks/gallery_kill.py --kills 2000
    python benchmarks/gallery_kill.py --kills 2000 --encrypted

With `--encrypted`, a key that the gallery notes as destroyed and that the keyring still holds counts as resurrected.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

import lookalike.index
from lookalike.gallery import open_gallery, segment_builder
from lookalike.gallery.database import FILE_NAME
from lookalike.gallery.keyring import keyring_path
from lookalike.index.core.metric_space import MetricSpace

DIMENSION = 128
#: Kills per gallery; a fresh one then, so that its creation is killed as well.
ROUND = 20
#: Templates of which a segment is made.
SEGMENT = 30
#: The master key, with `--encrypted`.
KEY: bytes | None = None
#: What may not happen.
BAD = ("missing", "phantoms", "resurrected", "open_failures", "child_failures")


def vectors_of(name: str, version: str) -> npt.NDArray[np.float32]:
    """What `name` is enrolled with: 2 or 3 vectors that follow from the name and the version alone."""
    generator = np.random.default_rng(list(f"{name} {version}".encode()))
    return generator.standard_normal((2 + int(generator.integers(2)), DIMENSION), dtype=np.float32)


def bytes_of(name: str, version: str) -> list[bytes]:
    """The same as bytes."""
    return [row.tobytes() for row in vectors_of(name, version)]


def child(folder: Path, label: str, report: int) -> None:
    """Enroll, replace and forget until killed."""
    with open_gallery(folder, key=KEY) as gallery:
        gallery.bind("fingerprint", "a model", "cosine", DIMENSION)
        mine: list[str] = []
        for number in range(1_000_000):
            version = "1"
            if number % 5 == 4:
                act, name, version = "-", mine.pop(0), "0"
            elif number % 5 == 3:
                act, name, version = "=", mine[-1], "2"
            else:
                act, name = "+", f"{label}-{number}"
                mine.append(name)
            os.write(report, f"begin {act} {name}\n".encode())
            if act == "-":
                gallery.forget(name)
            else:
                gallery.enroll_many([(name, vectors_of(name, version), None)], replace=act == "=")
            os.write(report, f"done {act} {name}\n".encode())


@dataclass
class Report:
    """What a child wrote: the acts that returned, the one under way when it was killed, and why it ended by itself."""

    acts: list[tuple[str, str]] = field(default_factory=list)
    flying: tuple[str, str] | None = None
    failure: str | None = None


def one_kill(folder: Path, label: str, delay: float) -> Report:
    """Start a child and kill it after `delay` seconds."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        try:
            child(folder, label, writing)
        except BaseException as error:
            os.write(writing, " ".join(["failed", type(error).__name__, *str(error).split()]).encode() + b"\n")
        os._exit(1)
    os.close(writing)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a file descriptor
        lines = pipe.read().decode().split("\n")[:-1]
    os.waitpid(process, 0)
    report = Report()
    for line in lines:
        word, act, name = line.split(" ", 2)
        if word == "failed":
            report.failure = f"{act}: {name}"
        elif word == "begin":
            report.flying = (act, name)
        else:
            report.acts.append((act, name))
            report.flying = None
    return report


@dataclass
class Expected:
    """What a gallery has to hold."""

    held: dict[str, list[bytes]] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)

    def done(self, act: str, name: str) -> None:
        """Note an act."""
        self.gone += self.held.pop(name, [])
        if act != "-":
            self.held[name] = bytes_of(name, "1" if act == "+" else "2")

    def after(self, act: str, name: str) -> list[bytes] | None:
        """The templates of an identity after an act."""
        return None if act == "-" else bytes_of(name, "1" if act == "+" else "2")


@dataclass
class Found:
    """What a gallery holds."""

    held: dict[str, list[bytes]]
    lost: list[str]
    segments: int
    files: bytes
    keys_back: int = 0


def content(folder: Path) -> Found:
    """Open the gallery as a user would, and look at everything."""
    with open_gallery(folder, key=KEY) as gallery:
        held: dict[str, list[bytes]] = {person.name: [] for person in gallery.people()}
        for template in gallery.templates():
            held[template.identity].append(template.vector.tobytes())
        names = list(held)
        probes = np.array([np.frombuffer(held[name][0], np.float32) for name in names]).reshape(len(names), DIMENSION)
        found = gallery.search(probes, k=1) if names else []
        lost = [name for name, (best,) in zip(names, found, strict=True) if best.identity != name]
        index = gallery.stats()["index"]
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        answer = connection.execute("PRAGMA integrity_check").fetchall()
        if answer != [("ok",)] or connection.execute("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"integrity check: {answer[:3]}")
        destroyed = connection.execute("SELECT key_id FROM destroyed_key").fetchall() if KEY else []
    files = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return Found(held, lost, len(index["segments"]) if index else 0, files, keys_back(folder, destroyed))


def keys_back(folder: Path, destroyed: list[tuple[bytes]]) -> int:
    """Keys that were destroyed, and that the keyring holds."""
    if KEY is None:
        return 0
    with closing(sqlite3.connect(keyring_path(folder))) as connection:
        held = connection.execute("SELECT id FROM person_key WHERE hex(wrapped) NOT IN (hex(zeroblob(60)))").fetchall()
    return len(set(held) & set(destroyed))


def judged(found: Found, expected: Expected, flying: tuple[str, str] | None, result: dict[str, int]) -> list[str]:
    """Count what is wrong."""
    if flying is not None:
        # The act in flight may have happened or not, but never by half.
        act, name = flying
        result["in_flight"] += 1
        if found.held.get(name) == expected.after(act, name):
            result["in_flight_kept"] += 1
            expected.done(act, name)
    held = expected.held
    missing = [name for name, rows in held.items() if found.held.get(name) != rows] + found.lost
    phantoms = [name for name in found.held if name not in held]
    gone = expected.gone[-30:]
    directions = MetricSpace("cosine", DIMENSION).vectors(
        np.frombuffer(b"".join(gone), np.float32).reshape(-1, DIMENSION)
    )
    back = sum(one in found.files for one in [*gone, *(row.tobytes() for row in directions)]) + found.keys_back
    result["missing"] += len(missing)
    result["phantoms"] += len(phantoms)
    result["resurrected"] += back
    result["most_segments"] = max(result["most_segments"], found.segments)
    expected.held = found.held
    return [f"missing {missing[:3]}, phantoms {phantoms[:3]}, back {back}"] if missing or phantoms or back else []


def run(kills: int, seed: int, parent: Path | None = None) -> dict[str, object]:
    """Kill `kills` times and count what went wrong."""
    chance = random.Random(seed)
    lookalike.index.AUTO_EXACT_LIMIT = SEGMENT
    segment_builder.WAIT = 0.0
    counts = ("kills", "acknowledged", *BAD, "in_flight", "in_flight_kept", "before_first", "most_segments")
    result = dict.fromkeys(counts, 0)
    notes: list[str] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=parent) as temporary:
        expected = Expected()
        folder = Path(temporary) / "people.gallery"
        for kill in range(kills):
            if kill % ROUND == 0:
                shutil.rmtree(folder, ignore_errors=True)
                for left in folder.parent.glob(f"{folder.name}.keys*"):
                    left.unlink()
                expected = Expected()
            delay = chance.uniform(0, 0.01) if kill % ROUND == 0 else chance.uniform(0, 0.2)
            report = one_kill(folder, f"{kill}", delay)
            result["kills"] += 1
            result["acknowledged"] += len(report.acts)
            result["before_first"] += not report.acts
            if report.failure is not None:
                result["child_failures"] += 1
                notes.append(f"kill {kill}: the child: {report.failure}")
            for act, name in report.acts:
                expected.done(act, name)
            try:
                found = content(folder)
            except Exception as error:
                result["open_failures"] += 1
                notes.append(f"kill {kill}: {type(error).__name__}: {error}")
                shutil.rmtree(folder, ignore_errors=True)
                expected = Expected()
                continue
            notes += [f"kill {kill}: {note}" for note in judged(found, expected, report.flying, result)]
    return {
        **result,
        "encrypted": KEY is not None,
        "seconds": round(time.perf_counter() - started, 1),
        "seed": seed,
        "notes": notes[:10],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; by default another one every time")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to make the galleries; by default the temporary one"
    )
    parser.add_argument("--encrypted", action="store_true", help="galleries whose people have a key each")
    given = parser.parse_args()
    global KEY
    KEY = bytes(range(32)) if given.encrypted else None
    seed = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    result = run(given.kills, seed, given.folder)
    print(json.dumps(result))
    return 1 if any(result[bad] for bad in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
