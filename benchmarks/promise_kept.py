"""Thresholds that promise a false positive identification rate, beside the rate realised on strangers.

Calibrates on some thousand simulated identities, then searches strangers, exactly, in galleries of other identities of
up to a million, and counts who is named. A promise is kept where the realised rate is at most the promised one; two
fixed thresholds, each good enough for the smallest gallery or for pairs, are seen to fail as the gallery grows. With
--repeats, as many calibrations on other identities are tried against the same searches: the bound claims 95%.

    python benchmarks/promise_kept.py                           # two minutes and 1 GB on a core
    python benchmarks/promise_kept.py --repeats 20              # 20 calibrations: 5 minutes more
    python benchmarks/promise_kept.py --identities 20000        # more people to calibrate on: fewer misses
    python benchmarks/promise_kept.py --only-faces --faces ../shared/data/lfw_10x10    # real faces, through dlib

JSON lines on stdout; the table goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from lookalike.decisions.promise import Promise
from lookalike.embedder import Calibration
from lookalike.errors import InputError
from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_large
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.index.generated_vectors import generated_probes, generated_vectors

Floats = npt.NDArray[np.float32]

RATES = (0.01, 0.001)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: Rows of the gallery and probes multiplied at once: 20,000 × 1,000 float32 are 80 MB.
GALLERY_ROWS, PROBE_ROWS = 20_000, 1_000
FIXED_RATES = (1e-4, 1e-6)
#: Pictures of which all pairs are kept; of more they are counted.
MOST_KEPT = 6_000


def calibrated(identities: int, pictures: int, seed: int) -> Calibration:
    """A calibration on identities that are in no gallery."""
    vectors, labels = generated_vectors(identities * pictures, per_identity=pictures, seed=seed)
    return measured(vectors, labels, f"{identities} simulated identities, seed {seed}")


def measured(vectors: Floats, labels: Any, source: str) -> Calibration:
    targets = (0.1, 0.01, 0.001, *FIXED_RATES)
    if len(vectors) <= MOST_KEPT:
        result = verify_all_pairs(vectors, labels, "cosine")
        return calibrate(result, fingerprint="simulated", metric="cosine", source=source, targets=targets)
    return calibrate_large(vectors, labels, fingerprint="simulated", metric="cosine", source=source, targets=targets)


def nearest_by_size(probes: Floats, sizes: Sequence[int], per_identity: int) -> dict[int, Floats]:
    """Every probe's distance to the nearest of the first `size` identities, for every size, in one pass."""
    nearest = np.full(len(probes), np.inf, np.float32)
    found: dict[int, Floats] = {}
    edges = sorted({*sizes, *range(0, max(sizes), GALLERY_ROWS // per_identity)})
    for start, end in zip([0, *edges[1:-1]], edges[1:], strict=True):
        gallery, _ = generated_vectors(
            (end - start) * per_identity, per_identity=per_identity, seed=0, start=start * per_identity
        )
        for row in range(0, len(probes), PROBE_ROWS):
            part = slice(row, row + PROBE_ROWS)
            np.minimum(nearest[part], 1 - (probes[part] @ gallery.T).max(axis=1), out=nearest[part])
        if end in sizes:
            found[end] = nearest.copy()
    return found


def realised(nearest: Floats, threshold: float) -> dict[str, Any]:
    """The share of strangers' searches that name somebody, with its exact binomial interval."""
    alarms = int((nearest <= threshold).sum())
    interval = binomtest(alarms, len(nearest)).proportion_ci()
    return {"fpir": alarms / len(nearest), "low": float(interval.low), "high": float(interval.high)}


def simulated(identities: int, pictures: int, probes: int, largest: int, templates: int, repeats: int) -> Iterable[Any]:
    sizes = [size for size in SIZES if size <= largest]
    strangers = generated_probes(np.arange(max(sizes), max(sizes) + probes), seed=0)
    own, _ = generated_vectors(1000, per_identity=1, seed=0)
    genuine = 1 - np.einsum("ij,ij->i", own, generated_probes(np.arange(1000), seed=0, sample=1))
    begun = time.perf_counter()
    nearest = nearest_by_size(strangers, sizes, templates)
    yield {"searches": probes * len(sizes), "seconds": round(time.perf_counter() - begun, 1)}
    for repeat in range(repeats):
        begun = time.perf_counter()
        calibration = calibrated(identities, pictures, seed=1000 + repeat)
        seconds = round(time.perf_counter() - begun, 1)
        fixed = [calibration.point(rate) for rate in FIXED_RATES]
        for size in sizes:
            for rate in RATES:
                row: dict[str, Any] = {"data": "simulated", "calibration": repeat, "identities": size}
                row |= {"templates": size * templates, "promised_fpir": rate, "calibration_s": seconds}
                try:
                    found = calibration.promised(Promise("fpir", rate), size * templates)
                except InputError as refusal:
                    yield row | {"refused": str(refusal)}
                    continue
                answer = realised(nearest[size], found.threshold)
                yield row | {
                    "threshold": found.threshold,
                    "extrapolation": found.extrapolation,
                    "sufficient": found.sufficient,
                    "realised": answer,
                    "expected": found.expected,
                    "kept": answer["fpir"] <= rate,
                    # A realised rate is a sample too: only where its whole interval is above is the promise broken.
                    "broken": answer["low"] > rate,
                    "point_threshold": realised(nearest[size], found.likely),
                    "fnmr_expected": found.fnmr,
                    "fnmr_realised": float((genuine > found.threshold).mean()),
                    "fixed": {
                        f"FMR {one.target_fmr:g}": realised(nearest[size], one.threshold)["fpir"] for one in fixed
                    },
                }


def on_faces(folder: Path | None, splits: int) -> Iterable[Any]:
    """Real faces: thresholds measured on half of the people, strangers among the other half."""
    from lookalike.datasets import read_image_folder
    from lookalike.embedder import Embedder
    from lookalike.samples.orl_faces import orl_faces

    sets = [(orl_faces(), True)] + ([(read_image_folder(folder), False)] if folder else [])
    found = [(Embedder.load("dlib", cropped=cropped).embed(one.paths), one.identities) for one, cropped in sets]
    vectors = np.concatenate([part for part, _ in found])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.array([name for _, part in found for name in part])
    people = np.unique(names)
    rates = (0.1, 0.01)
    counts: dict[tuple[int, float], list[tuple[float, float, float, bool]]] = {}
    for split in range(splits):
        order = np.random.default_rng(split).permutation(people)
        half = len(people) // 2
        measure, ask = np.isin(names, order[:half]), order[half:]
        calibration = measured(vectors[measure], names[measure].tolist(), f"{half} people")
        fixed = calibration.point(0.01).threshold
        for size in (5, 10, len(ask) - 1):
            for rate in rates:
                try:
                    line = calibration.promised(Promise("fpir", rate), size)
                except InputError:
                    continue
                alarms = fixed_alarms = searches = 0
                for number, stranger in enumerate(ask):
                    rng = np.random.default_rng([split, number])
                    others = rng.choice(ask[ask != stranger], size, replace=False)
                    enrolled = [int(rng.choice(np.flatnonzero(names == other))) for other in others]
                    nearest = (1 - vectors[names == stranger] @ vectors[enrolled].T).min(axis=1)
                    alarms += int((nearest <= line.threshold).sum())
                    fixed_alarms += int((nearest <= fixed).sum())
                    searches += len(nearest)
                outcome = (alarms / searches, fixed_alarms / searches, line.fnmr, line.sufficient)
                counts.setdefault((size, rate), []).append(outcome)
    for (size, rate), outcomes in counts.items():
        realised_rates = np.array([outcome[0] for outcome in outcomes])
        yield {
            "data": f"dlib, {len(people)} people, {len(outcomes)} splits",
            "identities": size,
            "promised_fpir": rate,
            "realised_mean": float(realised_rates.mean()),
            "kept_in": float((realised_rates <= rate).mean()),
            "fixed_fmr_1%": float(np.mean([outcome[1] for outcome in outcomes])),
            "fnmr_expected": float(np.mean([outcome[2] for outcome in outcomes])),
            "sufficient_in": float(np.mean([outcome[3] for outcome in outcomes])),
        }


def tell(rows: Sequence[dict[str, Any]]) -> None:
    """The table for people: per size and rate, over all calibrations."""
    print(
        f"{'identities':>11} {'promised':>9} {'realised (95%)':>24} {'kept':>8} {'broken':>7}  fixed", file=sys.stderr
    )
    groups: dict[tuple[int, float], list[dict[str, Any]]] = {}
    for row in rows:
        if "realised" in row:
            groups.setdefault((row["identities"], row["promised_fpir"]), []).append(row)
    for (size, rate), group in groups.items():
        middle = sorted(group, key=lambda row: row["realised"]["fpir"])[len(group) // 2]
        got, kept, broken = middle["realised"], sum(r["kept"] for r in group), sum(r["broken"] for r in group)
        fixed = ", ".join(f"{name}: {value:.2%}" for name, value in middle["fixed"].items())
        shown = f"{got['fpir']:.3%} ({got['low']:.3%} {got['high']:.3%})"
        print(
            f"{size:>11,} {rate:>9.1%} {shown:>24} {kept:>4}/{len(group):<3} {broken:>7}  {fixed}; "
            f"missed {middle['fnmr_realised']:.1%}",
            file=sys.stderr,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=3000, help="to calibrate on")
    parser.add_argument("--pictures", type=int, default=2, help="of each of them")
    parser.add_argument("--probes", type=int, default=10_000, help="strangers that are searched")
    parser.add_argument("--largest", type=int, default=1_000_000, help="largest gallery")
    parser.add_argument("--templates", type=int, default=1, help="of each enrolled identity")
    parser.add_argument("--repeats", type=int, default=1, help="calibrations on other identities")
    parser.add_argument("--faces", type=Path, help="folder per identity of whole photographs, beside ORL")
    parser.add_argument("--only-faces", action="store_true", help="real faces only")
    parser.add_argument("--splits", type=int, default=20, help="of the real faces")
    given = parser.parse_args()
    rows = []
    if not given.only_faces:
        for row in simulated(
            given.identities, given.pictures, given.probes, given.largest, given.templates, given.repeats
        ):
            print(json.dumps(row), flush=True)
            rows.append(row)
        tell(rows)
    if given.faces or given.only_faces:
        for row in on_faces(given.faces, given.splits):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
