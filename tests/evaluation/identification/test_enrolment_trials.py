import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import minkowski
from lookalike.errors import InputError, VectorError
from lookalike.evaluation.identification.closed_and_open_set import open_set, rank_k
from lookalike.evaluation.identification.enrolment_trials import Spread, enrolment_trials, identify_trials

some_labels = st.lists(st.integers(0, 6), min_size=4, max_size=40).filter(
    lambda v: len(set(v)) > 1 and max(np.bincount(v)) > 2
)


@given(some_labels, st.integers(1, 2), st.sampled_from([0.1, 0.5, 0.9]), st.integers(0, 5))
def test_every_trial_is_a_fair_split(labels, enrolled, share, seed):
    codes = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(codes)
    for trial in enrolment_trials(labels, enrolled, trials=3, known_share=share, seed=seed):
        # Closed set: every picture on one side, `enrolled` (or all there are) of everybody in the gallery.
        assert sorted([*trial.enrolled, *trial.closed_probes]) == list(range(len(labels)))
        assert np.bincount(codes[trial.enrolled]).tolist() == np.minimum(counts, enrolled).tolist()
        # Open set: gallery and mated share exactly the known identities; strangers share none with them.
        assert sorted([*trial.gallery, *trial.mated, *trial.non_mated]) == list(range(len(labels)))
        assert set(codes[trial.gallery]) == set(codes[trial.mated]) == set(trial.known)
        assert not set(codes[trial.non_mated]) & set(trial.known)
        assert len(trial.non_mated)
        wanted = min(max(round(share * len(counts)), 1), len(counts) - 1, int((counts > enrolled).sum()))
        assert len(trial.known) == wanted


def test_a_draw_does_not_depend_on_how_many_are_asked_for():
    labels = np.repeat(np.arange(6), 4)
    few, many = (list(enrolment_trials(labels, trials=n, seed=3)) for n in (2, 5))
    for a, b in zip(few, many, strict=False):
        np.testing.assert_array_equal(a.gallery, b.gallery)
        np.testing.assert_array_equal(a.non_mated, b.non_mated)
    assert not np.array_equal(many[0].gallery, many[1].gallery)
    other = next(enrolment_trials(labels, seed=4))
    assert not np.array_equal(few[0].gallery, other.gallery)


def test_draws_are_uniform():
    labels = np.repeat(np.arange(4), 5)
    draws = list(enrolment_trials(labels, trials=2000))
    enrolled = np.bincount(np.concatenate([d.enrolled for d in draws]), minlength=20) / 2000
    known = np.bincount(np.concatenate([d.known for d in draws]), minlength=4) / 2000
    np.testing.assert_allclose(enrolled, 1 / 5, atol=0.05)
    np.testing.assert_allclose(known, 1 / 2, atol=0.06)


def test_one_picture_makes_a_stranger_and_it_is_said():
    labels = ["single", "a", "a", "b", "b", "b"]
    for trial in enrolment_trials(labels, trials=10, known_share=0.9):
        assert 0 in trial.non_mated
    x = np.random.default_rng(0).normal(size=(6, 3))
    result = identify_trials(x, labels, "euclidean", trials=3)
    assert result.notes == ("1 of 3 identities have no more than 1 picture: always unknown",)
    assert identify_trials(x[1:], labels[1:], "euclidean", trials=3).notes == ()


def people(identities=8, pictures=5, spread=0.7, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    return rng.normal(size=(identities, 6))[labels] + spread * rng.normal(size=(len(labels), 6)), labels


def test_the_average_equals_trial_by_trial():
    x, labels = people()
    threshold = 2.0
    result = identify_trials(x, labels, "euclidean", trials=7, seed=5, threshold=threshold, fpir_targets=(0.05, 0.2))
    ranks, dirs, counts = [], [], []
    for t in enrolment_trials(labels, 1, 7, 0.5, 5):
        ranks.append(
            rank_k(x[t.enrolled], labels[t.enrolled], x[t.closed_probes], labels[t.closed_probes], 1, "euclidean")
        )
        probes = np.concatenate([t.mated, t.non_mated])
        one = open_set(x[t.gallery], labels[t.gallery], x[probes], labels[probes], "euclidean")
        dirs.append([one.dir_at_fpir(0.05).dir, one.dir_at_fpir(0.2).dir])
        counts.append(one.at_threshold(threshold))
    assert result.rank_1 == Spread.of(ranks)
    assert result.cmc[0] == pytest.approx(np.mean(ranks))
    assert [point.dir.mean for point in result.dir_at_fpir] == pytest.approx(np.mean(dirs, axis=0))
    assert [point.dir.std for point in result.dir_at_fpir] == pytest.approx(np.std(dirs, axis=0))
    assert result.at_threshold.right == sum(c.right for c in counts)
    assert result.at_threshold.wrong_name == sum(c.wrong_name for c in counts)
    assert result.at_threshold.false_alarms == sum(c.false_alarms for c in counts)
    assert result.at_threshold.mated == 7 * result.mated
    assert (result.identities, result.known, result.closed_searches) == (8, 4, 32)
    assert (result.mated, result.non_mated) == (16, 20)


def test_a_matrix_of_distances_gives_the_same():
    x, labels = people()
    a = identify_trials(x, labels, "euclidean", trials=4)
    b = identify_trials(None, labels, distances=minkowski(x, x), trials=4)
    assert (a.rank_1, a.dir_at_fpir) == (b.rank_1, b.dir_at_fpir)
    np.testing.assert_allclose(a.fnir, b.fnir)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_curves_are_monotone_and_the_promise_is_kept(seed):
    x, labels = people(6, 4, 1.0, seed)
    result = identify_trials(x, labels, "euclidean", trials=3, seed=seed)
    assert (np.diff(result.cmc) >= -1e-12).all()
    assert result.cmc[-1] == pytest.approx(1)
    assert (np.diff(result.fpir) > 0).all()
    assert (np.diff(result.fnir) <= 1e-12).all()
    for point in result.dir_at_fpir:
        assert point.fpir.high <= point.target
        assert not point.sufficient, "12 searches cannot speak of 1% or 10%"


def test_the_curve_starts_where_one_alarm_is_allowed():
    x, labels = people()
    result = identify_trials(x, labels, "euclidean", trials=5)
    assert result.fpir[0] == pytest.approx(1 / 20)
    assert result.fnir[0] == pytest.approx(
        1
        - np.mean(
            [
                open_set(
                    x[t.gallery],
                    labels[t.gallery],
                    x[np.concatenate([t.mated, t.non_mated])],
                    labels[np.concatenate([t.mated, t.non_mated])],
                    "euclidean",
                )
                .dir_at_fpir(1 / 20)
                .dir
                for t in enrolment_trials(labels, trials=5)
            ]
        )
    )


@pytest.mark.parametrize(
    ("labels", "keywords", "message"),
    [
        (["a", "a"], {}, "all pictures are of one identity, 'a'"),
        (["a", "b"], {}, "no identity has more than 1 picture"),
        (["a", "a", "b", "b"], {"enrolled": 2}, "at least one needs 3"),
        (["a", "a", "b"], {"enrolled": 0}, "enrolled=0"),
        (["a", "a", "b"], {"trials": 0}, "trials=0"),
        (["a", "a", "b"], {"known_share": 1.0}, r"known_share=1\.0"),
    ],
)
def test_what_cannot_be_split_is_said_at_once(labels, keywords, message):
    with pytest.raises(InputError, match=message):
        enrolment_trials(labels, **keywords)


def test_bad_vectors():
    with pytest.raises(VectorError, match=r"3 labels"):
        identify_trials([[0.0], [1.0]], ["a", "a", "b"])
    with pytest.raises(VectorError, match="square"):
        identify_trials(None, ["a", "a", "b"], distances=np.zeros((3, 2)))
    with pytest.raises(VectorError, match="not both"):
        identify_trials(None, ["a", "a", "b"])
