"""Headers tell of pictures that cannot be used, and pixels are not looked at."""

import pytest
from PIL import Image

from lookalike.errors import DatasetError, ImageError
from lookalike.progress import Reporter
from lookalike.workflows.picture_headers import check_headers, check_pictures


@pytest.fixture
def good(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    return tmp_path / "good.png"


@pytest.mark.parametrize(
    ("kind", "said"), [("text", "is not a picture"), ("empty", "is empty"), ("bomb", "is refused unread")]
)
def test_what_cannot_be_used_is_counted_and_the_first_named(good, bad_picture, tmp_path, kind, said):
    bad = [bad_picture(kind, tmp_path / f"{number}.png") for number in range(2)]
    with pytest.raises(DatasetError, match=rf"2 of 4 pictures cannot be used \(--skip-bad .*; {bad[0]} .*{said}"):
        check_headers([good, *bad, good], Reporter())
    check_headers(bad, Reporter(), skip_bad=True)
    with pytest.raises(ImageError, match=said):
        check_pictures([good, bad[1]])


def test_good_pictures_and_what_only_decoding_shows_pass(good, bad_picture, tmp_path):
    check_headers([good, bad_picture("truncated", tmp_path / "cut.png")], Reporter())
    check_pictures([good, good.read_bytes()])
    with pytest.raises(ImageError, match="is not a picture"):
        check_pictures([b"text"])


def test_progress_is_shown_where_they_are_many(good):
    events = []
    check_headers([good] * 2001, Reporter(events.append))
    assert [(event.done, event.total) for event in events] == [(2000, 2001), (2001, 2001)]
    events.clear()
    check_headers([good] * 3, Reporter(events.append))
    assert events == []
