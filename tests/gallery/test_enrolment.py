"""Many identities in one transaction: all of them or none, in the place of older templates or beside them."""

import numpy as np
import pytest

from lookalike.errors import InputError, StorageError, VectorError
from lookalike.gallery import AnnexUpdate, open_gallery

D = 8


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        opened.bind("f1", "net", "cosine", D)
        yield opened


def test_equal_to_enrolling_one_by_one(gallery, tmp_path):
    people = [(f"p{n}", vectors(1 + n % 3, n), [f"{n}/{i}.jpg" for i in range(1 + n % 3)]) for n in range(20)]
    stored = gallery.enroll_many(people)
    with open_gallery(tmp_path / "other") as other:
        other.bind("f1", "net", "cosine", D)
        assert stored == {name: other.enroll(name, x, sources) for name, x, sources in people}
        for a, b in zip(gallery.templates(), other.templates(), strict=True):
            assert (a.id, a.identity, a.source, a.vector.tolist()) == (b.id, b.identity, b.source, b.vector.tolist())
        probes = vectors(5, 99)
        assert gallery.search(probes, 3) == other.search(probes, 3)
    assert gallery.enroll_many(people) == stored  # again: the same ids, and nothing new
    assert gallery.change == 1
    assert gallery.enroll_many([]) == {}


def test_one_bad_vector_and_nobody_is_enrolled(gallery):
    with pytest.raises(VectorError, match="holds NaN"):
        gallery.enroll_many([("Ada", vectors(1), None), ("Bob", np.full((1, D), np.nan), None)])
    assert len(gallery) == 0


def test_enrolling_many_is_all_or_nothing(gallery):
    gallery.enroll("Ada", vectors(2))
    change = gallery.change
    with pytest.raises(InputError, match="given twice"):
        gallery.enroll_many([("Bob", vectors(1), None), (" Bob ", vectors(1), None)])
    with pytest.raises(InputError, match="landmarks were asked of it"):
        gallery.enroll_with_annex([("Bob", vectors(1), None)], lambda ids: 1 / 0)
    with pytest.raises(StorageError, match="changed by another program"):
        gallery.enroll_with_annex([("Bob", vectors(1), None)], lambda ids: AnnexUpdate(), since=change - 1)
    assert [p.name for p in gallery.people()] == ["Ada"]
    assert gallery.change == change
    assert gallery.annex() is None


def test_replacing_keeps_equal_templates_and_deletes_the_others(gallery):
    x = vectors(4)
    first = gallery.enroll("Ada", x[:2])
    gallery.enroll("Bob", x[3])
    stored = gallery.enroll_many([("Ada", x[1:3], None)], replace=True)
    assert stored["Ada"][0] == first[1]
    np.testing.assert_array_equal(np.stack([t.vector for t in gallery.templates("Ada")]), x[1:3])
    assert len(gallery.templates("Bob")) == 1
    assert not any(x[0].tobytes() in path.read_bytes() for path in gallery.path.rglob("*") if path.is_file())
    assert gallery.search(x[0], k=2)[0][0].distance > 0.01
    before = gallery.change
    gallery.enroll_many([("Ada", x[1:3], None)], replace=True)
    assert gallery.change == before  # the same again changes nothing
