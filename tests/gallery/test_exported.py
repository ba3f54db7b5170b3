"""A gallery as a plain folder."""

import json

import numpy as np
import pytest

import lookalike.gallery.contents as contents
from lookalike.errors import ArtefactError, StorageError
from lookalike.gallery import Enrolment, open_gallery
from lookalike.gallery.contents import GalleryContents
from lookalike.gallery.exported import ExportedGallery, export_contents


@pytest.fixture
def gallery(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "TEMPLATES", 2)
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "cosine", 2)
        gallery.enroll_many([Enrolment("Ada", [[1, 2], [3, 4]], ["a\n.jpg", "\u2028"], {"site": "B"}, [0.5, None])])
        gallery.enroll("山", [[5, 6]])
        yield gallery


@pytest.fixture
def exported(gallery, tmp_path):
    export_contents(GalleryContents(gallery, "g"), tmp_path / "e", "1")
    return tmp_path / "e"


def test_it_holds_everything_and_nothing_pickled(gallery, exported):
    read = ExportedGallery(exported)
    assert read.model == gallery.model
    held = [t for page in read.template_pages() for t in page]
    for one, own in zip(held, gallery.templates(), strict=True):
        assert (one.identity, one.source, one.enrolled_at, one.quality) == (
            own.identity, own.source, own.enrolled_at, own.quality)  # fmt: skip
        np.testing.assert_array_equal(one.vector, own.vector)
    people = [one for page in read.identity_pages() for one in page]
    assert [(p.name, p.created_at, dict(p.tags)) for p in people] == [
        (p.name, p.created_at, dict(p.tags)) for p in gallery.people()
    ]
    assert {path.suffix for path in exported.iterdir()} == {".json", ".jsonl", ".npy"}


@pytest.mark.parametrize("name", ["people.jsonl", "templates-00001.jsonl", "vectors-00000.npy"])
def test_damaged_and_missing_files_are_refused(exported, name):
    content = bytearray((exported / name).read_bytes())
    content[-3] ^= 1
    (exported / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=f"{name} is damaged: its checksum is another"):
        ExportedGallery(exported)
    (exported / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name} is damaged: it is missing"):
        ExportedGallery(exported)


def test_foreign_newer_and_escaping_cards_are_refused(exported, tmp_path):
    with pytest.raises(ArtefactError, match=r"holds no card\.json"):
        ExportedGallery(tmp_path)
    card = json.loads((exported / "card.json").read_text())
    for change, why in (
        ({"format_version": 2}, "format version 2"),
        ({"format": "a cake"}, "a cake"),
        ({"model": None}, "damaged"),
        ({"files": {"../g/gallery.sqlite3": "00"}}, "damaged"),
    ):
        (exported / "card.json").write_text(json.dumps(card | change))
        with pytest.raises(ArtefactError, match=why):
            ExportedGallery(exported)


def test_an_interrupted_export_goes_on(gallery, tmp_path, monkeypatch):
    import lookalike.gallery.exported as module

    written = []
    real = module._write_part

    def failing(folder, names, page):
        if len(written) == 1:
            raise KeyboardInterrupt
        written.append(names)
        real(folder, names, page)

    monkeypatch.setattr(module, "_write_part", failing)
    with pytest.raises(KeyboardInterrupt):
        export_contents(GalleryContents(gallery, "g"), tmp_path / "e", "1")
    with pytest.raises(ArtefactError, match="was not finished"):
        ExportedGallery(tmp_path / "e")
    monkeypatch.setattr(module, "_write_part", lambda *given: (written.append(given[1]), real(*given)))
    export_contents(GalleryContents(gallery, "g"), tmp_path / "e", "1")
    assert [names[0] for names in written] == ["templates-00000.jsonl", "templates-00001.jsonl"]
    assert ExportedGallery(tmp_path / "e").templates == 3


def test_an_export_of_another_state_begins_anew(gallery, tmp_path, monkeypatch):
    folder = tmp_path / "e"
    export_contents(GalleryContents(gallery, "g"), folder, "1")
    (folder / "card.json").unlink()
    (folder / "unfinished.json").write_text(json.dumps({"state": "0", "files": {"vectors-00000.npy": "00"}}))
    export_contents(GalleryContents(gallery, "g"), folder, "1")
    assert ExportedGallery(folder).templates == 3


def test_what_is_there_is_not_replaced(gallery, exported, tmp_path):
    with pytest.raises(StorageError, match="an export already"):
        export_contents(GalleryContents(gallery, "g"), exported, "1")
    with pytest.raises(StorageError, match="something else"):
        export_contents(GalleryContents(gallery, "g"), tmp_path / "g", "1")
