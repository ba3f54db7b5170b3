import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.distances import cosine
from lookalike.errors import VectorError
from lookalike.evaluation.verification import templates as module
from lookalike.evaluation.verification.all_pairs import from_scores
from lookalike.evaluation.verification.templates import make_templates

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=40)


def slow_template(x, of, media, template, scores=None, weigh_by_norm=False):
    """InsightFace's image2template_feature, by loops."""
    total = np.zeros(x.shape[1])
    own = [i for i in range(len(x)) if of[i] == template]
    for medium in sorted({media[i] for i in own}):
        frames = []
        for i in own:
            if media[i] == medium:
                frame = x[i] if weigh_by_norm else x[i] / np.sqrt((x[i] ** 2).sum())
                frames.append(frame * (1 if scores is None else scores[i]))
        total += sum(frames) / len(frames)
    return total / np.sqrt((total**2).sum())


@settings(max_examples=60)
@given(rows, st.booleans(), st.booleans(), st.integers(1, 200))
def test_each_template_equals_the_loops(drawn, scored, weigh_by_norm, block):
    rng = np.random.default_rng(0)
    of, media = zip(*drawn, strict=True)
    x = rng.normal(size=(len(of), 4)) * rng.uniform(1, 20, size=(len(of), 1))
    scores = rng.uniform(0.1, 1, len(of)) if scored else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_NUMBERS", block)
        found = make_templates(x, of, media, detection_scores=scores, weigh_by_norm=weigh_by_norm)
    assert found.ids == tuple(sorted(set(of)))
    for i, template in enumerate(found.ids):
        expected = slow_template(x, of, media, template, scores, weigh_by_norm)
        np.testing.assert_allclose(found.vectors[i], expected, atol=1e-5)
        assert found.pictures[i] == of.count(template)
        assert found.media[i] == len({m for t, m in drawn if t == template})


@settings(max_examples=30)
@given(rows, st.integers(0, 99))
def test_the_order_of_pictures_does_not_matter(drawn, seed):
    rng = np.random.default_rng(seed)
    x, (of, media) = rng.normal(size=(len(drawn), 5)), np.array(drawn).T
    order = rng.permutation(len(drawn))
    a, b = make_templates(x, of, media), make_templates(x[order], of[order], media[order])
    assert a.ids == b.ids
    np.testing.assert_allclose(a.vectors, b.vectors, atol=1e-6)


def test_a_long_video_weighs_as_much_as_a_still():
    still, frame = np.array([1.0, 0]), np.array([0.0, 1])
    x = np.stack([still, *[frame] * 1000])
    found = make_templates(x, [7] * 1001, ["still"] + ["video"] * 1000)
    np.testing.assert_allclose(found.vectors, [[np.sqrt(0.5)] * 2], atol=1e-6)
    plain = make_templates(x, [7] * 1001, np.arange(1001))
    assert plain.vectors[0, 1] > 0.999


def test_a_medium_counts_within_its_template_only():
    x = np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]])
    found = make_templates(x, ["a", "a", "b", "b"], ["m", "n", "m", "m"])
    assert found.media.tolist() == [2, 1]
    np.testing.assert_allclose(found.vectors, np.full((2, 2), np.sqrt(0.5)), atol=1e-6)


def test_lengths_are_weights_only_on_request():
    x = np.array([[10.0, 0], [0, 1]])
    np.testing.assert_allclose(make_templates(x, [1, 1], [1, 2]).vectors, [[np.sqrt(0.5)] * 2], atol=1e-6)
    kept = make_templates(x, [1, 1], [1, 2], weigh_by_norm=True).vectors
    np.testing.assert_allclose(kept, [[10 / np.sqrt(101), 1 / np.sqrt(101)]], atol=1e-6)


@pytest.mark.parametrize("of", [[2**53, 2**53 + 1, 5], ["x", "y", "a"], [2**70, 2, "a"], [2**63, 2**63 + 1, 5]])
def test_listed_pairs_of_templates_are_compared(of):
    x = np.array([[1.0, 0], [0, 1], [1, 1]])
    found = make_templates(x, of, [0, 1, 2])
    pairs = [(of[0], of[1]), (of[0], of[2]), (of[2], of[2])]
    distances = found.compare(np.array(pairs, object) if isinstance(of[2], str) else pairs)
    np.testing.assert_allclose(distances, [cosine(x, x)[a, b] for a, b in ((0, 1), (0, 2), (2, 2))], atol=1e-6)
    assert from_scores(distances, [False, True, True]).auc == 1


def test_ids_without_a_template():
    found = make_templates(np.eye(3), [10, 20, 30], [0, 0, 0])
    with pytest.raises(VectorError, match=r"2 of 4 ids name no template, such as .*25.*from 10 to 30"):
        found.compare([[10, 25], [40, 20]])
    with pytest.raises(VectorError, match="name no template"):
        found.compare([["10", "20"]])
    with pytest.raises(VectorError, match="shape"):
        found.compare([10, 20])


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([[1.0, 0], [0, 0]], [1, 1], [1, 1]), {}, r"embeddings\[1\] is all zeros"),
        (([[1.0, 0], [-1, 0]], ["t", "t"], [1, 2]), {}, "template 't' add up to zero"),
        (([[0.1, 0.3], [-0.2, -0.6]], ["t", "t"], [1, 2]), {}, "template 't' add up to zero"),
        (([[1.0, 0]], ["t"], [1]), {"detection_scores": [0]}, "weight zero"),
        (([[1.0, 0]], ["t"], [1]), {"detection_scores": [-0.1]}, r"detection_scores\[0\] is -0.1"),
        (([[1.0, 0]], ["t"], [1]), {"detection_scores": [np.nan]}, "is nan"),
        (([[1.0, 0]], ["t"], [1]), {"detection_scores": [[1.0]]}, "one number for each of 1"),
        (([[1.0, 0]], ["t", "u"], [1]), {}, r"2 labels were given for 1"),
        (([[1.0, np.inf]], ["t"], [1]), {}, "NaN or infinity"),
    ],
)
def test_bad_input(arguments, keywords, message):
    with pytest.raises(VectorError, match=message):
        make_templates(*arguments, **keywords)


def test_ids_in_another_spelling():
    made = make_templates([[1.0, 0], [1, 0], [0, 1]], ["Jose\u0301", "José ", "Bo"], ["a", "b", "c"])
    assert made.ids == ("Bo", "José")
    assert made.positions([["Jose\u0301", " Bo"]]).tolist() == [[1, 0]]
