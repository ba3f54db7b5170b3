"""The recognizer against its parts: the embedder's vectors, the gallery's search, the calibration's threshold."""

import math

import numpy as np
import pytest

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.distances import pairwise
from lookalike.errors import FingerprintError, ImageError, InputError, NoFaceError, VectorError

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def embedder(tiny_model):
    return Embedder.load(tiny_model)


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        yield opened


@pytest.fixture
def recognizer(embedder, gallery):
    return Recognizer(embedder, gallery, threshold=0.5)


@pytest.fixture(scope="module")
def faces(people_folder):
    return {person.name: sorted(person.iterdir()) for person in sorted(people_folder.iterdir())}


def test_identify_is_the_nearest_template_of_all(recognizer, embedder, faces):
    names = ("s01", "s02", "s03", "s04")
    for name in names:
        recognizer.enroll(name, faces[name][:3])
    enrolled = {name: embedder.embed(faces[name][:3]) for name in names}
    for probe in (faces["s01"][4], faces["s03"][5], faces["s08"][0]):
        vector = embedder.embed([probe])
        nearest = sorted((float(pairwise(vector, enrolled[name], "cosine").min()), name) for name in names)
        found = recognizer.identify(probe, k=3)
        assert [c.distance for c in found.candidates] == pytest.approx([d for d, _ in nearest[:3]], abs=1e-6)
        assert found.distance == found.candidates[0].distance
        assert found.identity == (found.candidates[0].identity if found.distance <= 0.5 else None)


def test_the_threshold_itself_still_matches(embedder, gallery, faces):
    Recognizer(embedder, gallery).enroll("Ada", faces["s01"][0])
    distance = Recognizer(embedder, threshold=1.0).verify(faces["s01"][0], faces["s02"][0]).distance
    at, below = (Recognizer(embedder, gallery, threshold=t) for t in (distance, np.nextafter(distance, -1)))
    assert at.verify(faces["s01"][0], faces["s02"][0]).match
    assert not below.verify(faces["s01"][0], faces["s02"][0]).match
    reached = at.identify(faces["s02"][0]).distance
    assert Recognizer(embedder, gallery, threshold=reached).identify(faces["s02"][0]).identity == "Ada"
    nobody = Recognizer(embedder, gallery, threshold=np.nextafter(reached, -1)).identify(faces["s02"][0])
    assert nobody.identity is None
    assert nobody.candidates[0].identity == "Ada"


def test_verify_is_the_distance_of_two_pictures_and_needs_no_gallery(embedder, faces):
    answer = Recognizer(embedder).verify(faces["s01"][0], faces["s02"][0])
    vectors = embedder.embed([faces["s01"][0], faces["s02"][0]])
    assert answer.distance == pytest.approx(float(pairwise(vectors[:1], vectors[1:], "cosine")[0, 0]), abs=1e-6)
    assert answer.threshold == embedder.calibration.threshold()
    assert "three people of ORL" in answer.threshold_source
    with pytest.raises(InputError, match="has no gallery; give it one"):
        Recognizer(embedder).enroll("Ada", faces["s01"][0])


def test_an_empty_gallery_knows_nobody(recognizer, faces):
    answer = recognizer.identify(faces["s01"][0])
    assert (answer.identity, answer.distance, answer.candidates) == (None, math.inf, ())


def test_where_thresholds_come_from(embedder, faces):
    for target in (0.1, 0.01, 0.001):
        assert Recognizer(embedder, target_fmr=target).threshold.distance == embedder.calibration.threshold(target)
    assert Recognizer(embedder, threshold=0).threshold.distance == 0
    with pytest.raises(InputError, match="give one of them"):
        Recognizer(embedder, threshold=0.5, target_fmr=0.1)
    for bad in (math.nan, math.inf):
        with pytest.raises(InputError, match="expected a distance"):
            Recognizer(embedder, threshold=bad)
    with pytest.raises(InputError, match=r"choose one of 0\.1, 0\.01, 0\.001"):
        Recognizer(embedder, target_fmr=math.nan).verify(faces["s01"][0], faces["s01"][1])


def test_one_picture_or_several_of_any_kind(recognizer, gallery, faces):
    path = faces["s01"][0]
    content = path.read_bytes()
    pixels = np.zeros((40, 30), np.uint8)
    for number, one in enumerate([path, str(path), content, bytearray(content), memoryview(content), pixels]):
        assert len(recognizer.enroll(f"one {number}", one).template_ids) == 1
    assert len(recognizer.enroll("several", (path, faces["s01"][1])).template_ids) == 2
    assert [t.source for t in gallery.templates("several")] == [str(path), str(faces["s01"][1])]
    assert [t.source for t in gallery.templates("one 2")] == [""]
    with pytest.raises(VectorError, match="empty"):
        recognizer.enroll("nobody", [])


def test_a_bad_picture_is_named_and_nobody_is_enrolled(recognizer, gallery, faces, tmp_path):
    (tmp_path / "x.png").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match=r"x\.png is not a picture"):
        recognizer.enroll("Ada", [faces["s01"][0], tmp_path / "x.png"])
    with pytest.raises(ImageError, match="picture 2: the picture is not"):
        recognizer.verify(faces["s01"][0], b"not a picture")
    with pytest.raises(InputError, match="empty name"):
        recognizer.enroll("", faces["s01"][0])
    assert len(gallery) == 0


def test_a_gallery_of_another_model_is_refused(gallery, recognizer, faces):
    recognizer.enroll("Ada", faces["s01"][0])
    with pytest.raises(FingerprintError, match=r"belongs to model 'tiny'.*'dlib'"):
        Recognizer(Embedder.load("dlib"), gallery)


def test_faces_are_found_and_what_was_seen_is_said(gallery):
    grey = np.full((200, 200, 3), 128, np.uint8)
    with pytest.raises(NoFaceError, match=r"picture 1: no face was found .*--cropped"):
        Recognizer(Embedder.load("dlib"), gallery).enroll("Ada", grey)
    enrolled = Recognizer(Embedder.load("dlib", cropped=True), gallery).enroll("Ada", grey)
    assert enrolled.notes == ("picture 1: no face was found; the whole picture is taken for one",)
