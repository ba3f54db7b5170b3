"""Preparing training pictures once, in memory or on disk."""

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets import read_pictures
from lookalike.embedder import Preprocessing
from lookalike.errors import DatasetError
from lookalike.training import prepared_pictures
from lookalike.training.known_pictures import KnownPictures, picture_digests
from lookalike.training.prepared_pictures import prepare_pictures

SMALL = Preprocessing(image_size=(16, 16), channels=1)


@pytest.fixture
def folder(tmp_path):
    for name, count in (("ada", 2), ("bob", 2), ("cy", 1)):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(count):
            Image.new("L", (20, 20), 50 * i + len(name)).save(tmp_path / "in" / name / f"{i}.png")
    return tmp_path / "in"


def test_memory_and_disk_hold_the_same(folder, tmp_path, monkeypatch):
    pictures = read_pictures(folder)
    in_memory = prepare_pictures(pictures, SMALL, tmp_path)
    monkeypatch.setattr(prepared_pictures, "MEMORY_LIMIT", 100)
    mapped = prepare_pictures(pictures, SMALL, tmp_path)
    assert isinstance(mapped.pixels, np.memmap)
    assert (in_memory.pixels == mapped.pixels).all()
    assert in_memory.pixels.shape == (5, 16, 16, 1)


def test_all_pictures_are_known_by_their_contents(folder, tmp_path):
    (folder / "ada" / "0.png").write_bytes(b"bad")
    pictures = read_pictures(folder)
    prepared = prepare_pictures(pictures, SMALL, tmp_path, skip_bad=True)
    assert len(prepared.pictures) == 4
    assert prepared.known == KnownPictures(picture_digests(pictures.paths), pictures.identities)


def test_bad_pictures_stop_or_are_left_out(folder, tmp_path):
    (folder / "ada" / "0.png").write_bytes(b"")
    (folder / "bob" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n truncated")
    pictures = read_pictures(folder)
    with pytest.raises(DatasetError, match=r"2 of 5 pictures cannot be used \(--skip-bad leaves them out\); .*0\.png"):
        prepare_pictures(pictures, SMALL, tmp_path)
    kept = prepare_pictures(pictures, SMALL, tmp_path, skip_bad=True)
    assert kept.pictures.identities == ("ada", "bob", "cy")
    assert len(kept.pixels) == 3
    assert any("2 of 5 pictures" in note for note in kept.notes)


def test_nothing_usable_is_an_error_even_when_skipping(folder, tmp_path):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(DatasetError, match="5 of 5"):
        prepare_pictures(read_pictures(folder), SMALL, tmp_path, skip_bad=True)
