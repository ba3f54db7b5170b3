"""What a track is answered, and which tracks are one sighting."""

import numpy as np
import pytest

from lookalike.answers import Identified
from lookalike.embedder.face import Face, FaceBox
from lookalike.gallery.records import Candidate
from lookalike.tracks import Look, Track
from lookalike.workflows.sightings import AnsweredTrack, put_together


def answer(identity, decision="match", distance=0.3):
    candidates = (Candidate(identity or "Ada", distance, 1),)
    return Identified(identity, distance, 0.6, "given by the user", candidates, decision=decision)


def track(*frames, vector=(1.0, 0.0)):
    face = Face(FaceBox(0, 0, 10, 10), 1.0, ((0.0, 0.0),) * 5, False)
    return Track([Look(frame, frame * 0.5, face, np.array(vector, np.float32)) for frame in frames])


NOBODY = answer(None, "unknown", 0.9)
MAYBE = answer(None, "ambiguous", 0.61)


def labels(*tracks):
    return [(one.label, one.start, one.end, one.looks) for one in put_together(tracks, "euclidean", 0.6)]


def test_a_name_that_most_looks_do_not_get_alone_is_ambiguous():
    two = track(0, 1, 2, 3)
    named = AnsweredTrack.of(two, answer("Ada"), [answer("Ada")] * 2 + [NOBODY] * 2)
    assert (named.answer.decision, named.answer.identity, named.agreeing) == ("match", "Ada", 2)
    doubted = AnsweredTrack.of(two, answer("Ada"), [answer("Ada")] + [NOBODY] * 3)
    assert (doubted.answer.decision, doubted.answer.identity, doubted.agreeing) == ("ambiguous", None, 1)
    assert labels(doubted) == [("perhaps Ada", 0.0, 1.5, 4)]
    stranger = AnsweredTrack.of(two, NOBODY, [NOBODY] * 3 + [answer("Ada")])
    assert (stranger.answer.decision, stranger.agreeing) == ("unknown", 3)


def test_tracks_of_one_name_are_put_together_over_short_gaps_only():
    def ada(*frames):
        return AnsweredTrack(track(*frames), answer("Ada"), len(frames))

    assert labels(ada(5, 6), ada(0, 1, 2)) == [("Ada", 0.0, 3.0, 5)]
    assert labels(ada(0, 1), ada(5, 6)) == [("Ada", 0.0, 0.5, 2), ("Ada", 2.5, 3.0, 2)]
    # In one frame twice: two faces, two rows.
    assert labels(ada(0, 1), ada(1, 2)) == [("Ada", 0.0, 0.5, 2), ("Ada", 0.5, 1.0, 2)]
    ben = AnsweredTrack(track(2, 3), answer("Ben"), 2)
    assert [one[0] for one in labels(ada(0, 1), ben)] == ["Ada", "Ben"]


def test_strangers_have_numbers_in_the_order_in_which_they_come():
    later = AnsweredTrack(track(9, vector=(0.0, 1.0)), NOBODY, 1)
    first = AnsweredTrack(track(0), NOBODY, 1)
    again = AnsweredTrack(track(20, 21, vector=(0.9, 0.1)), NOBODY, 2)
    maybe = AnsweredTrack(track(4), MAYBE, 1)
    assert [one[0] for one in labels(later, again, maybe, first)] == ["nobody 1", "perhaps Ada", "nobody 2", "nobody 1"]


def test_what_a_sighting_says_of_its_tracks():
    short = AnsweredTrack(track(3), answer("Ada", distance=0.2), 0)
    long = AnsweredTrack(track(0, 1), answer("Ada", distance=0.4), 2)
    (one,) = put_together([short, long], "euclidean", 0.6)
    assert one.answer is long.answer
    assert (one.distance, one.agreement) == (0.2, pytest.approx(2 / 3))
    said = one.to_json()
    assert {key: said[key] for key in ("who", "identity", "from", "to", "looks", "threshold")} == {
        "who": "Ada", "identity": "Ada", "from": 0.0, "to": 1.5, "looks": 3, "threshold": 0.6,
    }  # fmt: skip
    assert said["best"]["time"] == one.best.time
