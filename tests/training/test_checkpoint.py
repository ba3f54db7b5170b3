"""Checkpoints: they restore weights and optimizer exactly, and a failing disk leaves the one before."""

import json
import os

import pytest
import torch

from lookalike.errors import ArtefactError, StorageError
from lookalike.training.checkpoint import load_checkpoint, save_checkpoint
from lookalike.training.interrupted_training import foreign_entry, read_state

pytestmark = pytest.mark.network


def pair(kind, seed=0):
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    made = {"sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "adamw": torch.optim.AdamW}
    return module, made[kind](module.parameters())


def steps(module, optimizer, count, seed):
    torch.manual_seed(seed)
    for _ in range(count):
        optimizer.zero_grad()
        module(torch.randn(8, 3)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_going_on_from_a_checkpoint_is_going_on(tmp_path, kind):
    module, optimizer = pair(kind)
    steps(module, optimizer, 3, seed=1)
    save_checkpoint(tmp_path, module, optimizer, {"step": 3, "history": [{"loss": 0.5}]})
    steps(module, optimizer, 2, seed=2)

    again, again_optimizer = pair(kind, seed=9)
    state = read_state(tmp_path)
    assert (state["step"], state["history"]) == (3, [{"loss": 0.5}])
    load_checkpoint(tmp_path, again, again_optimizer, state)
    steps(again, again_optimizer, 2, seed=2)
    for a, b in zip(module.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_only_the_newest_is_kept(tmp_path):
    module, optimizer = pair("sgd")
    for step in (1, 2):
        save_checkpoint(tmp_path, module, optimizer, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-2.safetensors", "state.json"]


def test_a_full_disk_leaves_the_one_before(tmp_path, monkeypatch):
    module, optimizer = pair("sgd")
    save_checkpoint(tmp_path, module, optimizer, {"step": 1})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match="No space left on device; what was there before is unharmed"):
        save_checkpoint(tmp_path, module, optimizer, {"step": 2})
    assert read_state(tmp_path)["step"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-1.safetensors", "state.json"]


def test_damage_and_strangers_are_named(tmp_path):
    assert read_state(tmp_path) is None
    module, optimizer = pair("sgd")
    save_checkpoint(tmp_path, module, optimizer, {"step": 1})
    state = read_state(tmp_path)
    with pytest.raises(ArtefactError, match="does not fit this training"):
        load_checkpoint(tmp_path, torch.nn.Linear(2, 2), optimizer, state)
    (tmp_path / "state-1.safetensors").write_bytes(b"short")
    with pytest.raises(ArtefactError, match="does not fit this training"):
        load_checkpoint(tmp_path, module, optimizer, state)
    (tmp_path / "state.json").write_text(json.dumps({"format_version": 7}))
    with pytest.raises(ArtefactError, match="--restart"):
        read_state(tmp_path)
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(ArtefactError, match="--restart"):
        read_state(tmp_path)


def test_what_no_training_put_there_is_foreign(tmp_path):
    assert foreign_entry(tmp_path / "none") is None
    module, optimizer = pair("sgd")
    save_checkpoint(tmp_path, module, optimizer, {"step": 3})
    for name in (
        ".state.json.part",
        ".state-4.safetensors.part",
        "pictures.npy",
        "pictures.json",
        ".pictures.json.0a1b2c.part",
    ):
        (tmp_path / name).touch()
    assert foreign_entry(tmp_path) is None
    for name in ("state.json.txt", "mystate.json", "pictures.csv", "s01", ".hidden"):
        (tmp_path / name).touch()
        assert foreign_entry(tmp_path) == name
        (tmp_path / name).unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        foreign_entry(tmp_path / "pictures.npy")
