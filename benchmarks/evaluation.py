"""The evaluation at its full size, one part after the other, each in a process of its own.

    python benchmarks/evaluation.py                     # all parts
    python benchmarks/evaluation.py --parts pairs       # or some
    PYTHONPATH=/tmp/oml python benchmarks/evaluation.py --parts retrieval    # with open-metric-learning beside

- `pairs`: 100,000 × 128, five billion pairs as a ROC down to FAR 1e-8, beside scikit-learn (`evaluation_pairs.py`)
- `retrieval`: MAP@R and recall@k of 100,000 × 128, beside pytorch-metric-learning and open-metric-learning
  (`evaluation_retrieval.py`)
- `identification`: 10,000 probes among 1,000,000, beside faiss (`evaluation_identification.py`)
- `promise`: thresholds for FPIR 1% and 0.1% among 1,000 to 1,000,000 people, and what they kept (`promise_kept.py`)

Each prints JSON lines.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

PARTS = {
    "pairs": "evaluation_pairs.py",
    "retrieval": "evaluation_retrieval.py",
    "identification": "evaluation_identification.py",
    "promise": "promise_kept.py",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    codes = [
        subprocess.run([sys.executable, Path(__file__).with_name(PARTS[part])], check=False).returncode
        for part in given.parts
    ]
    sys.exit(max(codes))


if __name__ == "__main__":
    main()
