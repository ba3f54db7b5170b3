"""Finding faces in pictures of any size."""

import itertools
import threading

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets import read_pictures
from lookalike.embedder import face_detection
from lookalike.embedder.face_detection import FaceBox, find_faces, find_subject, smallest_face
from lookalike.images import read_picture

pytest.importorskip("dlib", reason="the extra faces is not installed")


def scene(width, height, *faces):
    """A grey picture with faces: (picture, left, top, width)."""
    pixels = np.full((height, width, 3), 127, np.uint8)
    for picture, left, top, side in faces:
        image = Image.fromarray(picture)
        small = np.asarray(image.resize((side, round(side * image.height / image.width)), Image.Resampling.LANCZOS))
        shown = small[: height - top, : width - left]
        pixels[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return pixels


def middle(box):
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


@pytest.fixture(scope="module")
def heads(orl):
    """ORL's pictures of 92×112 show a face of about 80 pixels."""
    return [read_picture(orl.paths[number]) for number in (0, 10)]


def test_a_picture_of_one_face(orl):
    pictures = [read_picture(path) for path in orl.paths[::20]]
    assert sum(len(find_faces(picture)) == 1 for picture in pictures) >= len(pictures) - 1


@pytest.fixture
def fewer_pixels(monkeypatch):
    """Looks at a quarter of what it looks at otherwise, so that large pictures take no seconds."""
    monkeypatch.setattr(face_detection, "_PIXELS", 4_000_000)


def test_a_small_face_in_a_large_photograph(heads, fewer_pixels):
    photo = scene(3000, 1600, (heads[0], 2100, 1300, 90))
    assert smallest_face(3000, 1600) == 71
    for found in (find_faces(photo), find_subject(photo)):
        (face,) = found
        x, y = middle(face.box)
        assert abs(x - 2145) < 20
        assert abs(y - 1355) < 25
        assert 60 < face.box.width < 110
        assert not face.cut_off
        assert face.score > 0
        assert all(face.box.left <= px <= face.box.right for px, _ in face.landmarks)


def test_small_faces_beside_a_large_one_are_found_where_all_are_wanted(heads, fewer_pixels):
    photo = scene(2400, 1600, (heads[0], 800, 300, 800), (heads[1], 100, 1200, 90), (heads[1], 2200, 100, 90))
    everyone = find_faces(photo)
    assert [round(face.box.width, -2) > 200 for face in everyone] == [True, False, False]
    assert sorted(middle(face.box)[0] > 1200 for face in everyone[1:]) == [False, True]
    subject = find_subject(photo)
    assert [face.box for face in subject] == [everyone[0].box]  # the same box, so the same vector


def test_small_faces_are_left_out_where_that_is_asked_for(heads, fewer_pixels, monkeypatch):
    photo = scene(2400, 1600, (heads[0], 800, 300, 800), (heads[1], 100, 1200, 90))
    large, _ = find_faces(photo)
    looked_at = []
    at_level = face_detection._at_level
    monkeypatch.setattr(
        face_detection,
        "_at_level",
        lambda rgb, scale, smaller: looked_at.append(scale) or at_level(rgb, scale, smaller),
    )
    assert find_faces(photo, 200) == [large]
    assert looked_at == [0.5]  # the first level: 64 pixels of it are 128 of the picture
    assert find_faces(photo, 1000) == []


def test_no_face_is_found_twice_where_bands_meet(heads, monkeypatch):
    monkeypatch.setattr(face_detection, "_BAND_PIXELS", 300_000)  # some eight bands
    monkeypatch.setattr(face_detection, "_PIXELS", 2_000_000)
    monkeypatch.setattr(face_detection, "_FIRST", (2.0, 400))
    places = [(60 + 150 * column, 60 + 140 * row) for row in range(8) for column in range(4)]
    photo = scene(800, 1300, *((heads[0], left, top, 75) for left, top in places))
    found = find_faces(photo)
    assert len(found) == len(places)
    assert {(round((middle(face.box)[0] - 97) / 150), round((middle(face.box)[1] - 105) / 140)) for face in found} == {
        (column, row) for row in range(8) for column in range(4)
    }


def test_a_face_that_reaches_over_the_edge_is_cut_off(heads):
    image = Image.fromarray(heads[0]).resize((276, 336))
    photo = np.full((400, 700, 3), 127, np.uint8)
    photo[30:366, 0:226] = np.asarray(image)[:, 50:]
    whole = scene(700, 400, (heads[0], 200, 30, 276))
    assert [face.cut_off for face in find_faces(whole)] == [False]
    cut = find_faces(photo)
    assert [face.cut_off for face in cut] == [True] or not cut


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (2000, 3), (80, 80)])
def test_pictures_without_a_face(shape):
    blank = np.full((*shape, 3), 90, np.uint8)
    assert find_faces(blank) == find_subject(blank) == []


def test_what_is_found_by_many_threads_is_what_one_finds(heads):
    photos = [scene(300, 300, (heads[number % 2], 60 + 10 * number, 80, 120)) for number in range(6)]
    alone = [find_faces(photo) for photo in photos]
    together = [None] * len(photos)

    def find(number):
        together[number] = find_faces(photos[number])

    threads = [threading.Thread(target=find, args=(number,)) for number in range(len(photos))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert all(len(found) == 1 for found in alone)


@pytest.mark.parametrize(
    ("size", "pixels"), [((250, 250), 32), ((1200, 900), 40), ((4032, 3024), 60), ((9000, 7000), 80)]
)
def test_the_smallest_face_that_is_found(size, pixels):
    assert smallest_face(*size) == pixels


def test_levels_grow_by_bounded_steps():
    sizes = ((50, 50), (640, 480), (4032, 3024), (8000, 8000), (64_000, 1000))
    for size, smallest in itertools.product(sizes, (0, 64, 300)):
        levels = face_detection._levels(*size, smallest)
        assert levels[0][1] == 0
        assert all(scale <= 4.01 * smaller for scale, smaller in levels[1:])
        assert all(smaller == before for (_, smaller), (before, _) in zip(levels[1:], levels, strict=False))


def test_boxes_of_one_face():
    same = face_detection._same
    assert same(FaceBox(0, 0, 100, 100), FaceBox(10, 10, 110, 110))
    assert same(FaceBox(0, 0, 100, 100), FaceBox(20, 20, 60, 60))  # a part of it
    assert not same(FaceBox(0, 0, 100, 100), FaceBox(70, 0, 170, 100))  # heads close together
    assert not same(FaceBox(0, 0, 100, 100), FaceBox(100, 0, 200, 100))


def test_whole_photographs(shared_data):
    pictures = read_pictures(shared_data / "lfw_10x10")
    assert all(find_subject(read_picture(path)) for path in pictures.paths[::10])


def test_a_face_that_is_cut_off_loses_to_a_whole_one(shared_data):
    """In this photograph somebody at the edge has the larger box, and was once taken for the subject."""
    found = find_faces(read_picture(shared_data / "lfw_10x10/Arnold_Schwarzenegger/Arnold_Schwarzenegger_0007.jpg"))
    assert [face.cut_off for face in found] == [False, True]
    assert found[0].box.area < found[1].box.area
