"""Pictures that cannot be used: collected with the reason, or raised with the advice to leave them out."""

import pytest

from lookalike.errors import DatasetError, ImageError, NoFaceError
from lookalike.progress import Reporter
from lookalike.workflows.unusable_pictures import UnusablePicture, UnusablePictures


def test_they_are_listed_in_the_order_given():
    bad, report = UnusablePictures(["a", "b", "c"], skip_bad=True), Reporter()
    bad.report(report)
    assert (report.remarks, bad.kept(), bad.listed()) == ([], [0, 1, 2], ())
    bad(2, ImageError("c is empty"))
    bad(0, NoFaceError("a has no face"))
    bad.report(report)
    assert report.remarks == ["2 of 3 pictures cannot be used and are left out; a has no face"]
    assert bad.kept() == [1]
    assert bad.listed() == (UnusablePicture("a", "a has no face", 0), UnusablePicture("c", "c is empty", 2))


def test_where_none_is_left_that_is_an_error():
    bad = UnusablePictures(["a"], skip_bad=True)
    bad(0, ImageError("a is empty"))
    with pytest.raises(DatasetError, match=r"1 of 1 picture cannot be used \(give others\); a is empty"):
        bad.report(Reporter())


def test_without_leave_the_first_is_raised_and_of_several_it_is_said_how_to_go_on():
    with pytest.raises(NoFaceError, match=r"^a has no face$"):
        UnusablePictures(["a"], skip_bad=False)(0, NoFaceError("a has no face"))
    with pytest.raises(NoFaceError, match=r"^a has no face \(--skip-bad leaves such pictures out\)$"):
        UnusablePictures(["a", "b"], skip_bad=False)(0, NoFaceError("a has no face"))
