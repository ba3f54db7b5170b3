"""The model of a gallery is changed: what the switch takes, who waits for it, and what it takes in memory.

    python benchmarks/gallery_upgrade.py --counts 10k 100k

One template per identity, 128 numbers before and 512 after, cosine, generated; vectors are given, nothing is embedded.
Prints JSON lines. Meanwhile one thread enrolls and another searches, each by its own connections: how long the longest
enrolment and the longest search took while the vectors were exchanged, beside the longest in the second before. Memory
is the process's peak, before and after.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import FingerprintError
from lookalike.gallery import EmbeddedGallery, Model, open_gallery
from lookalike.gallery.model_upgrade import upgrade_of
from lookalike.index.quantities import parse_count

OLD, NEW = Model("old", "generated", "cosine", 128), Model("new", "generated", "cosine", 512)
BATCH = 1_000


def tell(**what: object) -> None:
    """Print one line."""
    print(json.dumps(what), flush=True)


def opened(folder: Path, model: Model) -> EmbeddedGallery:
    """The gallery, bound."""
    gallery = EmbeddedGallery(folder)
    gallery.bind(model.fingerprint, model.name, model.metric, model.dimension)
    return gallery


def peak_mib() -> float:
    """The most memory that this process has had."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


@contextmanager
def repeated(act: Callable[[int], Any]) -> Iterator[list[tuple[float, float]]]:
    """While the block runs, a thread does it again and again; when each began, and how many seconds it took."""
    stop, times = threading.Event(), []

    def work() -> None:
        number = 0
        while not stop.is_set():
            began = time.perf_counter()
            try:
                act(number)
            except FingerprintError:  # the model was switched
                return
            times.append((began, time.perf_counter() - began))
            number += 1
            time.sleep(0.001)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join()


def longest(times: list[tuple[float, float]], since: float) -> dict[str, float | None]:
    """The longest act that began before a moment, and the longest that ended after it, in milliseconds."""
    before = [took for began, took in times if began + took < since]
    after = [took for began, took in times if began + took >= since]
    return {
        "before_ms": round(1000 * max(before, default=0), 1),
        "meanwhile_ms": round(1000 * max(after), 1) if after else None,
    }


def fill(folder: Path, count: int) -> None:
    """Enroll, and store the vectors of the new model."""
    random = np.random.default_rng(0)
    with opened(folder, OLD) as gallery:
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            vectors = random.standard_normal((size, OLD.dimension)).astype(np.float32)
            gallery.enroll_many([(f"p{start + n}", one, None) for n, one in enumerate(vectors)])
        upgrade = upgrade_of(gallery)
        upgrade.begin(NEW)
        began, after = time.perf_counter(), 0
        while waiting := upgrade.waiting(after, BATCH):
            ids, after = [one.id for one in waiting], waiting[-1].id
            upgrade.store("new", ids, random.standard_normal((len(ids), NEW.dimension)).astype(np.float32))
        tell(stage="store", count=count, per_second=round(count / (time.perf_counter() - began)))


def switch(folder: Path, count: int, act: str) -> None:
    """Switch or roll back, with somebody searching; the line says what it took."""
    model, then = (OLD, NEW) if act == "switch" else (NEW, OLD)
    probe = np.random.default_rng(1).standard_normal(model.dimension)
    with opened(folder, model) as searching, open_gallery(folder) as switching:
        searching.search(probe)
        peak = peak_mib()
        with repeated(lambda _: searching.search(probe, k=1)) as searches:
            time.sleep(1.0)
            began = time.perf_counter()
            getattr(upgrade_of(switching), act)()
            took = time.perf_counter() - began
        tell(stage=act, count=count, seconds=round(took, 3), peak_mib=peak, peak_after_mib=peak_mib(),
             search=longest(searches, began))  # fmt: skip
    with opened(folder, then) as gallery:
        began = time.perf_counter()
        gallery.search(np.random.default_rng(1).standard_normal(then.dimension))
        tell(stage=f"first search after {act}", count=count, seconds=round(time.perf_counter() - began, 3))


def waiting_writer(folder: Path, count: int) -> None:
    """How long an enrolment waits that falls into the switch: the first after it begins."""
    with open_gallery(folder) as switching, opened(folder, OLD) as enrolling:
        began = time.perf_counter()
        thread = threading.Thread(target=upgrade_of(switching).switch)
        thread.start()
        time.sleep(0.05)
        asked = time.perf_counter()
        with suppress(FingerprintError):
            enrolling.enroll("late", np.ones(OLD.dimension))
        waited = time.perf_counter() - asked
        thread.join()
        tell(stage="writer", count=count, waited=round(waited, 3), switch=round(time.perf_counter() - began, 3))


def discard(folder: Path, count: int) -> None:
    """Forget one, then give the old model up."""
    with opened(folder, NEW) as gallery:
        began = time.perf_counter()
        gallery.forget("p7")
        forgot = time.perf_counter() - began
        began = time.perf_counter()
        upgrade_of(gallery).discard()
        tell(stage="discard", count=count, forget_ms=round(1000 * forgot, 1),
             seconds=round(time.perf_counter() - began, 3))  # fmt: skip


def main() -> None:
    """Every stage in a process of its own, so that peaks of memory are its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", default=["10k", "100k"])
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        stage, folder, count = options.stage
        stages: dict[str, Callable[[], None]] = {
            "fill": lambda: fill(Path(folder), int(count)),
            "switch": lambda: switch(Path(folder), int(count), "switch"),
            "roll_back": lambda: switch(Path(folder), int(count), "roll_back"),
            "writer": lambda: waiting_writer(Path(folder), int(count)),
            "discard": lambda: discard(Path(folder), int(count)),
        }
        stages[stage]()
        return
    for count in map(parse_count, options.counts):
        with tempfile.TemporaryDirectory() as folder:
            gallery = Path(folder) / "people.gallery"
            for stage in ("fill", "switch", "roll_back", "writer", "discard"):
                command = [sys.executable, __file__, "--stage", stage, str(gallery), str(count)]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
