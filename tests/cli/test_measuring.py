"""Embedding labelled sets, and saying what could not be used."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.cli.measuring import Thumbnails, embed_set
from lookalike.datasets import read_pictures
from lookalike.errors import DatasetError


@pytest.fixture
def embedder(tiny_model):
    return Embedder.load(tiny_model)


def test_vectors_belong_to_the_pictures_that_are_kept(embedder, some_people, bad_picture, capsys):
    photos = some_people(3, 2)
    bad_picture("text", photos / "s01" / "00.png")
    bad_picture("empty", photos / "s03" / "x.png")
    pictures = read_pictures(photos)
    with pytest.raises(DatasetError, match=r"2 of 8 pictures cannot be used \(--skip-bad.*s01/00\.png is not a"):
        embed_set(embedder, pictures)
    assert capsys.readouterr().err == ""
    vectors, kept = embed_set(embedder, pictures, skip_bad=True)
    assert [path.name for path in kept.paths] == ["0.png", "1.png"] * 3
    assert np.allclose(vectors, embedder.embed(kept.paths), atol=1e-5)
    assert capsys.readouterr().err.startswith("note: 2 of 8 pictures cannot be used and are left out; ")


def test_where_all_are_bad_there_is_nothing_to_leave_out(embedder, some_people, bad_picture):
    photos = some_people(2, 1)
    for name in ("s01", "s02"):
        bad_picture("text", photos / name / "0.png")
    with pytest.raises(DatasetError, match=r"2 of 2 pictures cannot be used \(give others\)"):
        embed_set(embedder, read_pictures(photos), True)


def test_remarks_are_counted(some_people, orl, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    dlib = Embedder.load("dlib", cropped=True)
    photos = some_people(2, 1)
    from PIL import Image

    for name in ("s01", "s02"):
        Image.fromarray(noise).save(photos / name / "0.png")
    embed_set(dlib, read_pictures(photos))
    said = capsys.readouterr().err
    assert (
        said == f"note: no face was found; the whole picture is taken for one: 2 picture(s), first {photos}/s01/0.png\n"
    )


def test_thumbnails_are_small_and_read_when_they_are_shown(people_folder, tmp_path):
    thumbnails = Thumbnails([people_folder / "s01" / "0.png", tmp_path / "none.png"])
    assert len(thumbnails) == 2
    assert thumbnails[np.int64(0)].shape == (112, 92, 3)
