"""Embedding labelled sets, and saying what could not be used."""

import numpy as np
import pytest
from PIL import Image

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.errors import DatasetError
from lookalike.progress import Reporter
from lookalike.workflows.labelled_pictures import embed_labelled


@pytest.fixture
def embedder(tiny_model):
    return Embedder.load(tiny_model)


def test_vectors_belong_to_the_pictures_that_are_kept(embedder, some_people):
    photos = some_people(3, 2)
    (photos / "s01" / "00.png").write_bytes(b"not a picture")
    (photos / "s03" / "x.png").write_bytes(b"")
    pictures, report = read_pictures(photos), Reporter()
    with pytest.raises(DatasetError, match=r"2 of 8 pictures cannot be used \(--skip-bad.*s01/00\.png is not a"):
        embed_labelled(embedder, pictures, report)
    assert report.remarks == []
    vectors, kept = embed_labelled(embedder, pictures, report, skip_bad=True)
    assert [path.name for path in kept.paths] == ["0.png", "1.png"] * 3
    assert np.allclose(vectors, embedder.embed(kept.paths), atol=1e-5)
    (remark,) = report.remarks
    assert remark.startswith("2 of 8 pictures cannot be used and are left out; ")


def test_where_all_are_bad_there_is_nothing_to_leave_out(embedder, some_people):
    photos = some_people(2, 1)
    for name in ("s01", "s02"):
        (photos / name / "0.png").write_bytes(b"not a picture")
    pictures = read_pictures(photos)
    with pytest.raises(DatasetError, match=r"2 of 2 pictures cannot be used \(give others\)"):
        embed_labelled(embedder, pictures, Reporter(), skip_bad=True)


def test_remarks_are_counted(some_people):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    photos, report = some_people(2, 1), Reporter()
    for name in ("s01", "s02"):
        Image.fromarray(noise).save(photos / name / "0.png")
    embed_labelled(Embedder.load("dlib", cropped=True), read_pictures(photos), report)
    assert report.remarks == [
        f"no face was found; the whole picture is taken for one: 2 picture(s), first {photos}/s01/0.png"
    ]
