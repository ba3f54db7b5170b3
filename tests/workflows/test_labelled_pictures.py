"""Pictures are embedded; what cannot be used is refused, or left out and told."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.datasets import PictureSet
from lookalike.errors import DatasetError
from lookalike.progress import Reporter
from lookalike.workflows.labelled_pictures import embed_labelled, embed_usable, usable_pictures


@pytest.fixture(scope="module")
def embedder(tiny_model):
    return Embedder.load(tiny_model)


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
    with pytest.raises(DatasetError, match=r"1 of 1 pictures .*give others"):
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
    assert usable_pictures(embedder.preprocessing, pictures, report, skip_bad=True).identities == ("a", "c")
