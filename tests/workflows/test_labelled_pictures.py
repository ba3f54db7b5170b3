"""Embedding labelled sets, and saying what could not be used."""

import numpy as np
import pytest
from PIL import Image

from lookalike import Embedder
from lookalike.datasets import PictureSet, read_pictures
from lookalike.errors import DatasetError
from lookalike.progress import Reporter
from lookalike.workflows.labelled_pictures import embed_labelled, embed_usable


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
        f"no face was found; the whole picture is taken for one: 2 pictures, first {photos}/s01/0.png"
    ]


def test_pictures_on_the_disk_and_in_memory(embedder, people_folder):
    paths = sorted((people_folder / "s01").iterdir())[:3]
    given = [paths[0], str(paths[1]), paths[2].read_bytes()]
    report = Reporter()
    vectors, kept = embed_usable(embedder, given, report)
    np.testing.assert_array_equal(vectors, embedder.embed(paths))
    assert (kept, report.remarks) == ([0, 1, 2], [])


def test_what_cannot_be_used_is_named(embedder, people_folder, bad_picture, tmp_path):
    good = people_folder / "s01" / "0.png"
    bad = bad_picture("empty", tmp_path / "bad.png")
    for given, words in (([good, bad], "1 of 2 pictures .*--skip-bad.*bad.png"), ([b"", good], "picture 1: ")):
        with pytest.raises(DatasetError, match=words):
            embed_usable(embedder, given, Reporter())
    with pytest.raises(DatasetError, match=r"1 of 1 picture .*give others"):
        embed_usable(embedder, [bad], Reporter(), skip_bad=True)
    report = Reporter()
    vectors, kept = embed_usable(embedder, [bad, good], report, skip_bad=True)
    assert (vectors.shape, kept, len(report.remarks)) == ((1, 32), [1], 1)


def test_a_labelled_set_keeps_its_labels_and_tells_its_notes(embedder, people_folder, bad_picture, tmp_path):
    paths = (people_folder / "s01" / "0.png", bad_picture("empty", tmp_path / "b.png"), people_folder / "s02" / "0.png")
    pictures = PictureSet(paths, ("a", "b", "c"), ("a remark",))
    report = Reporter()
    vectors, kept = embed_labelled(embedder, pictures, report, skip_bad=True)
    assert (len(vectors), kept.identities, report.remarks[0]) == (2, ("a", "c"), "a remark")
