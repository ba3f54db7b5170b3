"""Pairs of identities against a comparison of everybody with everybody, and what a majority is."""

import itertools

import numpy as np
import pytest

from lookalike.distances import pairwise
from lookalike.gallery.doctor.identity_pairs import candidate_pairs, judged_pair
from lookalike.gallery.doctor.near_identities import near_identities
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import MOST_COMPARED, StoredTemplates


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_candidates_are_all_pairs_within_the_limit(tmp_path, metric):
    from lookalike.gallery import open_gallery

    x = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32)
    names = [f"p{at % 20}" for at in range(60)]
    rules = Rules(threshold=0.4 if metric == "euclidean" else 0.03, neighbours=19)
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", metric, 3)
        gallery.enroll_many((f"p{at}", x[at::20], None) for at in range(20))
        templates = StoredTemplates.read(gallery)
        near = near_identities(gallery, templates, rules)
    pairs, total = candidate_pairs(templates, near, 1000)
    distances = pairwise(x.astype(np.float64), x.astype(np.float64), metric)
    true = {}
    for a, b in itertools.combinations(range(60), 2):
        if names[a] != names[b] and distances[a, b] <= rules.limit:
            key = frozenset((names[a], names[b]))
            true[key] = min(true.get(key, 9.0), distances[a, b])
    found = [frozenset((templates.names[a], templates.names[b])) for a, b in pairs]
    assert 5 < len(true) < 100
    assert total == len(found) == len(true)
    assert set(found) == set(true)
    assert [true[pair] for pair in found] == sorted(true.values())
    assert candidate_pairs(templates, near, 3)[1] == total
    assert candidate_pairs(templates, near, 3)[0].tolist() == pairs[:3].tolist()
    assert np.isfinite(near.nearest).all()


def table(first, second):
    """Templates of two identities on a line."""
    names = ["a"] * len(first) + ["b"] * len(second)
    return StoredTemplates.of(names, np.array([*first, *second])[:, None], metric="euclidean")


@pytest.mark.parametrize(
    ("first", "second", "verdict", "agreeing", "typical"),
    [
        ([0, 0.1], [0.5, 0.6], "one-person", 4, 0.5),  # 0.5, 0.6, 0.4, 0.5
        ([0, 0.1], [0.5, 9.0], "look-alikes", 2, 8.9),  # half is no majority
        ([0, 0.1, 9], [0.5, 0.6, 0.7], "one-person", 6, 0.6),  # one bad template keeps nobody apart
        ([0], [0.5], "undecided", 1, 0.5),  # one template each
        ([0], [0.4, 0.5], "undecided", 2, 0.5),  # without odds, one is too few
        ([0, 0.1], [1.15, 9], "look-alikes", 0, 8.9),  # 1.05: the neighbourhood
        ([0, 0.1], [1.3, 9], "apart", 0, 8.9),
    ],
)
def test_a_majority_of_pairs_decides(first, second, verdict, agreeing, typical):
    given = table(first, second)
    pair = judged_pair(given, Rules(threshold=1.0), (0, 1), np.zeros(len(given), bool))
    assert (pair.verdict, pair.agreeing) == (verdict, agreeing)
    assert pair.typical == pytest.approx(typical, abs=1e-6)
    assert pair.compared == len(first) * len(second)
    assert pair.probability is None


def test_templates_that_do_not_count():
    given = table([0, 5, 6], [5.1, 6.1, 7])
    none = np.zeros(len(given), bool)
    assert judged_pair(given, Rules(threshold=1.0), (0, 1), none).nearest == pytest.approx(0.1, abs=1e-6)
    without = none.copy()
    without[[1, 2]] = True
    assert judged_pair(given, Rules(threshold=1.0), (0, 1), without).verdict == "apart"
    without[0] = True
    assert judged_pair(given, Rules(threshold=1.0), (0, 1), without) is None


def test_copies_say_nothing_of_the_people():
    given = table([0, 5], [0, 9])
    pair = judged_pair(given, Rules(threshold=1.0), (0, 1), np.zeros(4, bool))
    assert (pair.verdict, pair.compared) == ("apart", 3)
    alone = table([0], [0])
    assert judged_pair(alone, Rules(threshold=1.0), (0, 1), np.zeros(2, bool)).compared == 1


def test_of_many_templates_some_stand_for_all():
    given = table(np.linspace(0, 0.5, 500), [0.7, 0.8])
    pair = judged_pair(given, Rules(threshold=1.0), (0, 1), np.zeros(len(given), bool))
    assert pair.compared == MOST_COMPARED * 2
    assert pair.verdict == "one-person"
