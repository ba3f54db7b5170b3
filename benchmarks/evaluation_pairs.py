"""All pairs of 100,000 × 128 vectors as a ROC down to FAR 1e-8, and scikit-learn's roc_curve as far as it goes.

Generated vectors (lookalike.index.generated_vectors, 5 an identity), cosine. Both start from the vectors: computing the
distances counts. Prints one JSON line per engine and size (seconds: the shortest of several runs; peak_mb: memory
beyond what was held before), then the ratios, how far the two ROCs lie apart, and the machine.

- `lookalike`: count_all_pairs, then the ROC, EER, AUC and TAR at FAR 1e-2 to 1e-8.
- `scikit-learn`: one matrix product per block of rows into a vector of all distances, then roc_curve (every threshold
  kept) and auc. It needs about 50 bytes a pair: 2.5 GB at 10,000 pictures, 250 GB at 100,000.

    python benchmarks/evaluation_pairs.py
    python benchmarks/evaluation_pairs.py --pictures 20000 --peer-pictures 5000
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from peak_memory import machine, measured
from sklearn.metrics import auc, roc_curve
from threadpoolctl import threadpool_info

from lookalike.evaluation.verification.pair_counts import PairCounts, count_all_pairs
from lookalike.index.generated_vectors import generated_vectors

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)

Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def lookalike(vectors: Vectors, labels: Labels) -> dict[str, Any]:
    counts: PairCounts = count_all_pairs(vectors, labels)
    curve = counts.roc()
    points = [counts.tar_at_far(target) for target in TARGETS]
    return {
        "auc": counts.auc,
        "eer": counts.eer,
        "points": len(curve.fmr),
        "tar": {point.target: point for point in points},
        "curve": (curve.fmr, curve.tar),
    }


def scikit_learn(vectors: Vectors, labels: Labels) -> dict[str, Any]:
    n = len(vectors)
    distances, genuine = np.empty(n * (n - 1) // 2, np.float32), np.empty(n * (n - 1) // 2, bool)
    start, step = 0, 500
    for first in range(0, n, step):
        block = 1 - vectors[first : first + step] @ vectors[first:].T
        for i, row in enumerate(block):
            stop = start + n - first - i - 1
            distances[start:stop] = row[i + 1 :]
            genuine[start:stop] = labels[first + i + 1 :] == labels[first + i]
            start = stop
    np.negative(distances, out=distances)
    far, tar, _ = roc_curve(genuine, distances, drop_intermediate=False)
    return {"auc": float(auc(far, tar)), "points": len(far), "curve": (far, tar)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, nargs="+", default=[5_000, 10_000, 100_000])
    parser.add_argument("--peer-pictures", type=int, nargs="+", default=[5_000, 10_000])
    parser.add_argument("--repeat", type=int, default=3, help="runs of up to 20,000 pictures; one of more")
    given = parser.parse_args()
    lookalike(*generated_vectors(500))  # whatever is set up once
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for size in sorted({*given.pictures, *given.peer_pictures}):
        vectors, labels = generated_vectors(size)
        repeat = given.repeat if size <= 20_000 else 1
        curves = {}
        for name, engine, sizes in (
            ("lookalike", lookalike, given.pictures),
            ("scikit-learn", scikit_learn, given.peer_pictures),
        ):
            if size not in sizes:
                continue
            seconds, peak, found = measured(partial(engine, vectors, labels), repeat)
            curves[name] = found["curve"]
            pairs = size * (size - 1) // 2
            rows[name, size] = {"seconds": seconds, "peak_mb": peak}
            line = {
                "engine": name,
                "pictures": size,
                "pairs": pairs,
                "seconds": round(seconds, 3),
                "pairs_per_second": round(pairs / seconds),
                "peak_mb": round(peak, 1),
                "auc": round(found["auc"], 7),
                "roc_points": found["points"],
            }
            if name == "lookalike":
                line["eer"] = round(found["eer"], 6)
                line["tar_at_far"] = {
                    f"{target:.0e}": {
                        "tar": round(point.tar, 5),
                        "far": float(f"{point.far:.4g}"),
                        "threshold": round(point.threshold, 6),
                        "sufficient": point.sufficient,
                    }
                    for target, point in found["tar"].items()
                }
            print(json.dumps(line), flush=True)
        if len(curves) == 2:
            (far, tar), (true_far, true_tar) = curves["lookalike"], curves["scikit-learn"]
            # The best TAR at every FAR that occurs among our points, of all points of theirs at no more FAR.
            last = np.flatnonzero(np.diff(far, append=2) > 0)
            best = true_tar[np.searchsorted(true_far, far[last] + 1e-12, side="right") - 1]
            print(json.dumps({"pictures": size, "largest_tar_difference": float(np.abs(best - tar[last]).max())}))
    for name, size in rows:
        if name != "lookalike" and ("lookalike", size) in rows:
            theirs, ours = rows[name, size], rows["lookalike", size]
            ratios = {
                "times_faster": round(theirs["seconds"] / ours["seconds"], 1),
                "times_less_memory": round(theirs["peak_mb"] / max(ours["peak_mb"], 0.1), 1),
            }
            print(json.dumps({"ratio": f"{name} / lookalike", "pictures": size, **ratios}))
    blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
    print(json.dumps({**machine(), "blas_threads": max(blas)}))


if __name__ == "__main__":
    main()
