"""A copy of a gallery's folder."""

import pytest

from lookalike.errors import ArtefactError
from lookalike.gallery import open_gallery
from lookalike.workflows.gallery_backup import GalleryBackupOptions, back_up_gallery


def test_the_copy_opens(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1, 2], [3, 4]])
    done = back_up_gallery(GalleryBackupOptions(gallery=tmp_path / "g", folder=tmp_path / "copy"))
    assert (done.identities, done.templates, done.change) == (1, 2, 1)
    assert len(open_gallery(tmp_path / "copy", create=False)) == 1


def test_no_gallery(tmp_path):
    with pytest.raises(ArtefactError, match="none"):
        back_up_gallery(GalleryBackupOptions(gallery=tmp_path / "none", folder=tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()
