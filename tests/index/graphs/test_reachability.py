"""What no search of a graph can find: against a search by hand over the same links."""

import faiss
import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.graphs.reachability import unreached


def by_hand(engine):
    graph = engine.hnsw
    links, offsets = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size()), graph.offsets
    seen, waiting = {int(graph.entry_point)}, [int(graph.entry_point)]
    while waiting:
        start = offsets.at(waiting.pop())
        for other in links[start : start + graph.nb_neighbors(0)].tolist():
            if other >= 0 and other not in seen:
                seen.add(other)
                waiting.append(other)
    return sorted(set(range(engine.ntotal)) - seen)


@pytest.mark.parametrize("seed", range(4))
def test_as_by_hand(seed):
    generator = np.random.default_rng(seed)
    bundles = np.repeat(generator.normal(size=(8, 6)) * 50, 40, axis=0)
    engine = faiss.IndexHNSWFlat(6, 4)
    engine.add((bundles + generator.normal(size=bundles.shape) * 0.01).astype(np.float32))
    found = unreached(engine)
    assert found.tolist() == by_hand(engine)
    assert len(found) > 0  # bundles that are linked within themselves only


def test_they_are_what_no_number_of_candidates_finds():
    generator = np.random.default_rng(0)
    bundles = np.repeat(generator.normal(size=(8, 6)) * 50, 40, axis=0)
    vectors = (bundles + generator.normal(size=bundles.shape) * 0.01).astype(np.float32)
    index = build_index(vectors, "nsw", "euclidean", ids=np.arange(320) * 10, M=4)
    lost = index.unreached()
    assert len(lost) > 0
    found = index.search(vectors, k=1, ef_search=320).ids[:, 0]
    assert np.flatnonzero(found != np.arange(320) * 10).tolist() == lost.tolist()
    np.testing.assert_array_equal(index.vectors_at(lost), vectors[lost])


def test_of_few_vectors_all_are_reached():
    engine = faiss.IndexHNSWFlat(6, 8)
    assert unreached(engine).tolist() == []
    engine.add(np.eye(6, dtype=np.float32))
    assert unreached(engine).tolist() == []
