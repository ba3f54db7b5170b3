"""k-means and exact search of faiss as we load it, beside faiss as it loads by itself.

Which matrix kernels a process uses is settled when the library is loaded, so each turn is a process of its own; they
take turns, and the median of their ratios is printed. See `lookalike.index.core.processor_kernels`.

    python benchmarks/processor_kernels.py --turns 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

_TURN = """
import json, sys, time
import numpy as np
from lookalike.index.core.engine_library import EngineLibrary
if sys.argv[1] == "faiss":
    import faiss
else:
    faiss = EngineLibrary("faiss")
vectors = np.random.default_rng(0).standard_normal((40_000, 128), dtype=np.float32)
faiss.omp_set_num_threads(1)
faiss.knn(vectors[:100], vectors, 10)
seconds = {}
def timed(name, call):
    began = time.process_time()
    call()
    seconds[name] = time.process_time() - began
timed("exact search", lambda: faiss.knn(vectors[:2000], vectors, 10))
timed("k-means", lambda: faiss.Kmeans(128, 256, niter=10, seed=1).train(vectors))
print(json.dumps(seconds))
"""


def turn(which: str) -> dict[str, float]:
    """CPU seconds of each work in a new process."""
    done = subprocess.run([sys.executable, "-c", _TURN, which], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    turns = [(turn("faiss"), turn("lookalike")) for _ in range(parser.parse_args().turns)]
    for work in turns[0][0]:
        ratios = sorted(peer[work] / ours[work] for peer, ours in turns)
        print(
            json.dumps(
                {
                    "work": work,
                    "times as fast as faiss by itself": round(statistics.median(ratios), 2),
                    "range": [round(ratios[0], 2), round(ratios[-1], 2)],
                    "cpu_seconds": round(statistics.median(ours[work] for _, ours in turns), 3),
                }
            )
        )


if __name__ == "__main__":
    main()
