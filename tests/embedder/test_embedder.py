"""Loading embedders and embedding with them."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.errors import ImageError, InputError


@pytest.fixture(scope="module")
def embedder(tiny_model):
    return Embedder.load(tiny_model)


def test_vectors_are_unit_length_float32(embedder, orl):
    vectors = embedder.embed(orl.paths[:5])
    assert vectors.shape == (5, 32)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_any_batch_size_and_kind_of_picture_gives_the_same(embedder, orl):
    paths = orl.paths[:6]
    one = embedder.embed(paths, batch_size=64)
    assert np.allclose(one, embedder.embed(iter(paths), batch_size=2), atol=1e-6)
    assert np.allclose(one, embedder.embed([path.read_bytes() for path in paths]), atol=1e-6)


def test_nothing_gives_no_vectors(embedder):
    assert embedder.embed([]).shape == (0, 32)


def test_progress_counts_every_picture_and_bad_ones_have_no_row(embedder, orl):
    done, bad = [], {}
    pictures = [orl.paths[0], b"junk", orl.paths[1]]
    vectors = embedder.embed(pictures, progress=done.append, unusable=bad.__setitem__)
    assert len(vectors) == sum(done) == 2
    assert list(bad) == [1]
    with pytest.raises(ImageError):
        embedder.embed(pictures)


def test_the_mirror_image_gives_the_same_vector_where_it_is_averaged(embedder, orl):
    # At the size of the input, so that no resampling rounds the two differently.
    picture = embedder.prepare(orl.paths[0]).pixels[..., 0]
    a, b = embedder.at_scales([1.0], flip_average=True).embed([picture, picture[:, ::-1]])
    assert a @ b == pytest.approx(1, abs=1e-4)
    a, b = embedder.embed([picture, picture[:, ::-1]])
    assert a @ b < 0.9


def test_thresholds_come_with_their_promise(embedder):
    threshold = embedder.threshold(0.1)
    assert 0.52 < threshold.distance < 0.67  # ten impostor pairs: six with the hard picture, four of the look-alikes
    assert "at most 0.1 of impostor pairs match (three people of ORL)" in threshold.source
    with pytest.raises(InputError, match=r"choose one of 0\.1, 0\.01, 0\.001"):
        embedder.threshold(0.5)
