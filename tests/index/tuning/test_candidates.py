"""What a tuner may build: settings that suit the count, kinds that can the metric."""

import pytest

from lookalike.errors import InputError
from lookalike.index.kinds.registry import KINDS
from lookalike.index.spec import IndexSpec
from lookalike.index.tuning.candidates import Candidate, candidates


def test_settings_grow_with_the_root_and_leave_vectors_to_train_on():
    cells = Candidate("ivf", per_root={"nlist": 4.0})
    assert cells.settings(1_000_000) == {"nlist": 4000}
    assert cells.settings(400) == {"nlist": 10}  # 39 vectors a cell
    assert cells.settings(10) == {"nlist": 1}
    assert str(cells) == "ivf(nlist=4√n)"
    assert str(Candidate("hnsw", {"M": 8})) == "hnsw(M=8)"


def test_every_kind_has_a_family():
    assert all(kind.family for kind in KINDS.values())


def test_every_candidate_is_a_spec_and_has_a_setting_to_raise():
    for count in (300, 100_000):
        for candidate in candidates("cosine", 128):
            spec = IndexSpec.create(candidate.kind, "cosine", 128, **candidate.settings(count))
            setting = KINDS[spec.kind].recall_setting
            named = () if setting is None else (setting.name, setting.reranked)
            assert {name for name in named if name} == set(type(spec.search).model_fields)


def test_only_kinds_that_can():
    kinds = {candidate.kind for candidate in candidates("manhattan", 128)}
    assert {"exact", "hnsw", "nsw", "ivf"} <= kinds
    assert all("manhattan" in KINDS[kind].metrics for kind in kinds)
    assert {candidate.kind for candidate in candidates("cosine", 128, ["hnsw"])} == {"hnsw"}
    assert not {"ivfpq", "scann"} & {candidate.kind for candidate in candidates("cosine", 4)}


@pytest.mark.parametrize(
    ("metric", "dimension", "kinds", "said"),
    [
        ("manhattan", 8, ["ivfpq"], "'ivfpq' cannot search by metric 'manhattan'"),
        ("cosine", 8, ["quantum"], "'quantum' is not available"),
        ("cosine", 4, ["ivfpq"], "none of ivfpq serves metric 'cosine' in 4 dimensions"),
    ],
)
def test_what_cannot_be_is_said(metric, dimension, kinds, said):
    with pytest.raises(InputError, match=said):
        candidates(metric, dimension, kinds)
