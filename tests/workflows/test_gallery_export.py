"""A gallery into a plain folder."""

import json

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.gallery import open_gallery
from lookalike.workflows.gallery_export import GalleryExportOptions, export_gallery


def test_any_program_reads_it(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1, 2], [3, 4]], ["a.jpg", "b.jpg"])
    done = export_gallery(GalleryExportOptions(gallery=tmp_path / "g", folder=tmp_path / "e"))
    assert (done.identities, done.templates, done.changed) == (1, 2, False)
    np.testing.assert_array_equal(np.load(tmp_path / "e" / "vectors-00000.npy"), [[1, 2], [3, 4]])
    lines = (tmp_path / "e" / "templates-00000.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in lines] == ["a.jpg", "b.jpg"]
    assert json.loads((tmp_path / "e" / "card.json").read_text())["model"]["fingerprint"] == "f"


def test_landmarks_are_refused(tmp_path):
    open_gallery(tmp_path / "g", kind="landmarks").close()
    with pytest.raises(InputError, match="backup"):
        export_gallery(GalleryExportOptions(gallery=tmp_path / "g", folder=tmp_path / "e"))
    assert not (tmp_path / "e").exists()
