"""Detection as a function: every face of every picture, with no gallery, and without the network that embeds faces."""

import csv
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from tests.onnx_files import BOX, SIDE, constant_onnx, faces_of_scrfd

from lookalike.errors import ArtefactError, DatasetError, ImageError, InputError, StorageError
from lookalike.workflows.detect import DetectOptions, detect


@pytest.fixture(scope="module")
def empty_photo(tmp_path_factory):
    """A photo of nobody."""
    path = tmp_path_factory.mktemp("empty") / "empty.png"
    Image.new("L", (300, 200), 128).save(path)
    return path


def test_every_face_of_every_picture(group_photo, empty_photo, capsys):
    events = []
    found = detect(DetectOptions(pictures=[group_photo, empty_photo, group_photo]), events.append)
    assert [one.picture for one in found.pictures] == [str(group_photo), str(empty_photo), str(group_photo)]
    assert [(one.width, one.height) for one in found.pictures] == [(732, 1248), (300, 200), (732, 1248)]
    first, none, again = found.pictures
    assert (none.faces, again.faces) == ((), first.faces)
    centres = [((face.box.left + face.box.right) // 2, (face.box.top + face.box.bottom) // 2) for face in first.faces]
    assert sorted((x // 366, y // 416) for x, y in centres) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    for face in first.faces:
        assert face.quality is not None
        assert 0 <= face.quality.score <= 1
        assert len(face.landmarks) == 5
        assert all(face.box.left < x < face.box.right and face.box.top < y < face.box.bottom for x, y in face.landmarks)
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Finding faces", 3, 3)
    assert (found.unusable, found.drawn, found.notes) == ((), (), ())
    assert capsys.readouterr() == ("", "")


def test_a_model_that_aligns_faces_finds_the_same(group_photo):
    by_detector = detect(DetectOptions(pictures=group_photo)).pictures
    from lookalike import Embedder

    assert tuple(Embedder.load("dlib").faces(group_photo)) == by_detector[0].faces


def test_an_onnx_detector_looks_in_the_place_of_the_models(tmp_path):
    detector = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.9, BOX, 40)]))
    picture = tmp_path / "grey.png"
    Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(picture)
    (one,) = detect(DetectOptions(pictures=picture, detector=detector, device="cpu")).pictures
    assert [str(face.box) for face in one.faces] == ["30×34 pixels at 16,14"]
    assert one.faces[0].score == pytest.approx(0.9)


def test_a_table_and_copies_are_written(group_photo, empty_photo, tmp_path):
    options = DetectOptions(pictures=[group_photo, empty_photo], csv=tmp_path / "f.csv", draw=tmp_path / "out")
    found = detect(options)
    assert found.drawn == (str(tmp_path / "out" / "group-faces.png"), str(tmp_path / "out" / "empty-faces.png"))
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["picture"], row["face"], row["error"]) for row in rows] == [
        *((str(group_photo), str(number), "") for number in range(1, 6)),
        (str(empty_photo), "", "no face was found"),
    ]
    face = found.pictures[0].faces[0]
    assert (int(rows[0]["left"]), float(rows[0]["quality"])) == (face.box.left, face.quality.score)
    before, after = (np.asarray(Image.open(path).convert("RGB")) for path in (group_photo, found.drawn[0]))
    assert tuple(before[face.box.top, face.box.left]) != tuple(after[face.box.top, face.box.left]) == (0x56, 0xB4, 0xE9)


def test_pictures_that_cannot_be_used_are_listed(group_photo, bad_picture, tmp_path):
    bad = bad_picture("truncated", tmp_path / "bad.png")
    none = tmp_path / "none.png"
    with pytest.raises(ImageError, match=r"none.png does not exist"):
        detect(DetectOptions(pictures=[group_photo, none]))
    with pytest.raises(ImageError, match=r"bad.png is damaged .*\(--skip-bad leaves such pictures out\)"):
        detect(DetectOptions(pictures=[group_photo, bad]))
    found = detect(DetectOptions(pictures=[bad, group_photo, none], skip_bad=True))
    assert [one.picture for one in found.pictures] == [str(group_photo)]
    assert [one.picture for one in found.unusable] == [str(bad), str(none)]
    assert "damaged" in found.unusable[0].reason
    assert found.notes[0].startswith("2 of 3 pictures cannot be used and are left out; ")
    with pytest.raises(DatasetError, match="1 of 1 picture cannot be used"):
        detect(DetectOptions(pictures=bad, skip_bad=True))


def test_what_is_refused_changes_nothing(refuses, tiny_model, group_photo, tmp_path):
    (tmp_path / "file").touch()
    for error, options, words in [
        (InputError, {"pictures": []}, "no pictures were given"),
        (InputError, {"model": tiny_model}, "looks for no faces"),
        (ArtefactError, {"model": tmp_path / "no"}, "there is no model"),
        (ArtefactError, {"detector": tmp_path / "no.onnx"}, "no.onnx"),
        (InputError, {"device": "cuda"}, "run on the CPU only"),
        (InputError, {"device": "tpu"}, "device is 'tpu'"),
        (InputError, {"csv": tmp_path / "no" / "f.csv"}, "there is no folder"),
        (StorageError, {"draw": tmp_path / "file"}, "choose another with --draw"),
    ]:
        refuses(error, lambda options=options: detect(DetectOptions(**({"pictures": group_photo} | options))), words)


def test_neither_torch_nor_the_network_is_loaded(group_photo):
    code = f"""
        import sys
        from lookalike.workflows.detect import DetectOptions, detect
        assert len(detect(DetectOptions(pictures={str(group_photo)!r})).pictures[0].faces) == 5
        for part in ("torch", "faiss", "scipy", "lookalike.embedder.dlib_faces", "lookalike.gallery"):
            assert part not in sys.modules, part
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
