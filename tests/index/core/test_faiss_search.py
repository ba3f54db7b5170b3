"""Other libraries change faiss under us: pytorch-metric-learning imports faiss.contrib.torch_utils."""

import subprocess
import sys

PROGRAM = """
import numpy as np
from lookalike.index import build_index, load_index
import faiss.contrib.torch_utils

x = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
for kind in ("exact", "hnsw"):
    index = build_index(x, kind, "euclidean")
    assert index.search(x[:5], k=1).ids[:, 0].tolist() == [0, 1, 2, 3, 4]
    index.remove(np.arange(100))  # whole neighbourhoods: hnsw falls back on comparing with everything
    index.add(x[:2], ids=[900, 901])
    assert index.search(x[:5], k=50).ids[:, 0].tolist()[:2] == [900, 901]
    assert (index.search(x[:5], k=200).ids >= 0).all()
    index.compact()
    index.save("index")
    assert load_index("index").search(x[150:151], k=1).ids.tolist() == [[150]]
"""


def test_indexes_work_where_faiss_has_been_patched_for_torch(tmp_path):
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, cwd=tmp_path)
