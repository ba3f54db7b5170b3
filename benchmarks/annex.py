"""What it costs to forget, replace and read one place of many: before and now.

A gallery of places with photos behind their centroids, as `LandmarkRecognizer` keeps them; vectors are generated. Bytes
are what the process passed to the system's write calls, seconds are of the processor.

    git worktree add ../before 9cbbb87                           # the last version with one folder for all places
    python benchmarks/annex.py --before ../before/src            # both, and ratios
    python benchmarks/annex.py --places 20000                    # this version alone

JSON lines on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lookalike.gallery
import lookalike.landmarks.atlas as atlases
from lookalike import open_gallery
from lookalike.decisions.place_odds import PlaceOdds
from lookalike.evaluation.calibration.rejection import fit_rejection
from lookalike.landmarks.centroids import Centroids
from lookalike.landmarks.recognition import PlaceRecognition

Floats = npt.NDArray[np.float32]

ODDS = PlaceOdds(offset=0.0, slope=20.0, ceiling=0.9, places=8, photos=40, others=100)
NON_LANDMARKS = 500
#: Whether the version that is measured stores place by place.
NOW = hasattr(lookalike.gallery, "annex_of")


def tell(**row: Any) -> None:
    print(json.dumps(row), flush=True)


def spent(act: Callable[[], object]) -> tuple[float, int]:
    """Seconds of the processor, and bytes passed to write calls."""
    before, began = written(), time.process_time()
    act()
    return time.process_time() - began, written() - before


def written() -> int:
    lines = Path("/proc/self/io").read_text("ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def made(
    photos: Mapping[str, Floats], centroids: Centroids, others: Floats, ids: Mapping[str, list[int]] | None
) -> Any:
    """The atlas of these places, in the words of the version that is measured."""
    kept = {
        name: atlases.PlacePhotos(
            own,
            [f"/pictures/{name}/{number}.jpg" for number in range(len(own))],
            np.full(len(own), -1 if ids is None else ids[name][0], np.int64),
        )
        for name, own in photos.items()
    }
    rejection = fit_rejection(others, centroids, promise_fpr=0.05)
    settings = atlases.AtlasSettings(promise_fpr=0.05)
    make = atlases.atlas_update if NOW else atlases.atlas_annex  # type: ignore[attr-defined]  # of the earlier version
    return make(kept, {}, rejection, ODDS, others, settings)


def of_places(photos: Mapping[str, Floats]) -> Centroids:
    """One centroid a place."""
    means = np.stack([own.mean(axis=0) for own in photos.values()])
    each = np.full(len(photos), 0.05, np.float32)
    return Centroids(
        vectors=(means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32),
        places=tuple(photos),
        sizes=np.full(len(photos), 20, np.int64),
        spread_mean=each,
        spread_max=each,
        spread_deviation=each,
        members=np.empty(0, np.int64),
        metric="cosine",
    )


def enroll(gallery: Any, rows: list[tuple[str, Floats, None]], make: Callable[[Any], Any]) -> None:
    if NOW:
        gallery.enroll_with_annex(rows, make)
    else:
        gallery.enroll_many(rows, replace=True, annex=make)


def measure(options: argparse.Namespace) -> None:
    """Measure the version that is imported."""
    draw = np.random.default_rng(0)
    names = [f"place {number:07d}" for number in range(options.places)]
    shape = (options.places, options.photos, options.dimension)
    x = draw.normal(size=(options.places, 1, options.dimension)) + 0.7 * draw.normal(size=shape)
    x = (x / np.linalg.norm(x, axis=2, keepdims=True)).astype(np.float32)
    others = draw.normal(size=(NON_LANDMARKS, options.dimension)).astype(np.float32)
    photos = dict(zip(names, x, strict=True))
    centroids = of_places(photos)
    rows = [(name, centroids.vectors[at : at + 1], None) for at, name in enumerate(names)]
    version = "now" if NOW else "before"
    with tempfile.TemporaryDirectory() as folder, open_gallery(Path(folder) / "places.gallery") as gallery:
        gallery.bind("f", "generated", "cosine", options.dimension)

        def report(step: str, each: list[tuple[float, int]]) -> None:
            seconds, size = (statistics.median(one[at] for one in each) for at in (0, 1))
            tell(version=version, step=step, repeated=len(each), cpu_seconds=seconds, bytes_written=size)

        report("enroll all", [spent(lambda: enroll(gallery, rows, lambda ids: made(photos, centroids, others, ids)))])
        recognition = PlaceRecognition(gallery)
        probes = x[:: max(1, options.places // 200), 0]
        recognition.identify(probes[:1])
        report("first answer after a change", [spent(lambda: PlaceRecognition(gallery).identify(probes[:1]))])
        for by_photos in (False, True):
            each = [
                spent(lambda row=row: recognition.identify(probes[row : row + 1], by_photos=by_photos))  # type: ignore[misc]  # noqa: B023
                for row in [*range(len(probes))] * 3
            ]
            report("identify, by photos" if by_photos else "identify, by centroids", each)
        atlas = recognition.atlas
        report("read the photos of a place", [
            spent(lambda name=name: np.dot(atlas.photos(name).vectors, probes[0])) for name in names[:500]  # type: ignore[misc]
        ])  # fmt: skip

        def replaced(number: int) -> None:
            name, own = names[number], x[number, : options.photos // 2]
            small = made({name: own}, of_places({name: own}), others, None)
            if not NOW:
                held = gallery.annex()  # type: ignore[attr-defined]  # of the earlier version
                rest, at = held.without(name), np.searchsorted([*held.without(name).entries], name)
                row = rest.starts[at]
                entries = sorted([*rest.entries.items(), *small.entries.items()])
                sizes = np.insert(np.diff(rest.starts), at, len(own))
                arrays = {
                    key: np.concatenate([array[:row], small.rows[key], array[row:]]) for key, array in rest.rows.items()
                }
                texts = [*rest.sources[:row], *small.sources, *rest.sources[row:]]
                small = replace(
                    rest, entries=dict(entries), starts=np.r_[0, np.cumsum(sizes)], rows=arrays, sources=texts
                )
            enroll(gallery, [(name, own[:1], None)], lambda ids: small)

        def opened_and_forgotten(number: int) -> None:
            gallery.forget(names[number])

        report("replace one place", [spent(lambda at=at: replaced(at)) for at in range(options.repeat)])  # type: ignore[misc]
        forgotten = range(options.repeat, 2 * options.repeat)
        report("forget one place", [spent(lambda at=at: opened_and_forgotten(at)) for at in forgotten])  # type: ignore[misc]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=2000)
    parser.add_argument("--photos", type=int, default=20, help="of each place")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=15, help="places forgotten, and replaced")
    parser.add_argument("--before", type=Path, help="`src` of an earlier version, which is measured first")
    options = parser.parse_args()
    if options.before is None:
        measure(options)
        return
    sizes = [f"--{name}={getattr(options, name)}" for name in ("places", "photos", "dimension", "repeat")]
    found: list[dict[str, dict[str, Any]]] = []
    for source in (options.before, Path(lookalike.__file__).parents[1]):
        child = subprocess.run(
            [sys.executable, __file__, *sizes], env=os.environ | {"PYTHONPATH": str(source.resolve())},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        print(child.stdout, end="", flush=True)
        found.append({row["step"]: row for row in map(json.loads, child.stdout.splitlines())})
    before, now = found
    for step in now:
        ratios = {
            f"{key}_ratio": round(now[step][key] / before[step][key], 4)
            for key in ("cpu_seconds", "bytes_written")
            if before[step][key]
        }
        tell(step=step, **ratios)


if __name__ == "__main__":
    main()
