"""Another model on the same pictures."""

import numpy as np

from lookalike.evaluation.context import EvaluatedModel
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.model_comparison import compare_verification
from lookalike.evaluation.verification.rival_evaluator import Rival, rival_section


def noisy(vectors):
    return vectors + np.random.default_rng(1).normal(size=vectors.shape)


def test_the_section(sixty_result, sixty_people, rows_of):
    vectors, labels = sixty_people
    worse = verify_all_pairs(noisy(vectors), labels, "euclidean")
    found = compare_verification(sixty_result, worse, targets=(0.01,), replicates=50)
    rows = rows_of(rival_section("ours", "theirs", found))
    assert rows["EER"][:2] == [f"{100 * sixty_result.eer:.2f}%", f"{100 * worse.eer:.2f}%"]
    assert rows["AUC"][4] == "yes"


def test_it_embeds_the_same_pictures(context_of, sixty_people):
    vectors, labels = sixty_people
    assert Rival().measure(context_of(vectors, labels)) is None
    asked = []

    def embed(pictures, *, stage, skip_bad=False):
        asked.append((len(pictures), stage, skip_bad))
        return noisy(vectors).astype(np.float32), pictures

    context = context_of(vectors, labels, rival=EvaluatedModel("worse", "g", "euclidean", embed))
    metrics = Rival().measure(context).metrics["against"]
    assert metrics["model"] == "worse"
    assert metrics["eer"].difference < 0
    assert asked == [(240, "Embedding with worse", False)]
