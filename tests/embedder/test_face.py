"""What a face is."""

from lookalike.embedder.face import Face, FaceBox


def test_a_box_says_its_size():
    box = FaceBox(10, 20, 110, 140)
    assert str(box) == "100×120 pixels at 10,20"
    assert (box.width, box.height, box.area) == (100, 120, 12_000)


def test_eyes_and_nose_of_both_schemes():
    corners = ((60.0, 31.0), (50.0, 30.0), (20.0, 29.0), (30.0, 30.0), (40.0, 50.0))
    centres = ((25.0, 29.5), (55.0, 30.5), (40.0, 50.0), (30.0, 60.0), (50.0, 60.0))
    box = FaceBox(0, 0, 80, 80)
    one, other = Face(box, 1.0, corners, False), Face(box, 1.0, centres, False, scheme="eye-centres")
    assert one.eyes == other.eyes == ((25.0, 29.5), (55.0, 30.5))
    assert one.nose == other.nose == (40.0, 50.0)
