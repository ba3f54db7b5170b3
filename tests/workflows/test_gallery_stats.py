"""What a gallery holds, as a workflow."""

import pytest

from lookalike.errors import ArtefactError
from lookalike.gallery import open_gallery
from lookalike.workflows.gallery_stats import GalleryStatsOptions, gallery_stats


def test_counts_and_model(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1.0, 0.0], [0.0, 1.0]])
    found = gallery_stats(GalleryStatsOptions(gallery=tmp_path / "g"))
    assert (found["identities"], found["templates"], found["kind"]) == (1, 2, "people")
    assert found["model"]["name"] == "net"


def test_no_gallery_is_made(tmp_path):
    with pytest.raises(ArtefactError, match="none"):
        gallery_stats(GalleryStatsOptions(gallery=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
