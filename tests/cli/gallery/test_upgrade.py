"""`lookalike gallery upgrade`: the verbs, in their order."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="session")
def turned_model(orl, known_vectors, linear_model, tmp_path_factory):
    """A model folder whose distances are those of `tiny_model`, in another space."""
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(40, 40)))[0][:32]
    return linear_model(tmp_path_factory.mktemp("models") / "turned", orl.paths, known_vectors @ turn, name="turned")


def test_start_status_switch_rollback_discard(lookalike, gallery, turned_model, people_folder):
    def run(verb, *options):
        return lookalike("gallery", "upgrade", verb, "--gallery", gallery, *options)

    assert "no upgrade is under way" in run("status").out
    started = run("start", "--model", turned_model).out
    assert "answers with tiny; turned: 6 of 6 templates embedded; switch when you like" in started
    assert "on 3 people of the gallery (6 templates):" in started
    assert run("status", "--json").document["state"] == "ready"
    assert "answers with turned; tiny answered before: it has 6 of 6 templates" in run("switch").out
    picture = people_folder / "s02" / "4.png"
    asked = lookalike("identify", picture, "--model", turned_model, "--gallery", gallery, "--threshold", 0.3, "--json")
    assert asked.document["answers"][0]["identity"] == "s02"
    assert run("rollback", "--json").document["model"]["name"] == "tiny"
    again = run("start", "--model", turned_model, "--switch", "--json").document
    assert (again["embedded"], again["status"]["state"], again["status"]["remaining"]) == (0, "replaced", 0)
    assert "discarded 6 vectors of tiny" in run("discard").err
    assert json.loads(run("status", "--json").out)["other"] is None


def test_refusals_are_one_line(lookalike, refused, gallery, tiny_model):
    refused(lookalike("gallery", "upgrade", "switch", "--gallery", gallery), "has no upgrade")
    refused(lookalike("gallery", "upgrade", "start", "--gallery", gallery, "--model", tiny_model), "already")
