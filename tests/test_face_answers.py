"""Every face of a picture: the answer about each is the one that it gets alone, however many are asked together."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike import Recognizer, open_gallery
from lookalike.answers import Identified, IdentifiedFace
from lookalike.embedder.embedder import Embedder
from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import ImageError, InputError, NoFaceError
from lookalike.face_answers import with_shared_identities
from lookalike.gallery.records import Candidate


class PointsOfAPlane(Embedder):
    """Pictures of one row: four pixels of three bytes are a face, at the point that its first eight bytes say.

    `batches` has the number of faces of every call of `embed_prepared`.
    """

    name, fingerprint, metric, dimension, finds_faces = "points", "0123456789abcdef", "euclidean", 2, True

    def __init__(self):
        self.batches = []

    def prepare(self, picture):
        faces = self.prepare_faces(picture)
        if not faces:
            raise NoFaceError("no face was found")
        note = (f"{len(faces)} faces were found",) if len(faces) > 1 else ()
        return Prepared(faces[0][1].pixels, note, tuple(face for face, _ in faces))

    def faces(self, picture, smallest=0):
        return [face for face, _ in self.prepare_faces(picture)]

    def prepare_faces(self, picture, smallest=0):
        if isinstance(picture, bytes):
            raise ImageError("the picture is damaged")
        rows = np.asarray(picture).reshape(-1, 12)
        boxes = [FaceBox(4 * at, 0, 4 * at + 4, 1) for at in range(len(rows))]
        return [
            (Face(box, 1.0, (), False), Prepared(row[None, :8], ("blurred",) * int(row[8])))
            for box, row in zip(boxes, rows, strict=True)
            if box.width >= smallest
        ]

    def embed_prepared(self, pixels):
        self.batches.append(len(pixels))
        return np.ascontiguousarray(pixels).view(np.float32).reshape(len(pixels), 2)


def picture(*points, blurred=False):
    """A picture with a face at each point."""
    rows = np.zeros((len(points), 12), np.uint8)
    for row, point in zip(rows, points, strict=True):
        row[:8] = np.array(point, np.float32).view(np.uint8)
        row[8] = blurred
    return rows.reshape(1, -1, 3) if points else np.zeros((1, 0, 3), np.uint8)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Twelve identities in the plane, two templates each, some of them near one another."""
    draw = np.random.default_rng(5)
    with open_gallery(tmp_path_factory.mktemp("people") / "g") as opened:
        recognizer = Recognizer(PointsOfAPlane(), opened, threshold=1.0)
        for number in range(12):
            x, y = draw.uniform(0, 4, 2)
            recognizer.enroll(f"p{number}", [picture((x, y)), picture((x + 0.1, y))])
        yield opened


POINTS = st.tuples(st.floats(0, 4, width=32), st.floats(0, 4, width=32))


@given(st.lists(st.lists(POINTS, max_size=4), max_size=6), st.integers(1, 13), st.sampled_from([{}, {"margin": 0.3}]))
@settings(max_examples=50)
def test_the_answer_about_a_face_is_the_one_that_it_gets_alone(people, pictures, k, options):
    recognizer = Recognizer(PointsOfAPlane(), people, threshold=0.6, **options)
    found = recognizer.identify_all_many([picture(*points) for points in pictures], k=k)
    assert [len(faces) for faces in found] == [len(points) for points in pictures]
    for points, faces in zip(pictures, found, strict=True):
        assert recognizer.identify_all(picture(*points), k=k) == faces
        assert [one.face.box.left for one in faces] == [4 * at for at in range(len(points))]
        for point, one in zip(points, faces, strict=True):
            assert one.answer == recognizer.identify(picture(point), k=k)
            assert one.answer.face == one.face


def test_faces_of_many_pictures_are_embedded_and_searched_for_together(people, monkeypatch):
    embedder, told, searches = PointsOfAPlane(), [], []
    recognizer = Recognizer(embedder, people, threshold=0.6)
    search = people.search_counted
    monkeypatch.setattr(people, "search_counted", lambda x, k, where: searches.append(len(x)) or search(x, k))
    pictures = [picture((n / 20, 1), (1, n / 20)) for n in range(70)] + [picture()]
    found = recognizer.identify_all_many(pictures, progress=told.append)
    assert (len(found), len(found[0]), found[-1]) == (71, 2, [])
    assert told == [64, 7]
    assert embedder.batches == searches == [64, 64, 12]
    assert recognizer.identify_all_many([]) == []
    assert recognizer.identify_all_many(pictures[:1], smallest_face=5) == [[]]
    assert len(recognizer.identify_all(pictures[0], smallest_face=4)) == 2
    assert recognizer.identify_faces([]) == []


def test_pictures_that_cannot_be_used_are_told_of_or_raised(people):
    recognizer = Recognizer(PointsOfAPlane(), people, threshold=0.6)
    pictures = [picture((1, 1)), b"x", picture()]
    bad = {}
    assert len(recognizer.identify_all_many(pictures, unusable=bad.__setitem__)) == 2
    assert {at: str(error) for at, error in bad.items()} == {1: "picture 2: the picture is damaged"}
    with pytest.raises(ImageError, match="picture 2: the picture is damaged"):
        recognizer.identify_all_many(pictures)
    bad.clear()  # the same of the most likely subjects, who are missing in a picture without a face
    assert len(recognizer.identify_many(pictures, unusable=bad.__setitem__)) == 1
    assert sorted(bad) == [1, 2]
    assert recognizer.identify_many([b"x"], unusable=bad.__setitem__) == []


def test_remarks_name_the_picture(people):
    recognizer = Recognizer(PointsOfAPlane(), people, threshold=0.6)
    found = recognizer.identify_all_many([picture((1, 1)), picture((1, 1), blurred=True)])
    assert [faces[0].answer.notes for faces in found] == [(), ("picture 2: blurred",)]
    prepared = recognizer.embedder.prepare_faces(picture((1, 1), blurred=True))
    assert recognizer.identify_faces(prepared)[0].answer.notes == ("blurred",)


def test_one_answer_says_which_face_it_is_about(people):
    recognizer = Recognizer(PointsOfAPlane(), people, threshold=0.6)
    answer = recognizer.identify(picture((1, 1), (2, 2)))
    assert (answer.face, len(answer.faces)) == (answer.faces[0], 2)
    assert answer.to_json()["face"].box == FaceBox(0, 0, 4, 1)


def test_who_cannot_answer_about_faces(people, tmp_path):
    class Whole(PointsOfAPlane):
        finds_faces = False

    recognizer = Recognizer(Whole(), people, threshold=0.6)
    for ask in (recognizer.identify_all, lambda one: recognizer.identify_all_many([one])):
        with pytest.raises(InputError, match="model points looks for no faces"):
            ask(picture((1, 1)))
    with pytest.raises(InputError, match="looks for no faces"):
        recognizer.identify_faces([])
    with pytest.raises(InputError, match="has no gallery"):
        Recognizer(PointsOfAPlane(), threshold=1).identify_all(picture((1, 1)))
    with pytest.raises(InputError, match="k"):
        Recognizer(PointsOfAPlane(), people, threshold=1).identify_all(picture((1, 1)), k=0)
    with open_gallery(tmp_path / "places") as places:
        places.settle_kind("landmarks")
        with pytest.raises(InputError, match="holds landmarks; give a gallery of people"):
            Recognizer(PointsOfAPlane(), places).identify_all(picture((1, 1)))


def test_one_identity_of_two_faces_is_said_and_both_stand(people):
    recognizer = Recognizer(PointsOfAPlane(), people, threshold=0.6)
    place = people.templates("p3")[0].vector
    found = recognizer.identify_all(picture((place[0] + 0.02, place[1]), (40, 40), place))
    assert [one.answer.identity for one in found] == ["p3", None, "p3"]
    assert found[0].notes == ("faces 1 and 3 are answered with p3; face 3 is the nearest, at 0.0000",)
    assert found[1].notes == ()
    assert found[2].notes == found[0].notes
    assert found[2].to_json()["notes"] == found[2].notes


ANSWERS = st.tuples(st.sampled_from([None, "Ada", "Bo", "Cy"]), st.floats(0, 1))


@given(st.lists(ANSWERS, max_size=8))
def test_only_faces_that_share_an_identity_get_a_remark_and_nothing_else_changes(answers):
    faces = []
    for at, (name, distance) in enumerate(answers):
        face = Face(FaceBox(at, 0, at + 1, 1), 1.0, (), False)
        known = () if name is None else (Candidate(name, distance, 0),)
        decision = "match" if known else "unknown"
        faces.append(IdentifiedFace(face, Identified(name, distance, 1.0, "given", known, decision=decision)))
    noted = with_shared_identities(faces)
    assert [(one.face, one.answer) for one in noted] == [(one.face, one.answer) for one in faces]
    for (name, _), one in zip(answers, noted, strict=True):
        same = [other for other in answers if name is not None and other[0] == name]
        assert len(one.notes) == (len(same) > 1)
        for note in one.notes:
            listed = [int(number) - 1 for number in re.findall(r"\d+", note.split(" are answered")[0])]
            assert listed == [at for at, other in enumerate(answers) if other[0] == name]
            nearest = int(re.search(r"face (\d+) is the nearest", note)[1]) - 1
            assert answers[nearest] == (name, min(d for _, d in same))
