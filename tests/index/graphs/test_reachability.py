"""What no search of a graph can find: against a search by hand over the same links."""

import faiss
import numpy as np
import pytest

from lookalike.index import build_index
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.graphs.reachability import even_links, unreached


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


def links_of(engine):
    """Whom each vector links to on the lowest level, by hand."""
    graph = engine.hnsw
    links = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())
    return [
        links[graph.offsets.at(one) : graph.offsets.at(one) + graph.nb_neighbors(0)].tolist()
        for one in range(engine.ntotal)
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_a_time", [7, 20_000])
def test_links_are_only_added_and_in_free_places_to_those_with_few(seed, at_a_time, monkeypatch):
    monkeypatch.setattr("lookalike.index.graphs.reachability._AT_A_TIME", at_a_time)
    generator = np.random.default_rng(seed)
    engine = faiss.IndexHNSWFlat(12, 6)
    engine.add(generator.normal(size=(500, 12)).astype(np.float32) * generator.lognormal(size=(500, 1)))
    before = links_of(engine)
    added = even_links(engine, least=5)
    after = links_of(engine)
    new = 0
    leading = np.bincount([other for own in before for other in own if other >= 0], minlength=500)
    for one, (old, now) in enumerate(zip(before, after, strict=True)):
        held = [other for other in old if other >= 0]
        assert now[: len(held)] == held
        more = [other for other in now[len(held) :] if other >= 0]
        assert now == [*held, *more, *[-1] * (len(now) - len(held) - len(more))]
        assert len({*held, *more}) == len(held) + len(more)
        assert one not in more
        for other in more:
            assert leading[other] < 5
            assert one in before[other]
        new += len(more)
    assert new == added > 0
    leads = np.bincount([other for own in after for other in own if other >= 0], minlength=500)
    assert (np.minimum(leads, 5) >= np.minimum(leading, 5)).all()
    assert leads[leading < 5].max() <= 5
    for one in np.flatnonzero(leads < 5):  # whoever could link to it has no place free, or does so already
        for other in after[one]:
            assert other < 0 or one in after[other] or -1 not in after[other]


def test_those_with_few_links_are_found_by_probes_near_them():
    vectors, _ = generated_vectors(4000, per_identity=1)
    probes = generated_probes(np.arange(4000))
    index = build_index(vectors, "hnsw", "cosine", M=8)
    nearest = build_index(vectors, "exact", "cosine").search(probes, k=1).ids
    missed = int((index.search(probes, k=1, ef_search=64).ids != nearest).sum())
    apart = len(index.unreached())
    assert index.even_links() > 0
    # 297 and 62 of 4,000 when this was written.
    assert int((index.search(probes, k=1, ef_search=64).ids != nearest).sum()) < missed / 2
    assert len(index.unreached()) <= apart


def test_of_no_vectors_no_links():
    assert even_links(faiss.IndexHNSWFlat(6, 8)) == 0
