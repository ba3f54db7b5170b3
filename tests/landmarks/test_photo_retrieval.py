"""Photos among the enrolled ones: against a sort by hand, and whether a photo is one of them."""

import numpy as np
import pytest

from lookalike.landmarks.photo_retrieval import already_enrolled, retrieve_photos


@pytest.fixture
def atlas(recognizer):
    return recognizer.atlas


@pytest.fixture
def asked(recognizer, town):
    """Unseen photos of two places and of none, with their places."""
    photos = [town.photo("church", 90), town.photo("bridge", 91), town.photo("church", 93), town.other(900)]
    return recognizer.embedder.embed(photos), [["church"], ["bridge"], ["church"], []]


def test_it_is_the_mean_average_precision_of_sorted_distances(atlas, asked):
    vectors, truth = asked
    whose = np.repeat(atlas.places, [len(atlas.photos(place).vectors) for place in atlas.places])
    photos = np.concatenate([atlas.photos(place).vectors for place in atlas.places])
    by_hand = []
    for vector, places in zip(vectors[:3], truth[:3], strict=True):
        right = whose[np.argsort(-(photos @ vector), kind="stable")] == places[0]
        precision = np.cumsum(right)[:5] / np.arange(1, 6)
        by_hand.append((precision * right[:5]).sum() / 5)
    found = retrieve_photos(atlas, "cosine", vectors, truth, k=5)
    assert found.mean_average_precision == pytest.approx(np.mean(by_hand))
    assert (found.queries, found.places, found.k) == (3, 2, 5)


def test_places_that_are_not_enrolled_are_not_asked(atlas, asked):
    vectors = asked[0]
    assert retrieve_photos(atlas, "cosine", vectors[:1], [["castle"]]) is None
    assert retrieve_photos(atlas, "cosine", vectors[3:], [[]]) is None
    several = retrieve_photos(atlas, "cosine", vectors[:1], [["castle", "church"]])
    assert (
        several.mean_average_precision
        == retrieve_photos(atlas, "cosine", vectors[:1], [["church"]]).mean_average_precision
    )


def test_a_photo_that_is_enrolled_is_known_again(recognizer, atlas, asked, town, town_photos):
    again = recognizer.embedder.embed([town_photos[0][0], town.others[7], town_photos[0][30]])
    assert already_enrolled(atlas, "cosine", again).tolist() == [True, True, True]
    assert not already_enrolled(atlas, "cosine", asked[0]).any()
    assert already_enrolled(atlas, "cosine", np.empty((0, again.shape[1]), np.float32)).shape == (0,)
