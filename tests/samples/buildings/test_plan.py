import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.datasets.places import NON_LANDMARK
from lookalike.samples.buildings.plan import LEAST_AZIMUTH_GAP, place_of, plan_non_landmarks, plan_place


@given(st.integers(0, 1000), st.integers(0, 47), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_tests_are_taken_from_elsewhere_and_in_other_light(seed, number, tests):
    shots = plan_place(seed, number, 48, (8, 24), tests)
    train, test = ([s for s in shots if s.split == split] for split in ("train", "test"))
    assert 8 <= len(train) <= 24
    assert len(test) == tests
    for seen in train:
        for unseen in test:
            turn = abs((seen.azimuth - unseen.azimuth + 180) % 360 - 180)
            assert turn >= LEAST_AZIMUTH_GAP - 1e-9
            assert (seen.part, seen.weather) != (unseen.part, unseen.weather)
    assert len({shot.path for shot in shots}) == len({shot.stream for shot in shots}) == len(shots)


def test_few_places_have_many_photos():
    counts = sorted(sum(s.split == "train" for s in plan_place(0, n, 48, (8, 24), 0)) for n in range(48))
    assert counts[0] == 8
    assert counts[-1] == 24
    assert np.median(counts) < np.mean(counts) < 16


def test_one_landmark_has_the_most():
    assert len(plan_place(0, 0, 1, (2, 5), 1)) == 6


def test_places_have_names_and_positions_of_their_own():
    places = [place_of(0, number) for number in range(48)]
    assert len({place.id for place in places}) == len({place.name for place in places}) == 48
    assert all(place.id == place.name.lower().replace(" ", "-") for place in places)
    assert len({(place.latitude, place.longitude) for place in places}) == 48
    assert {np.sign(place.latitude) for place in places} == {-1, 1}


def test_non_landmarks_do_not_depend_on_how_many_there_are():
    many = plan_non_landmarks(0, "test", 0, 30)
    assert plan_non_landmarks(0, "test", 10, 5) == many[10:15]
    assert {shot.identity for shot in many} == {NON_LANDMARK}
    assert many[3].path == "non-landmark/test/003.jpg"
    assert (
        len({shot.stream for split in ("train", "calibration", "test") for shot in plan_non_landmarks(0, split, 0, 9)})
        == 27
    )


def test_all_weathers_and_hours_occur():
    shots = [shot for number in range(48) for shot in plan_place(0, number, 48, (8, 24), 8)]
    assert len({(shot.part, shot.weather) for shot in shots}) == 30
    share = np.mean([shot.weather == "clear" for shot in shots])
    assert share == pytest.approx(0.35, abs=0.12)
