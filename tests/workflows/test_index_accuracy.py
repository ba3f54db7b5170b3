"""Accuracy as a function: the same figures as `measure_index_loss` over the folder's vectors."""

import numpy as np

from lookalike.embedder.vectors_folder import read_vectors
from lookalike.evaluation.identification.index_loss import LossOptions, measure_index_loss
from lookalike.index.generated_vectors import generated_vectors
from lookalike.workflows.embed import EmbedOptions, embed
from lookalike.workflows.index_accuracy import IndexAccuracyOptions, index_accuracy


def test_figures_and_stages(people_folder, tiny_model, tmp_path, capsys):
    embed(EmbedOptions(data=people_folder, model=tiny_model, output=tmp_path / "v"))
    stored = read_vectors(tmp_path / "v")
    strangers = generated_vectors(300, stored.vectors.shape[1], seed=1)[0]
    np.save(tmp_path / "s.npy", strangers)
    events = []
    options = IndexAccuracyOptions(
        vectors=tmp_path / "v", kind="hnsw", settings={"M": 8}, distractors=tmp_path / "s.npy", threshold=0.4, seed=2
    )
    loss = index_accuracy(options, events.append)
    by_hand = LossOptions(distractors=strangers, threshold=0.4, seed=2)
    assert loss == measure_index_loss(stored.vectors, stored.identities, "hnsw", stored.metric, by_hand, M=8)
    assert (loss.gallery, loss.probes, loss.threshold) == (340, 8, 0.4)
    assert events[-1].stage == "Searching the index"
    assert capsys.readouterr() == ("", "")
