"""Names of one person, never chained."""

from lookalike.gallery.doctor.clusters import clusters_of
from lookalike.gallery.doctor.identity_pairs import IdentityPair


def pair(one, other, verdict="one-person", typical=0.5):
    return IdentityPair((one, other), verdict, typical, (one, other), typical, 1, 1, None)


def names(clusters):
    return [sorted({code for one in inside for code in one.codes}) for inside in clusters]


def test_all_pairs_of_a_cluster_are_one_person():
    given = [pair(0, 1), pair(1, 2), pair(0, 2), pair(5, 6)]
    clusters, left = clusters_of(given, lambda one, other: None)
    assert names(clusters) == [[0, 1, 2], [5, 6]]
    assert left == []
    assert len(clusters[0]) == 3


def test_a_chain_is_cut_at_the_less_sure_pair():
    sure, less = pair(0, 1), pair(1, 2)
    clusters, left = clusters_of([sure, less], lambda one, other: pair(one, other, "apart", 9.0))
    assert names(clusters) == [[0, 1]]
    assert left == [less]


def test_a_pair_that_no_search_found_is_judged():
    asked = []

    def judge(one, other):
        asked.append((one, other))
        return pair(one, other)

    clusters, _ = clusters_of([pair(0, 1), pair(1, 2)], judge)
    assert names(clusters) == [[0, 1, 2]]
    assert asked == [(0, 2)]


def test_two_clusters_join_only_where_all_agree():
    given = [pair(0, 1), pair(2, 3), pair(1, 2)]
    assert names(clusters_of(given, pair)[0]) == [[0, 1, 2, 3]]
    clusters, left = clusters_of(given, lambda one, other: pair(one, other, "undecided" if one == 0 else "one-person"))
    assert names(clusters) == [[0, 1], [2, 3]]
    assert left == [given[2]]
