"""An exported folder into a gallery."""

import pytest

from lookalike.errors import ArtefactError, FingerprintError
from lookalike.gallery import open_gallery
from lookalike.workflows.gallery_export import GalleryExportOptions, export_gallery
from lookalike.workflows.gallery_import import GalleryImportOptions, import_gallery


@pytest.fixture
def exported(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1, 2], [3, 4]], tags={"site": "Berlin"})
    export_gallery(GalleryExportOptions(gallery=tmp_path / "g", folder=tmp_path / "e"))
    return tmp_path / "e"


def test_all_comes_back_and_again_changes_nothing(exported, tmp_path):
    for _ in range(2):
        done = import_gallery(GalleryImportOptions(folder=exported, gallery=tmp_path / "new"))
        assert (done.identities, done.templates, done.verified.templates, done.verified.further) == (1, 2, 2, 0)
    with open_gallery(tmp_path / "g") as first, open_gallery(tmp_path / "new") as last:
        assert first.people() == last.people()


def test_a_damaged_folder_makes_no_gallery(exported, tmp_path):
    (exported / "people.jsonl").write_text("{}")
    with pytest.raises(ArtefactError, match=r"people\.jsonl is damaged"):
        import_gallery(GalleryImportOptions(folder=exported, gallery=tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_another_model_is_refused(exported, tmp_path):
    with open_gallery(tmp_path / "new") as gallery:
        gallery.bind("other", "another net", "euclidean", 2)
    with pytest.raises(FingerprintError, match="another net"):
        import_gallery(GalleryImportOptions(folder=exported, gallery=tmp_path / "new"))
