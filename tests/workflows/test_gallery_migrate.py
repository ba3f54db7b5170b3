"""Everybody of one gallery into another."""

import pytest

from lookalike.errors import FingerprintError, InputError
from lookalike.gallery import Enrolment, open_gallery
from lookalike.workflows.gallery_migrate import GalleryMigrateOptions, migrate_gallery


@pytest.fixture
def source(tmp_path):
    with open_gallery(tmp_path / "a") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll_many([Enrolment("Ada", [[1, 2], [3, 4]], ["a", "b"], {"site": "Berlin"}), ("Bob", [5, 6], None)])
    return tmp_path / "a"


def test_there_and_back(source, tmp_path):
    events = []
    there = migrate_gallery(GalleryMigrateOptions(source=source, target=tmp_path / "b"), events.append)
    back = migrate_gallery(GalleryMigrateOptions(source=tmp_path / "b", target=tmp_path / "c"))
    assert there == back
    assert (there.identities, there.templates, there.verified.further) == (2, 3, 0)
    assert [event.done for event in events if event.stage == "Copying templates"] == [3]
    with open_gallery(source) as first, open_gallery(tmp_path / "c") as last:
        assert first.people() == last.people()


def test_an_interrupted_one_goes_on(source, tmp_path):
    with open_gallery(tmp_path / "b") as target:
        target.bind("f", "net", "euclidean", 2)
        target.enroll("Ada", [[1, 2]], ["a"])
    done = migrate_gallery(GalleryMigrateOptions(source=source, target=tmp_path / "b"))
    assert (done.identities, done.templates) == (2, 3)


def test_what_cannot_be_is_refused_and_changes_nothing(source, tmp_path):
    with pytest.raises(InputError, match="given twice"):
        migrate_gallery(GalleryMigrateOptions(source=source, target=source))
    with open_gallery(tmp_path / "b") as target:
        target.bind("other", "another net", "euclidean", 2)
    with pytest.raises(FingerprintError, match="another net"):
        migrate_gallery(GalleryMigrateOptions(source=source, target=tmp_path / "b"))
    open_gallery(tmp_path / "empty").close()
    with pytest.raises(InputError, match="nothing to copy"):
        migrate_gallery(GalleryMigrateOptions(source=tmp_path / "empty", target=tmp_path / "c"))
    assert not (tmp_path / "c").exists()
