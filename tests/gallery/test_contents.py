"""All that a gallery of people holds, by pages."""

import pytest

import lookalike.gallery.contents as contents
from lookalike.errors import InputError
from lookalike.gallery import open_gallery
from lookalike.gallery.contents import GalleryContents


def test_pages_hold_everything_once(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "TEMPLATES", 2)
    monkeypatch.setattr(contents, "IDENTITIES", 2)
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 1)
        for number in range(5):
            gallery.enroll(f"p{number}", [[number], [number + 0.5]])
        read = GalleryContents(gallery, "g")
        assert [[one.name for one in page] for page in read.identity_pages()] == [["p0", "p1"], ["p2", "p3"], ["p4"]]
        assert [one.id for page in read.template_pages() for one in page] == [t.id for t in gallery.templates()]
        assert read.templates == 10


def test_landmarks_and_empty_galleries_are_refused(tmp_path):
    with open_gallery(tmp_path / "places", kind="landmarks") as gallery, pytest.raises(InputError, match="backup"):
        GalleryContents(gallery, "places")
    with open_gallery(tmp_path / "none") as gallery, pytest.raises(InputError, match="nothing to copy"):
        GalleryContents(gallery, "none")
