"""Threads of several processes search one gallery while others enroll and forget: is every answer true?

Every identity is enrolled once, and forgotten once or never. The times of all acts are kept by the system's monotonic
clock, which all processes share. A search that asks for an identity by its own vector

- must find it, where its enrolment had returned before the search began, and its forgetting began after it ended;
- must not find it, where its forgetting had returned before the search began.

And no candidate of any search may be somebody whose forgetting had returned before it began (a stale name), or whose
enrolment began after it ended. Memory is that of the processes, by the second: of the last quarter over the second one.

    python benchmarks/gallery_concurrency.py --count 100k --minutes 10

Processes: the first searches, enrolls and forgets; the others search, and the second enrolls, too. Before, the same
processes search while nobody writes: the quiet time that the other is compared with.
"""

from __future__ import annotations

import argparse
import json
import marshal
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery import EmbeddedGallery
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count

DIMENSION = 128
CANDIDATES = 3
#: Identities that come and go and are there at one time: as many are forgotten as are enrolled.
PRESENT = 500
#: Seconds between two acts of one thread: an enrolment and a forgetting are both on the disk when they return.
PAUSE = 0.02

Floats = npt.NDArray[np.float32]


@dataclass
class History:
    """What one process did: acts as (name, began, ended); the file of its searches."""

    searches: Path
    enrolled: list[tuple[str, float, float]] = field(default_factory=list)
    forgotten: list[tuple[str, float, float]] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class SearchFile:
    """Searches as (name, began, ended, names found), in a file: in memory they would pass for a leak."""

    def __init__(self, path: Path) -> None:
        self._file, self._lock = path.open("wb"), threading.Lock()

    def note(self, search: tuple[str, float, float, tuple[str, ...]]) -> None:
        """One more."""
        with self._lock:
            marshal.dump(search, self._file)

    def close(self) -> None:
        """On the disk when it returns."""
        self._file.close()

    @staticmethod
    def read(path: Path) -> Iterator[tuple[str, float, float, tuple[str, ...]]]:
        """All of a file."""
        with path.open("rb") as file:
            while file.peek(1):
                yield marshal.load(file)


def vector_of(name: str) -> Floats:
    """The vector of somebody who comes and goes, beyond all who stay; it follows from the name."""
    vector: Floats = generated_probes([10**9 + zlib.crc32(name.encode())], DIMENSION)[0]
    return vector


def opened(folder: Path) -> EmbeddedGallery:
    """The gallery, bound."""
    gallery = EmbeddedGallery(folder)
    gallery.bind("benchmark", "generated", "cosine", DIMENSION)
    return gallery


def resident() -> int:
    """Bytes of this process that are in memory and not of a mapped file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return 1024 * int(line.split()[1])
    return 0


class Worker:
    """One process.

    Args:
        folder: of the gallery.
        number: of the process.
        names: who comes and goes, in the order of enrolment, as all processes see them.
        gone: how many of them were forgotten, likewise.
    """

    def __init__(self, folder: Path, number: int, names: Any, gone: Any) -> None:
        self.gallery, self.number, self.names, self.gone = opened(folder), number, names, gone
        self.history, self.stop = History(folder.parent / f"searches.{number}"), threading.Event()
        self.searches = SearchFile(self.history.searches)

    def search(self, seed: int) -> None:
        """Ask for somebody who came lately, who may be gone."""
        chance = random.Random(seed)
        while not self.stop.is_set():
            known = list(self.names[-2 * PRESENT :])
            for _ in range(20):
                if not known or self.stop.is_set():
                    break
                name = chance.choice(known)
                probe = vector_of(name)
                began = time.monotonic()
                found = self.gallery.search(probe, k=CANDIDATES)[0]
                ended = time.monotonic()
                self.searches.note((name, began, ended, tuple(one.identity for one in found)))

    def enroll(self, seed: int) -> None:
        """Enroll somebody new every time."""
        number = 0
        while not self.stop.wait(PAUSE):
            if len(self.names) - self.gone.value > 2 * PRESENT:
                continue
            name = f"p{self.number}-{seed}-{number}"
            number += 1
            began = time.monotonic()
            self.gallery.enroll(name, vector_of(name))
            self.history.enrolled.append((name, began, time.monotonic()))
            self.names.append(name)

    def forget(self, seed: int) -> None:
        """Forget who came first, where more are there than shall be."""
        at = 0
        while not self.stop.wait(PAUSE / 2):
            if len(self.names) - at <= PRESENT:
                continue
            name = self.names[at]
            at += 1
            began = time.monotonic()
            self.gallery.forget(name)
            self.history.forgotten.append((name, began, time.monotonic()))
            self.gone.value = at

    def run(self, threads: list[tuple[Callable[[int], None], int]], seconds: float) -> History:
        """All threads, for so long."""

        def guarded(work: Callable[[int], None], seed: int) -> None:
            try:
                work(seed)
            except Exception as error:
                self.history.errors.append(f"{work.__name__}: {type(error).__name__}: {error}")

        running = [threading.Thread(target=guarded, args=one) for one in threads]
        until = time.monotonic() + seconds
        for thread in running:
            thread.start()
        while time.monotonic() < until:
            self.history.memory.append(resident())
            time.sleep(1)
        self.stop.set()
        for thread in running:
            thread.join()
        self.gallery.close()
        self.searches.close()
        return self.history


def work(
    folder: Path, number: int, names: Any, gone: Any, answer: Any, *, searching: int, seconds: float, writing: bool
) -> None:
    """One process: searches; where there is writing, the first two enroll, the first forgets."""
    worker = Worker(folder, number, names, gone)
    threads: list[tuple[Callable[[int], None], int]] = [(worker.search, seed) for seed in range(searching)]
    if writing and number < 2:
        threads.append((worker.enroll, number))
    if writing and number == 0:
        threads.append((worker.forget, 0))
    answer.put(worker.run(threads, seconds))


def all_at_work(given: argparse.Namespace, folder: Path, seconds: float, writing: bool) -> list[History]:
    """What all processes did."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        names, gone, answers = (
            manager.list([f"before {n}" for n in range(PRESENT)]),
            manager.Value("i", 0),
            context.Queue(),
        )
        options = {"searching": given.threads // given.processes, "seconds": seconds, "writing": writing}
        processes = [
            context.Process(target=work, args=(folder, number, names, gone, answers), kwargs=options)
            for number in range(given.processes)
        ]
        for process in processes:
            process.start()
        histories = [answers.get() for _ in processes]
        for process in processes:
            process.join()
    return histories


def judged(histories: list[History]) -> dict[str, Any]:
    """What was wrong in what all processes did."""
    enrolled = {name: (began, ended) for one in histories for name, began, ended in one.enrolled}
    forgotten = {name: (began, ended) for one in histories for name, began, ended in one.forgotten}
    missing, resurrected, stale, early, examples = 0, 0, 0, 0, []
    never, always = (float("inf"), float("inf")), (0.0, 0.0)
    times = []
    for one in histories:
        for name, began, ended, found in SearchFile.read(one.searches):
            times.append(ended - began)
            came, went = enrolled.get(name, always), forgotten.get(name, never)
            wrong = []
            if came[1] < began and ended < went[0] and (not found or found[0] != name):
                missing += 1
                wrong.append("missing")
            if went[1] < began and name in found:
                resurrected += 1
                wrong.append("resurrected")
            for other in found:
                if forgotten.get(other, never)[1] < began:
                    stale += 1
                    wrong.append("stale")
                if enrolled.get(other, always)[0] > ended:
                    early += 1
                    wrong.append("early")
            if wrong:
                examples.append({"name": name, "wrong": wrong, "found": found})
    times.sort()
    return {
        "missing": missing, "resurrected": resurrected, "stale": stale, "early": early,
        "errors": [error for one in histories for error in one.errors][:5],
        "examples": examples[:5],
        "searches": len(times), "enrolled": len(enrolled), "forgotten": len(forgotten),
        "p50_ms": round(1000 * times[len(times) // 2], 2), "p99_ms": round(1000 * times[int(0.99 * len(times))], 2),
        "memory_growth": [growth(one.memory) for one in histories],
    }  # fmt: skip


def growth(memory: list[int]) -> float:
    """The median memory of the last quarter over that of the second quarter."""
    second, last = memory[len(memory) // 4 : len(memory) // 2], memory[3 * len(memory) // 4 :]
    return round(statistics.median(last) / statistics.median(second), 3) if second and last else float("nan")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=parse_count, default=100_000, help="templates that stay")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8, help="that search, over all processes")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    seconds = 60 * given.minutes
    with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
        folder = Path(temporary) / "people.gallery"
        with opened(folder) as gallery:
            vectors, _ = generated_vectors(given.count, DIMENSION, per_identity=1)
            gallery.enroll_many((f"stays {n}", vector, None) for n, vector in enumerate(vectors))
            gallery.enroll_many((f"before {n}", vector_of(f"before {n}"), None) for n in range(PRESENT))
            del vectors
            while gallery._builder.build_one(gallery.model):  # type: ignore[arg-type]
                if given.count > 200_000 and any(one.kind == "ivf" for one in listed(gallery)):
                    break  # the graph comes while they search
        quiet = judged(all_at_work(given, folder, max(5.0, seconds / 10), writing=False))
        result = judged(all_at_work(given, folder, seconds, writing=True))
    over = round(result["p99_ms"] / quiet["p99_ms"], 2)
    print(json.dumps({"count": given.count, "minutes": given.minutes, "quiet_p50_ms": quiet["p50_ms"],
                      "quiet_p99_ms": quiet["p99_ms"], "p99_over_quiet": over, **result}))  # fmt: skip
    return 1 if any(result[bad] for bad in ("missing", "resurrected", "stale", "early", "errors")) else 0


def listed(gallery: EmbeddedGallery) -> list[Any]:
    """The segments that count."""
    with gallery._database.read("read"):
        return list(gallery._segments.listed())


if __name__ == "__main__":
    sys.exit(main())
