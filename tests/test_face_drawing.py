"""Boxes and labels in copies of pictures: where they are, what they cover, and that letters are letters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from lookalike.embedder.face import FaceBox
from lookalike.face_drawing import Mark, draw_marks, missing_letters

BLUE, VERMILLION = (ImageColor.getrgb(colour) for colour in ("#0072B2", "#D55E00"))


def grey(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def drawn(rgb, *marks):
    return np.asarray(draw_marks(rgb, marks))


def of_colour(pixels, colour):
    """Rows and columns of the pixels of a colour."""
    rows, columns = np.nonzero((pixels == colour).all(axis=2))
    return rows, columns


def test_the_box_is_where_it_was_found():
    rows, columns = of_colour(drawn(grey(600, 800), Mark(FaceBox(100, 200, 300, 450), "", "match")), BLUE)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (100, 200, 300, 450)


def test_the_picture_itself_is_not_changed():
    picture = grey(600, 800)
    draw_marks(picture, [Mark(FaceBox(100, 200, 300, 450), "Ada", "match")])
    assert (picture == 128).all()
    assert (drawn(picture) == 128).all()


def test_a_label_lies_above_its_box_and_below_where_there_is_no_room():
    above, below = Mark(FaceBox(100, 300, 300, 500), "Ada", "match"), Mark(FaceBox(500, 5, 700, 205), "Bo", "unknown")
    pixels = drawn(grey(600, 800), above, below)
    assert of_colour(pixels, BLUE)[0].min() < 290
    assert of_colour(pixels, VERMILLION)[0].max() > 215


def test_a_label_does_not_hide_another():
    box = FaceBox(100, 300, 300, 500)
    pixels = drawn(grey(800, 800), Mark(box, "Ada Lovelace", "match"), Mark(box, "Bo", "unknown"))
    # The second lies below the box, for the first has taken the place above.
    assert of_colour(pixels, BLUE)[0].min() < 290
    assert of_colour(pixels, VERMILLION)[0].max() > 510


@pytest.mark.parametrize(("height", "width"), [(60, 45), (250, 250), (3000, 4000)])
def test_letters_follow_the_size_of_the_picture(height, width):
    face = FaceBox(width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    pixels = drawn(grey(height, width), Mark(face, "Ada", "match"))
    assert max(pixels.shape) >= 480
    top, bottom = of_colour(pixels, BLUE)[0].min(), face.top * pixels.shape[0] / height
    assert bottom - top >= 14  # what 12 pixels of a letter take
    assert 1 / 60 < (bottom - top) / max(pixels.shape) < 1 / 10


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.lists(
        st.builds(
            Mark,
            st.none()
            | st.builds(
                lambda x, y, w, h: FaceBox(x, y, x + w, y + h),
                *(st.integers(-30, 50),) * 2,
                *(st.integers(0, 60),) * 2,
            ),
            st.text(max_size=60) | st.just("x" * 500),
            st.sampled_from(["match", "ambiguous", "unknown", "face", "not asked"]),
            st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), max_size=5).map(tuple),
        ),
        max_size=5,
    ),
)
@settings(max_examples=15)
def test_any_box_and_any_text_can_be_drawn(height, width, marks):
    whole = draw_marks(grey(height, width), marks)
    assert max(whole.size) >= 480
    assert whole.size[0] * height == whole.size[1] * width


def test_names_are_text():
    one, other = (drawn(grey(500, 500), Mark(FaceBox(50, 100, 300, 400), text)) for text in ("<b>A</b>", "A"))
    assert (one != other).any()
    lines, blanks = (drawn(grey(500, 500), Mark(FaceBox(50, 100, 300, 400), text)) for text in ("A\nB\tC", "A B C"))
    assert (lines == blanks).all()


def test_a_long_name_ends_within_the_picture():
    pixels = drawn(grey(500, 500), Mark(FaceBox(50, 100, 300, 400), "x" * 500, "match"))
    beside = (pixels[:, -3] == BLUE).all(axis=1)  # between the last letter and the label's edge
    rows = np.nonzero(beside)[0]
    assert len(rows) > 12
    assert beside[rows[0] : rows[-1] + 1].all()  # no letter is cut in two


def test_letters_of_many_scripts_have_a_font():
    assert missing_letters("Zoë Łukasz Ωμέγα Иван Երեւան თბილისი עברית عمر Ada’s — 1") == ""
    # No font has what is no letter; whether some have Chinese ones depends on the system.
    assert missing_letters("Ada \U0010fffd") == "\U0010fffd"
    one, other = (drawn(grey(500, 500), Mark(FaceBox(50, 100, 300, 400), text)) for text in ("Иван", "Олег"))
    assert (one != other).any()


def test_the_first_mark_lies_above_the_others():
    box = FaceBox(100, 200, 300, 450)
    pixels = drawn(grey(600, 800), Mark(box, "", "match"), Mark(box, "", "unknown"))
    assert len(of_colour(pixels, BLUE)[0])
    assert not len(of_colour(pixels, VERMILLION)[0])


def test_landmarks_are_dots():
    pixels = drawn(grey(600, 800), Mark(FaceBox(100, 200, 300, 450), "", "face", ((200.0, 300.0),)))
    assert tuple(pixels[300, 200]) == ImageColor.getrgb("#56B4E9")
    assert Image.fromarray(pixels).size == (800, 600)
