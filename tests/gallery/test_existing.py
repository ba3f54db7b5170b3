"""A gallery is opened where there is one; an empty folder is none yet."""

import pytest

from lookalike import open_gallery
from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.existing import open_existing


@pytest.mark.parametrize("begun", [False, True])
def test_there_is_none_yet(tmp_path, begun):
    path = tmp_path / "a.gallery"
    if begun:  # and killed before it had made one
        path.mkdir()
        (path / ".new-1-ab").touch()
    before = list(tmp_path.rglob("*"))
    assert open_existing(path) is None
    assert list(tmp_path.rglob("*")) == before
    open_gallery(path).close()
    for address in (path, str(path)):
        held = open_existing(address)
        assert held is not None
        with held:
            assert len(held) == 0


def test_what_is_there_and_is_no_gallery(tmp_path):
    (tmp_path / "file").write_bytes(b"a file")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"a picture")
    for name, words in {"file": "a gallery is a directory", "photos": "it is no gallery"}.items():
        with pytest.raises(ArtefactError, match=words):
            open_existing(tmp_path / name)


@pytest.mark.parametrize("address", ["", "milvus://host"])
def test_addresses_that_are_none(address):
    with pytest.raises(InputError):
        open_existing(address)
