"""Tuning as a function: the index on the disk keeps what the result says, and nothing is printed."""

import json
from dataclasses import fields

import numpy as np

from lookalike.index import load_index
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.tuning.options import TuneOptions
from lookalike.workflows.index_tune import IndexTuneOptions, index_tune


def test_the_index_and_why_it_was_chosen(tmp_path, capsys):
    vectors, identities = generated_vectors(1200, 16, per_identity=4)
    np.save(tmp_path / "v.npy", vectors)
    np.save(tmp_path / "q.npy", generated_probes(identities[::4], 16))
    events = []
    options = IndexTuneOptions(
        vectors=tmp_path / "v.npy",
        output=tmp_path / "x.index",
        queries=tmp_path / "q.npy",
        kinds=["hnsw"],
        recall=0.8,
        plot=tmp_path / "why.svg",
    )
    tuned = index_tune(options, events.append)
    kept = load_index(tmp_path / "x.index")
    assert kept.tuned == tuned.tuning.index.tuned
    assert (kept.tuned["recall_target"], kept.tuned["queries"], kept.tuned["queries_held_out"]) == (0.8, 300, False)
    assert (tuned.output, tuned.plot, tuned.notes) == (options.output, options.plot, ())
    assert "<svg" in (tmp_path / "why.svg").read_text()
    document = json.loads(json.dumps(tuned.to_dict()))
    assert document["trials"][0]["verdict"].startswith("chosen")
    assert (events[-1].stage, events[-1].done, events[-1].total) == (f"Writing {options.output}", 1, 1)
    assert capsys.readouterr() == ("", "")


def test_defaults_stand_once():
    mine = IndexTuneOptions(vectors="v.npy", output="x")
    assert all(getattr(mine, field.name) == field.default for field in fields(TuneOptions))
