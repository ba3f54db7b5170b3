"""A gallery that keeps photos of three identities."""

import pytest
from tests.gallery.annex.kept_photos import D, put, vectors

from lookalike.gallery import open_gallery


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        opened.bind("f1", "net", "cosine", D)
        yield opened


@pytest.fixture
def photos():
    return {"Ada": vectors(2, 1), "Bôb": vectors(3, 2), "Cy": vectors(1, 3)}


@pytest.fixture
def held(gallery, photos):
    """The gallery keeps these photos; gives the ids of the templates."""
    return put(gallery, photos, {"others": vectors(600, 9)}, {"rate": 0.01})
