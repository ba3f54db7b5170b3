"""What encryption and logged searches cost a gallery, in CPU seconds: other programs may run beside it.

The same vectors in a plain gallery, an encrypted one, and a plain one whose searches are logged, in one process:
enrolment of all, the first answer after opening, searches in turns, and forgetting. Prints a JSON line for each
gallery, and one with the ratios to the plain one.

    python benchmarks/gallery_privacy.py --templates 100000
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import lookalike.index
from lookalike.gallery import EmbeddedGallery

DIMENSION = 128
FORGOTTEN = 20
#: Searches of a gallery before the next one has its turn.
TURN = 50


def spent(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds of all threads, seconds, and what was returned."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return time.process_time() - cpu, time.perf_counter() - wall, answer


def in_turn(act: Callable[[Any], Any], these: Iterable[Any]) -> None:
    """Do it with each."""
    for one in these:
        act(one)


def made(folder: Path, vectors: np.ndarray, key: bytes | None, searches: bool) -> dict[str, Any]:
    """A gallery of these vectors: how long it took."""
    with EmbeddedGallery(folder, key=key) as gallery:
        gallery.bind("f", "generated", "cosine", DIMENSION)
        people = [(f"person {i}", vector, [f"{i}.jpg"]) for i, vector in enumerate(vectors)]
        enrol = spent(lambda: gallery.enroll_many(people))
        if searches:
            gallery.audit.set_policy("searches")
    return {"templates": len(vectors), "enrol_cpu_s": round(enrol[0], 3), "enrol_s": round(enrol[1], 3)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--templates", type=int, default=100_000)
    parser.add_argument("--searches", type=int, default=2000, help="of each gallery")
    given = parser.parse_args()
    # Segments would be built of the plain ones, and then another engine compared.
    lookalike.index.AUTO_EXACT_LIMIT = 10 * given.templates
    random = np.random.default_rng(0)
    vectors = random.standard_normal((given.templates, DIMENSION), dtype=np.float32)
    probes = random.standard_normal((given.searches, DIMENSION), dtype=np.float32)
    kinds = {"plain": (None, False), "encrypted": (bytes(range(32)), False), "searches logged": (None, True)}
    with tempfile.TemporaryDirectory() as temporary:
        results = {
            name: {"gallery": name, **made(Path(temporary) / name, vectors, key, searches)}
            for name, (key, searches) in kinds.items()
        }
        galleries = {}
        for name, (key, _) in kinds.items():
            opened = spent(partial(EmbeddedGallery, Path(temporary) / name, create=False, key=key))
            galleries[name] = opened[2]
            first = spent(partial(galleries[name].search, probes[:1]))
            results[name] |= {"first_answer_cpu_s": round(opened[0] + first[0], 3)}
            results[name] |= {"first_answer_s": round(opened[1] + first[1], 3)}
        cpu = dict.fromkeys(kinds, 0.0)
        for start in range(0, given.searches, TURN):
            for name in kinds if start // TURN % 2 == 0 else reversed(kinds):
                cpu[name] += spent(partial(in_turn, galleries[name].search, probes[start : start + TURN]))[0]
        for name, gallery in galleries.items():
            # What is logged is written at the end here, or in another's turn before.
            if gallery._searches is not None:
                cpu[name] += spent(partial(gallery._searches.write, wait=True))[0]
            forget = spent(partial(in_turn, gallery.forget, [f"person {i}" for i in range(FORGOTTEN)]))
            results[name] |= {"search_cpu_ms": round(1000 * cpu[name] / given.searches, 4)}
            results[name] |= {"forget_cpu_ms": round(1000 * forget[0] / FORGOTTEN, 2)}
            results[name] |= {"forget_ms": round(1000 * forget[1] / FORGOTTEN, 2)}
            gallery.close()
    plain = results["plain"]
    for name, result in results.items():
        print(json.dumps(result))
        if name != "plain":
            ratios = {key: round(value / plain[key], 3) for key, value in result.items() if key.endswith(("_s", "_ms"))}
            print(json.dumps({"over plain": name, **ratios}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
