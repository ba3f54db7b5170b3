"""Which reader reads what, and how a new one is added."""

from pkgutil import resolve_name

import pytest

from lookalike.datasets import PictureSet, read_pictures, readers
from lookalike.datasets.readers import NAMED, READERS, Reader
from lookalike.errors import DatasetError


def listed(pictures, root):
    return [(str(p.relative_to(root)), i) for p, i in zip(pictures.paths, pictures.identities, strict=True)]


def test_a_source_is_read_in_the_form_that_it_has(touch):
    root = touch("people/Ada/1.png", "google/train/0/1/2/0123456789abcdef.jpg")
    (root / "LIST.CSV").write_text("path,identity\npeople/Ada/1.png,Ada\n")
    (root / "google/train.csv").write_text("id,url,landmark_id\n0123456789abcdef,x,7\n")
    for source in (root / "people", str(root / "people"), root / "LIST.CSV", str(root / "LIST.CSV")):
        assert listed(read_pictures(source), root) == [("people/Ada/1.png", "Ada")]
    # As a folder per identity it would be one identity, "train".
    assert read_pictures(root / "google").identities == ("7",)


@pytest.mark.parametrize("name", NAMED)
def test_a_named_set_is_what_its_function_reads(name):
    assert read_pictures(name) == resolve_name(NAMED[name])()


EXPECTED = (
    "expected a folder with one subfolder per identity, a CSV of path,identity, a folder of Google Landmarks v2, or "
    "bundled:orl"
)


def test_what_no_reader_takes(touch):
    root = touch("pictures.zip")
    with pytest.raises(DatasetError, match=rf"pictures\.zip has no form that can be read; {EXPECTED}"):
        read_pictures(root / "pictures.zip")
    with pytest.raises(DatasetError, match=f"none does not exist; {EXPECTED}"):
        read_pictures(root / "none")


def test_a_further_reader_is_one_entry(touch, monkeypatch):
    root = touch("ada.faces")
    one = PictureSet((root / "ada.faces",), ("Ada",))
    reader = Reader("a .faces file", lambda path: path.suffix == ".faces", lambda path: one)
    monkeypatch.setattr(readers, "READERS", (reader, *READERS))
    assert read_pictures(root / "ada.faces") == one
    with pytest.raises(DatasetError, match=r"a folder of Google Landmarks v2, a \.faces file, or bundled:orl"):
        read_pictures(root / "other")
