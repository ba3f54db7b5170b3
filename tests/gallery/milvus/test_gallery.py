"""What is peculiar to galleries on Milvus, on a real server; what all galleries do, test_conformance.py has."""

import numpy as np
import pytest

import lookalike.index
from lookalike.errors import ArtefactError, FingerprintError, InputError
from lookalike.gallery import annex_of, open_gallery
from lookalike.gallery.existing import open_existing

pytestmark = pytest.mark.slow


@pytest.fixture
def address(milvus):
    return milvus.address()


def opened(address, **more):
    gallery = open_gallery(address, **more)
    gallery.bind("f", "net", "euclidean", 2)
    return gallery


def test_tenants_do_not_see_each_other(milvus):
    with opened(milvus.address()) as one, opened(milvus.address()) as other:
        one.enroll("Ada", [[1, 2]])
        other.enroll("Bob", [[1, 2]])
        for gallery, name in ((one, "Ada"), (other, "Bob")):
            assert gallery.names() == [name]
            assert [c.identity for c in gallery.search([1, 2], 5)[0]] == [name]
            assert gallery.templates_page()[0].identity == name
        # Both number their templates from 1: what one deletes must not be the other's.
        one.rename("Ada", "Eve")
        assert one.forget("Eve") == 1
        assert [t.identity for t in other.templates()] == ["Bob"]
        assert [c.identity for c in other.search([1, 2], 5)[0]] == ["Bob"]


def test_what_is_not_there_is_not_made(milvus, address):
    assert open_existing(address) is None
    with pytest.raises(ArtefactError, match=r"no gallery at milvus://.*tenant="):
        open_gallery(address, create=False)
    open_gallery(address).close()
    with open_existing(address) as gallery:
        assert (gallery.model, gallery.kind, len(gallery)) == (None, None, 0)
        assert "empty" in repr(gallery)


def test_what_it_cannot_hold_is_refused(address):
    with pytest.raises(InputError, match=r"people only.*places\.gallery"):
        open_gallery(address, kind="landmarks")
    with open_gallery(address) as gallery:
        with pytest.raises(InputError, match="compare by cosine, euclidean, inner_product, and the model by manhattan"):
            gallery.bind("f", "net", "manhattan", 2)
        gallery.bind("f", "net", "euclidean", 2)
        with pytest.raises(InputError, match="keeps templates only, and places need"):
            annex_of(gallery)
        with pytest.raises(FingerprintError, match=r"'net'.*'other'"):
            gallery.bind("g", "other", "euclidean", 2)


def test_collections_of_others_are_refused(milvus, address):
    from pymilvus import MilvusClient

    server = MilvusClient(address.replace("milvus://", "http://").partition("/tests")[0])
    server.create_collection("foreign__documents", dimension=2)
    try:
        with pytest.raises(ArtefactError, match="foreign__documents is not Lookalike's"):
            open_gallery(milvus.address("foreign"))
    finally:
        server.drop_collection("foreign__documents")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "inner_product"])
def test_distances_are_those_of_lookalike(address, metric):
    from lookalike.distances import pairwise

    vectors = np.random.default_rng(7).normal(size=(40, 3)).astype(np.float32)
    vectors[1] = np.nextafter(vectors[0], np.float32(9))
    with open_gallery(address) as gallery:
        gallery.bind("f", "net", metric, 3)
        gallery.enroll_many([(f"p{n:02}", one, None) for n, one in enumerate(vectors)])
        wanted = pairwise(vectors[:25], vectors, metric).astype(np.float32)
        for row, found in zip(wanted, gallery.search(vectors[:25], 40), strict=True):
            np.testing.assert_array_equal([one.distance for one in found], np.sort(row))


def test_one_person_with_very_many_templates_hides_nobody(address, monkeypatch):
    import lookalike.gallery.milvus.search as search

    monkeypatch.setattr(search, "MOST_HITS", 8)
    with opened(address) as gallery:
        gallery.enroll("Ada", [[n / 100, 0] for n in range(60)])
        gallery.enroll_many([(f"p{n}", [[n + 5, 0]], None) for n in range(3)])
        assert [one.identity for one in gallery.search([0, 0], 4)[0]] == ["Ada", "p0", "p1", "p2"]


def test_a_graph_takes_over_when_there_are_many(address, monkeypatch):
    monkeypatch.setattr(lookalike.index, "AUTO_EXACT_LIMIT", 5)
    with open_gallery(address) as gallery:
        gallery.bind("graph", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1, 2]])
        assert gallery.stats()["index"]["index_type"] == "FLAT"
        gallery.enroll("Bob", [[n, 3] for n in range(6)])
        assert gallery.stats()["index"]["index_type"] == "HNSW"
        assert gallery.search([1, 2])[0][0].identity == "Ada"


@pytest.mark.parametrize(("kind", "name"), [("hnsw", "HNSW"), ("ivf", "IVF_FLAT"), ("sq8", "IVF_SQ8"),
                                            ("ivfpq", "IVF_PQ")])  # fmt: skip
def test_every_kind_of_index_enrolls_searches_and_forgets(milvus, kind, name):
    """Candidates of coarse codes are compared again by the vectors as they were enrolled."""
    vectors = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    with open_gallery(milvus.address(f"kind_{kind}", index=kind)) as gallery:
        gallery.bind("f", "net", "cosine", 16)
        gallery.enroll_many((f"p{n}", vector, None) for n, vector in enumerate(vectors))
        gallery.scrub()  # its segment is written and gets the index
        assert gallery.stats()["index"]["index_type"] == name
        found = gallery.search(vectors[:20], k=3)
        assert [row[0].identity for row in found] == [f"p{n}" for n in range(20)]
        assert max(row[0].distance for row in found) < 1e-6
        gallery.forget("p7")
        assert "p7" not in [one.identity for one in gallery.search(vectors[7], k=3)[0]]
