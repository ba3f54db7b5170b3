"""Other libraries beside our kinds in the table and pictures of `lookalike index compare`.

    python benchmarks/compare_with_peers.py generated:100kx128 --kinds hnsw nsw --output comparison

The libraries are those of `ann_peers.py`, hnswlib and usearch by default, over unit vectors (cosine). They are handed
to `compare_indexes` as engines, so they get the same queries, truth, sweep and timing as ours. `ann_1m.py` is the
stricter comparison, in which no code of ours runs between the clock and a library.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ann_peers import PEERS, Floats, Peer

from lookalike.errors import InputError, MissingDependencyError
from lookalike.index import Hits, compare_indexes
from lookalike.index.core.kind import RecallSetting
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count
from lookalike.index.vector_files import open_vectors
from lookalike.progress import Progress


class BuiltPeer:
    """A peer's index; ids are positions."""

    def __init__(self, peer: Peer, fixed: Mapping[str, Any], engine: Any, count: int) -> None:
        self._peer, self._fixed, self._engine, self._count = peer, fixed, engine, count

    def __len__(self) -> int:
        return self._count

    @property
    def bytes(self) -> int:
        """What it writes to disk, which is about what it takes in memory."""
        with tempfile.TemporaryDirectory() as folder:
            self._peer.save(self._engine, Path(folder))
            return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())

    def search(self, queries: Floats, k: int, **settings: Any) -> Hits:
        """A query alone as `ann_1m.py` searches, more of them as a batch."""
        settings = {**self._fixed, **settings}
        if len(queries) == 1:
            found = np.asarray(self._peer.searcher(self._engine, settings, k)(queries[0]), np.int64)[None]
        else:
            found = self._peer.search_batch(self._engine, queries, settings, k, os.cpu_count() or 1)
        return Hits(found, np.zeros(found.shape, np.float32))  # the comparison looks at ids alone


class PeerEngine:
    """A peer as an `Engine` of `compare_indexes`."""

    def __init__(self, peer: Peer) -> None:
        line = peer.lines(None, 1)[-1]
        self._peer, self._fixed = peer, line.fixed
        self.name = peer.name.replace(" ", "_")
        self.settings: Mapping[str, Any] = {}
        self.recall_setting = RecallSetting(line.knob, lambda count: line.high, counts_candidates=line.low > 1)

    def build(self, vectors: Floats, metric: str) -> BuiltPeer:
        """Over unit vectors, with all threads."""
        if metric != "cosine":
            raise InputError(f"{self.name} is called for unit vectors only, not for {metric}; compare by cosine")
        try:
            engine = self._peer.build(vectors, vectors[:0], os.cpu_count() or 1)
        except ImportError as error:
            raise MissingDependencyError(f"{error}; install the library, or leave it out") from error
        return BuiltPeer(self._peer, self._fixed, engine, len(vectors))


def read(vectors: str) -> tuple[Floats, Floats | None]:
    """Vectors of a file, or of `generated:COUNTxDIM` with probes of some of their identities."""
    if not vectors.startswith("generated:"):
        source = open_vectors(vectors)
        return source.read(), source.queries
    count, dimension = vectors.removeprefix("generated:").split("x")
    made, identities = generated_vectors(parse_count(count), int(dimension))
    asked = identities[:: max(1, len(made) // 1000)][:1000]
    return made, generated_probes(asked, int(dimension))


def main() -> None:
    libraries = sorted({peer.library for peer in PEERS})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", help="a file, or generated:COUNTxDIM")
    parser.add_argument("--kinds", nargs="+", help="of ours; default: all installed")
    parser.add_argument("--libraries", nargs="+", default=["hnswlib", "usearch"], choices=libraries)
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--output", type=Path, default=Path("comparison"))
    given = parser.parse_args()

    def report(event: Progress) -> None:
        if event.detail or event.warning:
            print(event.warning or event.detail, flush=True)

    vectors, queries = read(given.vectors)
    comparison = compare_indexes(
        vectors,
        queries=queries,
        kinds=given.kinds,
        recall=given.recall,
        engines=[PeerEngine(peer) for peer in PEERS if peer.library in given.libraries],
        progress=report,
    )
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "comparison.json").write_text(json.dumps(comparison.to_dict(), indent=1) + "\n")
    comparison.plot(given.output / "single.png")
    comparison.plot(given.output / "batch.png", batch=True)
    for row in comparison.rows():
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
