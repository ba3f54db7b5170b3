"""The report says what was measured, shows the photos that decided, and is one page."""

import re

import pytest

from lookalike import LandmarkRecognizer, open_gallery
from lookalike.datasets import NON_LANDMARK
from lookalike.errors import InputError
from lookalike.evaluation.report.page import render
from lookalike.landmarks.comparison import Compared
from lookalike.landmarks.measurement import measure_answers
from lookalike.landmarks.photo_splits import PhotoSplits
from lookalike.landmarks.place import Place
from lookalike.landmarks.report import landmark_report, viewpoints_of

PLACES = {"church": Place("church", "Église <Saint-Jean>", 48.5, 2.25)}


@pytest.fixture(scope="module")
def photos(town, tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    others = [(NON_LANDMARK, pixels) for pixels in town.others]
    return PhotoSplits(
        town.files(root / "places", [(name, town.photo(name, n)) for name in town.LOOKS for n in range(10)]),
        town.files(root / "test", [(name, town.photo(name, 100 + n)) for name in town.LOOKS for n in range(4)]),
        town.files(root / "learn", others[:1]),
        town.files(root / "calibration", others[1:101]),
        town.files(root / "others", others[101:131]),
    )


@pytest.fixture(scope="module")
def compared(town, photos, tmp_path_factory):
    where = tmp_path_factory.mktemp("galleries") / "places.gallery"
    with open_gallery(where) as gallery:
        recognizer = LandmarkRecognizer(town.Colours(), gallery)
        enrolled = recognizer.enroll(
            photos.places.paths, photos.places.identities, photos.calibration.paths, promise_fpr=0.05, facts=PLACES
        )
        measured = measure_answers(recognizer.identify_many(photos.questions), photos.truth, replicates=20)
    centroid_of = {str(path): number % 2 for number, path in enumerate(photos.places.paths)}
    return Compared("colours", "several", measured, enrolled, centroid_of, 1.0, "colours", where)


@pytest.fixture(scope="module")
def azimuths(photos):
    return {str(path): 17.0 * number % 360 for number, path in enumerate([*photos.places.paths, *photos.test.paths])}


@pytest.fixture(scope="module")
def page(compared, photos, azimuths):
    report = landmark_report([compared], photos, compared, azimuths, title="A town", places=PLACES, footer="The end.")
    return render(report)


def test_the_page_names_the_figures(page, compared):
    m = compared.measured.measures
    assert f"{m.gap:.3f}" in page
    assert f"{100 * m.top_1:.1f}%" in page
    assert "≤ 5%" in page
    assert f"{compared.measured.counts['falsely accepted']} of 30" in page
    assert "100 photos, " in page  # what the promise rests on


def test_the_page_shows_answers_by_outcome(page, compared):
    for outcome, heading in (("right", "Right:"), ("missed", "Missed:"), ("refused", "Rightly refused")):
        assert (heading in page) == bool(compared.measured.counts[outcome])
    assert "Église &lt;Saint-Jean&gt;" in page  # a name is no markup
    assert page.count("<img") >= 8


def test_the_page_stands_alone(page):
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert not re.search("NaN|nan%|None", page)


def test_maps_hold_every_photo_of_a_place(compared, photos, azimuths):
    maps = viewpoints_of(compared, photos, azimuths, PLACES)
    assert [one.name for one in maps] == ["bridge", "Église <Saint-Jean>", "tower"]
    assert sum(len(one.enrolled) for one in maps) == len(photos.places)
    assert [outcome for one in maps for outcome in one.outcomes].count("right") == compared.measured.counts["right"]
    bridge = maps[0]
    mine = [str(path) for path, name in zip(photos.places.paths, photos.places.identities, strict=True)
            if name == "bridge"]  # fmt: skip
    assert bridge.enrolled.tolist() == [azimuths[path] for path in mine]
    assert bridge.centroids.tolist() == [compared.centroid_of[path] for path in mine]


def test_without_azimuths_there_are_no_maps(compared, photos):
    assert viewpoints_of(compared, photos, {}) == []
    report = landmark_report([compared], photos, compared, {}, title="A town")
    assert "Centroids by viewing angle" not in [section.heading for section in report.sections]


def test_a_featured_method_that_was_not_compared(compared, photos):
    with pytest.raises(InputError, match="'colours, several' is not among the 0 compared"):
        landmark_report([], photos, compared, {}, title="A town")
