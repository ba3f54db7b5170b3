"""`lookalike verify`: exit code 0 for one person, 1 for two, 2 for anything else."""

import pytest

from lookalike import Embedder
from lookalike.distances import pairwise


@pytest.fixture
def verify(lookalike, people_folder, tiny_model):
    def run(a, b, *options):
        return lookalike("verify", people_folder / a, people_folder / b, "--model", tiny_model, *options)

    return run


def test_exit_codes(verify):
    assert verify("s01/0.png", "s01/0.png").code == 0
    assert verify("s01/0.png", "s02/0.png", "--threshold", "0").code == 1
    assert verify("s01/0.png", "s02/0.png", "--threshold", "2").code == 0
    assert verify("s01/0.png", "s02/none.png").code == 2


def test_json_is_the_distance_and_where_the_threshold_comes_from(verify, people_folder, tiny_model):
    answer = verify("s01/0.png", "s02/0.png", "--fmr", "0.1", "--json").document
    embedder = Embedder.load(tiny_model)
    vectors = embedder.embed([people_folder / "s01/0.png", people_folder / "s02/0.png"])
    assert answer["distance"] == pytest.approx(float(pairwise(vectors[:1], vectors[1:], "cosine")[0, 0]), abs=1e-6)
    assert answer["threshold"] == embedder.calibration.threshold(0.1)
    assert answer["match"] == (answer["distance"] <= answer["threshold"])
    assert "three people of ORL" in answer["threshold_source"]
    assert answer["decision"] == ("match" if answer["match"] else "unknown")
    assert answer["probability"] == embedder.calibration.odds.probability(answer["distance"])


def test_what_it_says_to_people(verify):
    same, other = verify("s01/0.png", "s01/0.png"), verify("s01/0.png", "s02/0.png", "--threshold", "0")
    assert same.out.startswith("same person: distance 0.0000 <= threshold ")
    assert ", probability 0." in same.out
    assert other.out.startswith("different people: distance ")
    assert other.out.endswith("threshold: given by the user\n")
    # Three people are few: the answer says so, and nothing else.
    for said in (same.err, other.err):
        assert said.startswith("note: the calibration is weak: on three people of ORL, ")
        assert said.count("\n") == 1
