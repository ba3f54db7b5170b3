"""Kill an enrolling process at random moments and see whether the gallery kept its word.

A child enrolls identities of 2 or 3 templates, and now and then forgets one, and reports each act on a pipe twice:
before it starts and after it returned. The parent kills it with SIGKILL at a random moment (while the gallery is being
created, too), then opens the gallery and compares it with the reports:

- missing: something acknowledged is not there, or there with other bytes; a forgotten identity is back;
- phantoms: something there that was never begun, or begun and only half there;
- open_failures: the gallery does not open, or SQLite's integrity check is not "ok".

SIGKILL proves that nothing acknowledged waits in the process's memory. That the disk has it, too, rests on SQLite's
`synchronous=FULL`, which tests/gallery/test_embedded.py checks; only pulling the plug would show it.

    python benchmarks/enroll_kill.py --kills 1000
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
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.gallery import open_gallery
from lookalike.gallery.database import FILE_NAME

DIMENSION = 128
#: Kills per gallery; a fresh one then, so that its creation is killed as well.
ROUND = 20


def vectors_of(name: str) -> npt.NDArray[np.float32]:
    """What `name` is enrolled with: 2 or 3 vectors that follow from the name alone."""
    generator = np.random.default_rng(list(name.encode()))
    return generator.standard_normal((2 + int(generator.integers(2)), DIMENSION), dtype=np.float32)


def child(folder: Path, label: str, report: int) -> None:
    """Enroll and forget until killed."""
    with open_gallery(folder) as gallery:
        gallery.bind("fingerprint", "a model", "cosine", DIMENSION)
        mine: list[str] = []
        for number in range(1_000_000):
            forget = number % 5 == 4
            name = mine.pop(0) if forget else f"{label}-{number}"
            act = "-" if forget else "+"
            os.write(report, f"begin {act} {name}\n".encode())
            if forget:
                gallery.forget(name)
            else:
                gallery.enroll(name, vectors_of(name))
                mine.append(name)
            os.write(report, f"done {act} {name}\n".encode())


def one_kill(folder: Path, label: str, delay: float) -> tuple[list[tuple[str, str]], tuple[str, str] | None]:
    """Start a child, kill it after `delay` seconds; returns acknowledged acts and the one in flight."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        try:
            child(folder, label, writing)
        except BaseException as error:
            os.write(writing, f"failed {type(error).__name__} {error}\n".encode())
        os._exit(1)
    os.close(writing)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a file descriptor
        lines = pipe.read().decode().split("\n")[:-1]
    _, status = os.waitpid(process, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError(f"the child ended by itself: {lines[-1:]}")
    acts, flying = [], None
    for line in lines:
        word, act, name = line.split(" ", 2)
        if word == "begin":
            flying = (act, name)
        else:
            acts.append((act, name))
            flying = None
    return acts, flying


def content(folder: Path) -> dict[str, list[bytes]]:
    """Open the gallery as a user would; identities and the bytes of their templates, in order."""
    with open_gallery(folder) as gallery:
        held: dict[str, list[bytes]] = {person.name: [] for person in gallery.people()}
        for template in gallery.templates():
            held[template.identity].append(template.vector.tobytes())
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        answer = connection.execute("PRAGMA integrity_check").fetchall()
        if answer != [("ok",)] or connection.execute("PRAGMA foreign_key_check").fetchall():
            raise RuntimeError(f"integrity check: {answer[:3]}")
    return held


def run(kills: int, seed: int, parent: Path | None = None) -> dict[str, object]:
    """Kill `kills` times and count what went wrong."""
    chance = random.Random(seed)
    result = {"kills": 0, "acknowledged": 0, "missing": 0, "phantoms": 0, "open_failures": 0,
              "in_flight": 0, "in_flight_kept": 0, "before_first": 0}  # fmt: skip
    notes: list[str] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=parent) as temporary:
        expected: dict[str, list[bytes]] = {}
        folder = Path(temporary) / "people.gallery"
        for kill in range(kills):
            if kill % ROUND == 0:
                shutil.rmtree(folder, ignore_errors=True)
                expected = {}
            acts, flying = one_kill(folder, f"{kill}", chance.uniform(0, 0.01) if kill % ROUND == 0 else
                                    chance.uniform(0, 0.12))  # fmt: skip
            result["kills"] += 1
            result["acknowledged"] += len(acts)
            result["before_first"] += not acts
            for act, name in acts:
                if act == "+":
                    expected[name] = [row.tobytes() for row in vectors_of(name)]
                else:
                    del expected[name]
            try:
                held = content(folder)
            except Exception as error:
                result["open_failures"] += 1
                notes.append(f"kill {kill}: {type(error).__name__}: {error}")
                shutil.rmtree(folder, ignore_errors=True)
                expected = {}
                continue
            if flying is not None:
                # The act in flight may have happened or not, but never by half.
                act, name = flying
                whole = [row.tobytes() for row in vectors_of(name)]
                result["in_flight"] += 1
                happened = (name in held) == (act == "+")
                result["in_flight_kept"] += happened
                if name in held:
                    expected[name] = whole
                else:
                    expected.pop(name, None)
            missing = [name for name in expected if name not in held]
            wrong = [name for name in held if held[name] != expected.get(name)]
            result["missing"] += len(missing) + sum(name in expected for name in wrong)
            result["phantoms"] += sum(name not in expected or len(held[name]) != len(expected[name]) for name in wrong)
            if missing or wrong:
                notes.append(f"kill {kill}: missing {missing[:3]}, wrong {wrong[:3]}")
                expected = held
    return {**result, "seconds": round(time.perf_counter() - started, 1), "seed": seed, "notes": notes[:10]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; by default another one every time")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where to make the galleries; by default the temporary one"
    )
    given = parser.parse_args()
    seed = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    result = run(given.kills, seed, given.folder)
    print(json.dumps(result))
    return 1 if result["missing"] or result["phantoms"] or result["open_failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
