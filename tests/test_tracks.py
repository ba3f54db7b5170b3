"""Tracks from faces whose vectors are chosen: who is near whom is known."""

import numpy as np
import pytest

from lookalike.embedder.face import Face, FaceBox, FaceQuality
from lookalike.tracks import MISSED, Look, Track, TrackBuilder, number_strangers, overlap

HERE, THERE = (0, 0), (500, 0)
SAME = 0.6


def look(frame, angle, place=HERE, score=1.0, side=100):
    """A face whose vector is a direction in the plane, `angle` being its distance from direction 0, nearly."""
    left, top = place
    quality = FaceQuality(10, 120, 40, 0, 0, score)
    face = Face(FaceBox(left, top, left + side, top + side), 1.0, ((0.0, 0.0),) * 5, False, quality)
    return Look(frame, frame * 0.5, face, np.array([np.cos(angle), np.sin(angle)], np.float32))


def tracks(*frames):
    """From the faces of each frame to tracks as lists of (frame, place)."""
    builder = TrackBuilder("euclidean", SAME)
    for number, looks in enumerate(frames):
        builder.add(number, [look(number, *one) for one in looks])
    return [[(one.frame, (one.face.box.left, one.face.box.top)) for one in found.looks] for found in builder.finish()]


def test_one_person_who_moves_a_little_is_one_track():
    assert tracks([(0.0, (0, 0))], [(0.3, (20, 0))], [(0.1, (40, 10))]) == [[(0, (0, 0)), (1, (20, 0)), (2, (40, 10))]]


def test_at_a_cut_another_person_in_the_same_place_begins_a_track():
    assert tracks([(0.0,)], [(0.0,)], [(0.9,)], [(0.9,)]) == [[(0, HERE), (1, HERE)], [(2, HERE), (3, HERE)]]


def test_at_another_place_a_face_must_be_nearer():
    nearly = 0.55  # within a match, beyond four fifths of it
    assert len(tracks([(0.0, HERE)], [(nearly, HERE)])) == 1
    assert len(tracks([(0.0, HERE)], [(nearly, THERE)])) == 2
    assert len(tracks([(0.0, HERE)], [(0.4, THERE)])) == 1


def test_two_persons_who_change_places_stay_themselves():
    a, b = 0.0, 2.0
    found = tracks([(a, HERE), (b, THERE)], [(b, HERE), (a, THERE)], [(a, HERE), (b, THERE)])
    assert sorted(found) == [[(0, HERE), (1, THERE), (2, HERE)], [(0, THERE), (1, HERE), (2, THERE)]]


def test_two_faces_of_a_frame_never_share_a_track():
    assert len(tracks([(0.0, HERE), (0.0, THERE)])) == 2
    # Twins: the nearer one goes on, the other begins.
    found = tracks([(0.0, HERE)], [(0.2, HERE), (0.1, HERE)])
    assert sorted(map(len, found)) == [1, 2]


def test_a_track_survives_frames_in_which_the_face_was_missed_and_not_more():
    seen, missed = [(0.0,)], []
    assert len(tracks(seen, *[missed] * MISSED, seen)) == 1
    assert len(tracks(seen, *[missed] * (MISSED + 1), seen)) == 2


def test_a_person_who_turns_slowly_is_compared_with_recent_looks():
    assert len(tracks(*[[(0.2 * number,)] for number in range(12)])) == 1


def test_tracks_that_are_over_are_given_once_and_all_of_them():
    builder = TrackBuilder("euclidean", SAME)
    for number in range(10):
        builder.add(number, [look(number, 0.0)] if number < 2 else [])
    assert [len(one.looks) for one in builder.over] == [2]
    assert builder.current == []
    assert builder.finish() == builder.over
    assert builder.finish() == builder.over


def test_an_interruption_at_any_point_loses_no_track_and_doubles_none(interrupted):
    from pathlib import Path

    from lookalike import tracks as module

    at, ended = 0, None
    while ended is None:
        builder = TrackBuilder("euclidean", SAME)
        builder.add(0, [look(0, 0.0, HERE), look(0, 2.0, THERE)])
        ended = interrupted(
            lambda builder=builder: [builder.add(4, [look(4, 0.0, HERE)]), builder.add(5, [look(5, 0.0)])],
            [Path(module.__file__)],
            at,
        )
        at += 1
        first = [one.looks[0].frame for one in builder.finish()]
        assert first.count(0) == 2
        assert len({id(one) for one in builder.over}) == len(builder.over)
    assert at > 10


# --- what a track is --------------------------------------------------------------------------------------------------


def test_the_vector_is_the_mean_of_the_best_looks():
    good = [look(number, 0.1, score=0.9) for number in range(10)]
    blurred = [look(10 + number, 1.5, score=0.2) for number in range(5)]
    track = Track([*blurred, *good])
    assert track.vector("euclidean") == pytest.approx([np.cos(0.1), np.sin(0.1)], abs=1e-6)
    assert track.best is good[0]
    two = Track([look(0, 0.0), look(1, 1.0)])
    assert np.linalg.norm(two.vector("euclidean")) < 0.9  # a mean is nearer to the centre than its members
    assert np.linalg.norm(two.vector("cosine")) == pytest.approx(1)
    assert two.vector("cosine").dtype == np.float32
    assert (two.start, two.end) == (0, 0.5)


def test_a_face_that_is_cut_off_or_not_measured_is_no_good_look():
    from dataclasses import replace

    one = look(0, 0.0, score=0.8)
    assert one.quality == 0.8
    assert replace(one, face=replace(one.face, cut_off=True)).quality == 0.4
    assert replace(one, face=replace(one.face, quality=None)).quality == 0.5


def test_overlap_of_boxes():
    box = FaceBox(0, 0, 10, 10)
    assert overlap(box, box) == 1
    assert overlap(box, FaceBox(10, 0, 20, 10)) == 0
    assert overlap(box, FaceBox(20, 20, 30, 30)) == 0
    assert overlap(box, FaceBox(0, 0, 10, 5)) == 0.5
    assert overlap(FaceBox(3, 3, 3, 3), FaceBox(3, 3, 3, 3)) == 0


# --- strangers --------------------------------------------------------------------------------------------------------


def numbers(*looks):
    return number_strangers([Track(list(one)) for one in looks], "euclidean", SAME)


def test_strangers_are_told_apart_by_their_vectors():
    assert numbers([look(0, 0.0)], [look(9, 2.0)], [look(20, 0.1)], [look(30, 2.1)]) == [1, 2, 1, 2]
    assert numbers() == []


def test_two_who_are_in_one_frame_are_two_however_much_they_are_alike():
    assert numbers([look(0, 0.0), look(1, 0.0)], [look(1, 0.1)]) == [1, 2]
    # A third track, of the second one's frames too, belongs to whom it does not meet.
    assert numbers([look(0, 0.0), look(5, 0.0)], [look(0, 0.1)], [look(5, 0.1)]) == [1, 2, 2]
