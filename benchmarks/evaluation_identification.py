"""Identification among a million, exact: 10,000 probes, ours and faiss' flat index, in one process; prints JSON lines.

Vectors are generated (`lookalike.index.generated_vectors`): 128 dimensions, float32, unit length, cosine. Seconds and
MB are those of one run; MB is peak memory beyond the gallery and the probes, which are there before.

- `search`: one picture of each of a million identities is enrolled; half of the probes are mated, half are not. What
  comes back: the rank of every mate, its distance and the nearest distance; rank-1, FNIR at FPIR 1% and its interval.
- `faiss top-k`: IndexFlatIP over the same gallery and probes, adding included (it copies the gallery). It gives the k
  nearest: a mate beyond them has no rank, and equal similarities come in any order. Its rank-1 is printed beside ours.
- `distractors`: MegaFace's protocol, ten pictures of each identity, every one in turn enrolled among 10, 100, …
  1,000,000 strangers, the other nine searched. No peer known to us does this in bounded memory.

    python benchmarks/evaluation_identification.py
    python benchmarks/evaluation_identification.py --gallery 100K --probes 1000
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
from peak_memory import machine, measured
from threadpoolctl import threadpool_info

from lookalike.evaluation.identification.closed_and_open_set import open_set
from lookalike.evaluation.identification.distractors import rank_among_distractors
from lookalike.evaluation.statistics.search_intervals import bootstrap_searches
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count

DIMENSION, PICTURES, TARGET = 128, 10, 0.01


def emit(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def faiss_search(gallery: npt.NDArray[np.float32], probes: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(gallery)
    found: npt.NDArray[np.int64] = index.search(probes, k)[1]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gallery", type=parse_count, default=1_000_000, help="identities enrolled, and distractors")
    parser.add_argument("--probes", type=parse_count, default=10_000, help="of each part")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 100], help="of faiss")
    given = parser.parse_args()
    count, probes = given.gallery, given.probes
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    emit(**machine(), blas_threads=max(blas, default=1), gallery=count, probes=probes, dimension=DIMENSION)

    gallery, identities = generated_vectors(count, DIMENSION, per_identity=1)
    # Every other probe is of somebody who is not enrolled.
    whose = np.random.default_rng(0).choice(count, probes // 2, replace=False)
    whose = np.concatenate([whose, count + np.arange(probes - len(whose))])
    searched = generated_probes(whose, DIMENSION)
    seconds, peak, result = measured(lambda: open_set(gallery, identities, searched, whose), 1)
    point = result.fnir_at_fpir(TARGET)
    ours = {"seconds": round(seconds, 2), "peak_mb": round(peak, 1)}
    emit(
        engine="lookalike search",
        **ours,
        pairs_per_second=round(count * probes / seconds),
        rank_1=1 - result.fnir(),
        fnir_at_fpir={"target": TARGET, "fnir": point.fnir, "fpir": point.fpir, "sufficient": point.sufficient},
    )
    start = time.perf_counter()
    intervals = bootstrap_searches(result.searches, targets=(TARGET,))
    emit(
        engine="lookalike bootstrap over identities, 1000 replicates",
        seconds=round(time.perf_counter() - start, 2),
        rank_1=[intervals.rank_k[1].low, intervals.rank_k[1].high],
        dir_at_fpir=[intervals.dir_at_fpir[TARGET].low, intervals.dir_at_fpir[TARGET].high],
    )
    for k in given.k:
        seconds, peak, found = measured(lambda k=k: faiss_search(gallery, searched, k), 1)  # type: ignore[misc]
        mated = result.searches.mated
        emit(
            engine=f"faiss IndexFlatIP top-{k}",
            seconds=round(seconds, 2),
            peak_mb=round(peak, 1),
            rank_1=float((identities[found[mated, 0]] == whose[mated]).mean()),
            mates_without_a_rank=int((identities[found[mated]] != whose[mated, None]).all(axis=1).sum()),
        )
        emit(
            ratio=f"faiss top-{k} / lookalike search",
            seconds=round(seconds / ours["seconds"], 2),
            peak_mb=round(peak / max(ours["peak_mb"], 0.1), 2),
        )
    people, labels = generated_vectors(max(2 * PICTURES, probes), DIMENSION, per_identity=PICTURES, seed=1)
    seconds, peak, ranks = measured(lambda: rank_among_distractors(people, labels, gallery), 1)
    bounds = ranks.intervals()
    emit(
        engine="lookalike distractors",
        seconds=round(seconds, 2),
        peak_mb=round(peak, 1),
        pairs_of_probe_and_mate=len(ranks.probe),
        rank_1={
            str(size): [round(rate, 5), round(interval.low, 5), round(interval.high, 5)]
            for size, rate, interval in zip(ranks.sizes, ranks.rank_k().tolist(), bounds, strict=True)
        },
    )


if __name__ == "__main__":
    main()
