"""Kill a process that writes to a gallery at random moments and see whether the gallery kept its word.

A child enrolls identities of 2 or 3 templates, and now and then replaces, renames, merges, undoes or forgets, and
reports each act on a pipe twice: before it starts and after it returned. Meanwhile segments are built, of few
templates, so that there are many. The parent kills it with SIGKILL at a random moment (while the gallery is being
created, too), then opens the gallery and compares it with the reports, by names, tags and templates:

- missing: something acknowledged is not there, there with other bytes, or not found by a search;
- phantoms: something there that was never begun, or begun and only half there, such as half of a merging;
- resurrected: who was forgotten or replaced is back, or the vector or a name is in some file of the gallery;
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
import copy
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
from lookalike.gallery import Enrolment, Gallery, background_builder, open_gallery, segment_builder
from lookalike.gallery.database import FILE_NAME
from lookalike.gallery.keyring import keyring_path
from lookalike.index.core import prefix_index
from lookalike.index.core.metric_space import MetricSpace

DIMENSION = 128
#: Kills per gallery; a fresh one then, so that its creation is killed as well.
ROUND = 20
#: Templates of which a segment is made.
SEGMENT = 30
#: What a gallery holds: of every name, the templates and the tag.
State = dict[str, tuple[list[bytes], str]]
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


#: What a child does, again and again: enroll, merge, undo (or replace, in turns), rename, replace, forget.
TURN = "++&<+>=-"

#: An act, as it is reported: what was done, to whom, and with whom else.
Act = tuple[str, ...]


def child(folder: Path, label: str, report: int) -> None:
    """Enroll, replace, rename, merge, undo and forget until killed."""
    with open_gallery(folder, key=KEY) as gallery:
        gallery.bind("fingerprint", "a model", "cosine", DIMENSION)
        mine: list[str] = []
        both: Act = ()
        merged = 0
        for number in range(1_000_000):
            kind = TURN[number % len(TURN)]
            act: Act
            if kind == "+":
                act = (kind, f"<{label}-{number}>")
            elif kind == ">":
                act = (kind, mine[-1], f"{mine[-1][:-1]}renamed>")
            elif kind == "&":
                act = both = (kind, mine[-2], mine[-1])
            elif kind == "<":
                act = (kind, *both[1:]) if (number // len(TURN) + int(label)) % 2 else ("=", mine[0])
            else:
                act = (kind, mine[-1] if kind == "=" else mine[0])
            os.write(report, " ".join(["begin", *act]).encode() + b"\n")
            merged = done(gallery, act, merged, key=f"{label}-{number}")
            os.write(report, " ".join(["done", *act]).encode() + b"\n")
            followed(mine, act)


def done(gallery: Gallery, act: Act, merged: int, key: str) -> int:
    """Do an act; returns the number of the last merging."""
    kind, name, *others = act
    if kind in "+=":
        one = Enrolment(name, vectors_of(name, kind), tags={"by": name})
        gallery.enroll_many([one], replace=kind == "=", key=key)
    elif kind == ">":
        gallery.rename(name, others[0])
    elif kind == "&":
        return gallery.merge([name, *others], name).id
    elif kind == "<":
        gallery.undo(merged)
    else:
        gallery.forget(name)
    return merged


def followed(mine: list[str], act: Act) -> None:
    """Note who is there after an act of the child."""
    kind, name, *others = act
    if kind == "+":
        mine.append(name)
    elif kind == ">":
        mine[mine.index(name)] = others[0]
    elif kind == "&":
        mine.remove(others[0])
    elif kind == "<":
        mine.append(others[0])
    elif kind == "-":
        mine.remove(name)


@dataclass
class Report:
    """What a child wrote: the acts that returned, the one under way when it was killed, and why it ended by itself."""

    acts: list[Act] = field(default_factory=list)
    flying: Act | None = None
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
        word, *act = line.split(" ")
        if word == "failed":
            report.failure = " ".join(act)
        elif word == "begin":
            report.flying = tuple(act)
        else:
            report.acts.append(tuple(act))
            report.flying = None
    return report


@dataclass
class Person:
    """Who has to be in a gallery: templates, tags, and all names that this person had."""

    rows: list[bytes]
    tag: str
    names: set[str]


@dataclass
class Expected:
    """What a gallery has to hold, and what must be in no file of it."""

    held: dict[str, Person] = field(default_factory=dict)
    gone: list[bytes] = field(default_factory=list)
    gone_names: list[str] = field(default_factory=list)
    merged: dict[str, Person] = field(default_factory=dict)

    def done(self, act: Act) -> None:
        """Note an act."""
        kind, name, *others = act
        if kind in "+=":
            before = self.held.get(name)
            rows = bytes_of(name, kind)
            self.gone += [row for row in before.rows if row not in rows] if before else []
            self.held[name] = Person(rows, name, before.names if before else {name})
        elif kind == ">":
            person = self.held.pop(name)
            self.held[others[0]] = Person(person.rows, person.tag, person.names | {others[0]})
        elif kind == "&":
            other = self.merged[others[0]] = self.held.pop(others[0])
            person = self.held[name]
            self.held[name] = Person(person.rows + other.rows, person.tag, person.names | other.names)
        elif kind == "<":
            other = self.held[others[0]] = self.merged.pop(others[0])
            person = self.held[name]
            rows = [row for row in person.rows if row not in other.rows]
            self.held[name] = Person(rows, person.tag, person.names - other.names)
        else:
            person = self.held.pop(name)
            self.gone += person.rows
            self.gone_names += sorted(person.names)

    def state(self) -> State:
        """Templates and tag by name."""
        return {name: (sorted(person.rows), person.tag) for name, person in self.held.items()}


@dataclass
class Found:
    """What a gallery holds."""

    held: State
    lost: list[str]
    segments: int
    files: dict[str, bytes]
    keys_back: int = 0


def content(folder: Path) -> Found:
    """Open the gallery as a user would, and look at everything."""
    with open_gallery(folder, key=KEY) as gallery:
        people = gallery.people()
        held: dict[str, list[bytes]] = {person.name: [] for person in people}
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
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    state = {person.name: (sorted(held[person.name]), person.tags["by"]) for person in people}
    return Found(state, lost, len(index["segments"]) if index else 0, files, keys_back(folder, destroyed))


def keys_back(folder: Path, destroyed: list[tuple[bytes]]) -> int:
    """Keys that were destroyed, and that the keyring holds."""
    if KEY is None:
        return 0
    with closing(sqlite3.connect(keyring_path(folder))) as connection:
        held = connection.execute("SELECT id FROM person_key WHERE hex(wrapped) NOT IN (hex(zeroblob(60)))").fetchall()
    return len(set(held) & set(destroyed))


def judged(found: Found, expected: Expected, flying: Act | None, result: dict[str, int]) -> tuple[Expected, list[str]]:
    """Count what is wrong; returns what is there from now on."""
    if flying is not None:
        # The act in flight may have happened or not, but never by half.
        result["in_flight"] += 1
        after = copy.deepcopy(expected)
        after.done(flying)
        if found.held == after.state() != expected.state():
            result["in_flight_kept"] += 1
            expected = after
    state = expected.state()
    missing = [name for name, there in state.items() if found.held.get(name) != there] + found.lost
    phantoms = [name for name in found.held if name not in state]
    gone = expected.gone[-30:]
    directions = MetricSpace("cosine", DIMENSION).vectors(
        np.frombuffer(b"".join(gone), np.float32).reshape(-1, DIMENSION)
    )
    wanted = {
        "vector": gone, "direction": [row.tobytes() for row in directions],
        "name": [name.encode() for name in expected.gone_names[-30:]],
    }  # fmt: skip
    traces = [
        f"{what} in {name}"
        for what, values in wanted.items() for one in values for name, data in found.files.items() if one in data
    ]  # fmt: skip
    back = len(traces) + found.keys_back
    result["missing"] += len(missing)
    result["phantoms"] += len(phantoms)
    result["resurrected"] += back
    result["most_segments"] = max(result["most_segments"], found.segments)
    expected.merged.clear()  # the next child does not undo what this one did
    wrong = bool(missing or phantoms or back)
    return expected, [f"missing {missing[:3]}, phantoms {phantoms[:3]}, back {back}: {traces[:3]}"] if wrong else []


def run(kills: int, seed: int, parent: Path | None = None, keep: Path | None = None) -> dict[str, object]:
    """Kill `kills` times and count what went wrong."""
    chance = random.Random(seed)
    lookalike.index.AUTO_EXACT_LIMIT = SEGMENT
    background_builder.WAIT = 0.0
    segment_builder._GRAPH_AT_ONCE, prefix_index.EXACT_BELOW = 2 * SEGMENT, SEGMENT  # lists before graphs
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
            delay = chance.uniform(0, 0.01) if kill % ROUND == 0 else chance.uniform(0, 0.3)
            report = one_kill(folder, f"{kill}", delay)
            result["kills"] += 1
            result["acknowledged"] += len(report.acts)
            result["before_first"] += not report.acts
            if report.failure is not None:
                result["child_failures"] += 1
                notes.append(f"kill {kill}: the child: {report.failure}")
            for act in report.acts:
                expected.done(act)
            try:
                found = content(folder)
            except Exception as error:
                result["open_failures"] += 1
                notes.append(f"kill {kill}: {type(error).__name__}: {error}")
                shutil.rmtree(folder, ignore_errors=True)
                expected = Expected()
                continue
            expected, wrong = judged(found, expected, report.flying, result)
            notes += [f"kill {kill}: {note}" for note in wrong]
            if wrong and keep is not None and not keep.exists():
                shutil.copytree(folder, keep)
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
    parser.add_argument(
        "--keep", type=Path, default=None, help="where to copy the first gallery in which all is not well"
    )
    given = parser.parse_args()
    global KEY
    KEY = bytes(range(32)) if given.encrypted else None
    seed = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    result = run(given.kills, seed, given.folder, given.keep)
    print(json.dumps(result))
    return 1 if any(result[bad] for bad in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
