"""MAP@R, R-precision and recall@k on many vectors: ours, pytorch-metric-learning's and open-metric-learning's.

100,000 generated vectors of 128 dimensions, 5 an identity, each searched among all the others. Each library runs in a
process of its own, and its figures must agree with ours. Prints one JSON line per library (seconds of the evaluation
alone; MB: peak memory beyond vectors and imports), then the ratios, then the machine.

- `lookalike`: `self_retrieval`, and its whole ranking with `--whole`.
- `pytorch-metric-learning`: AccuracyCalculator with exact faiss search, as its users call it.
- `open-metric-learning`: batched_knn and calc_retrieval_metrics. Its precision divides by min(k, R), so at k = R it is
  R-precision; its MAP divides by the number *found*, which is another figure, and is neither asked for nor compared.
  Measured where it can be imported: `pip install open-metric-learning`.

    python benchmarks/evaluation_retrieval.py
    python benchmarks/evaluation_retrieval.py --count 20000 --whole
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from peak_memory import machine, measured

from lookalike.index.generated_vectors import generated_vectors

DIMENSION, PER_IDENTITY, KS = 128, 5, (1, 5, 10)
R = PER_IDENTITY - 1
Vectors = npt.NDArray[np.float32]
Identities = npt.NDArray[np.int64]
Figures = dict[str, float]


def lookalike(x: Vectors, identities: Identities, whole: bool = False) -> Figures:
    from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval

    found = self_retrieval(x, identities, "cosine", KS, whole_ranking=whole)
    figures = {f"recall@{k}": found.recall[k] for k in KS}
    figures |= {"r_precision": found.r_precision, "map_at_r": found.map_at_r}
    if found.mean_average_precision is not None:
        figures["mean_average_precision"] = found.mean_average_precision
    return figures


def lookalike_whole(x: Vectors, identities: Identities) -> Figures:
    return lookalike(x, identities, whole=True)


def pytorch_metric_learning(x: Vectors, identities: Identities) -> Figures:
    import torch
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    names = {
        "precision_at_1": "recall@1",
        "r_precision": "r_precision",
        "mean_average_precision_at_r": "map_at_r",
    }
    peer = AccuracyCalculator(include=tuple(names), k="max_bin_count", device=torch.device("cpu"))
    found = peer.get_accuracy(torch.from_numpy(x), torch.from_numpy(identities))
    return {ours: float(found[theirs]) for theirs, ours in names.items()}


def open_metric_learning(x: Vectors, identities: Identities) -> Figures:
    import torch

    search: Any = importlib.import_module("oml.functional.knn")
    metrics: Any = importlib.import_module("oml.functional.metrics")
    ids = torch.arange(len(x))
    _, retrieved, relevant = search.batched_knn(
        torch.from_numpy(x), ids, ids, top_n=max(KS), labels_gt=torch.from_numpy(identities)
    )
    found = metrics.calc_retrieval_metrics(
        retrieved, relevant, cmc_top_k=KS, precision_top_k=(R,), map_top_k=(), verbose=False
    )
    figures = {f"recall@{k}": float(found["cmc"][k]) for k in KS}
    return figures | {"r_precision": float(found["precision"][R])}


ENGINES = {
    "lookalike": lookalike,
    "lookalike, whole ranking": lookalike_whole,
    "pytorch-metric-learning": pytorch_metric_learning,
    "open-metric-learning": open_metric_learning,
}


def one_engine(name: str, count: int) -> None:
    """Measure one library in this process and print its line."""
    x, identities = generated_vectors(count, DIMENSION, PER_IDENTITY)
    engine = ENGINES[name]
    few = slice(0, 50 * PER_IDENTITY)
    try:
        engine(x[few], identities[few])  # imports, and whatever is set up once
    except ImportError as error:
        print(json.dumps({"engine": name, "missing": str(error)}))
        return
    seconds, peak, figures = measured(lambda: engine(x, identities), 1)
    row: dict[str, Any] = {"engine": name, "vectors": count, "seconds": round(seconds, 2), "peak_mb": round(peak, 1)}
    print(json.dumps(row | {key: round(value, 6) for key, value in figures.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--whole", action="store_true", help="also our mean average precision over the whole ranking")
    parser.add_argument("--engine", choices=list(ENGINES), help="only this one, in this process")
    given = parser.parse_args()
    if given.engine:
        one_engine(given.engine, given.count)
        return
    rows: dict[str, dict[str, Any]] = {}
    for name in ENGINES:
        if name == "lookalike, whole ranking" and not given.whole:
            continue
        command = [sys.executable, __file__, "--engine", name, "--count", str(given.count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        line = done.stdout.splitlines()[-1]
        print(line, flush=True)
        rows[name] = json.loads(line)
    ours = rows["lookalike"]
    for name, row in rows.items():
        if name == "lookalike" or "missing" in row:
            continue
        ratios = {
            "times_faster": round(row["seconds"] / ours["seconds"], 2),
            "times_less_memory": round(row["peak_mb"] / max(ours["peak_mb"], 0.1), 1),
        }
        shared = [key for key in row if key in ours and key not in ("engine", "vectors", "seconds", "peak_mb")]
        # The others order by float32 distances: a few queries may see two neighbours the other way round.
        agree = all(abs(row[key] - ours[key]) <= 5 / given.count + 2e-6 for key in shared)
        print(json.dumps({"ratio": f"{name} / lookalike", **ratios, "agree": agree, "compared": shared}))
        if not agree:
            sys.exit(f"{name} and lookalike disagree: {row} {ours}")
    print(json.dumps(machine()))


if __name__ == "__main__":
    main()
