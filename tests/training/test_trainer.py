"""Training: it learns, repeats itself, survives interruption, and refuses what cannot work."""

import hashlib
import json
import math
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.linalg import hadamard

from lookalike import Embedder
from lookalike.datasets import NON_LANDMARK, PictureSet, read_pictures
from lookalike.datasets.augmentation import Augmentation
from lookalike.embedder import Preprocessing
from lookalike.embedder.seen_pictures import digests
from lookalike.errors import (
    ArtefactError,
    DatasetError,
    InputError,
    StorageError,
    TrainingDiverged,
    TrainingInterrupted,
)
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.training import Recipe, running_loss, train
from lookalike.training.gradient_cache import embed_in_chunks
from lookalike.training.hooks import Hook
from lookalike.training.named_losses import LOSSES
from lookalike.training.running_loss import RunningLoss
from lookalike.training.trainer import Trainer

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def pictures(people_folder):
    return read_pictures(people_folder)


def interrupt_at(stop):
    def progress(p):
        if p.stage.startswith("Training") and p.done == stop:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def without_seconds(trained):
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in trained.history]


@pytest.fixture(scope="module")
def patterns(tmp_path_factory):
    """Eight identities as faint patterns under strong light: a linear network can tell them apart, pixels cannot.

    A picture is the pattern of its identity, ±6 grey levels, and six other patterns of up to ±14 each, drawn anew for
    every picture. All are orthogonal, so that a map that keeps the first eight and drops the six tells all identities
    apart, and nothing is in the way of finding it.
    """
    basis, draw = hadamard(256)[1:], np.random.default_rng(0)
    root = tmp_path_factory.mktemp("patterns")
    for identity in range(8):
        (root / f"p{identity}").mkdir()
        for number in range(6):
            pixels = 128 + 6 * basis[identity] + 14 * draw.uniform(-1, 1, 6) @ basis[100:106]
            image = Image.fromarray(pixels.round().clip(0, 255).astype(np.uint8).reshape(16, 16))
            image.save(root / f"p{identity}" / f"{number}.png")
    return read_pictures(root)


def eer(vectors, pictures):
    return verify_all_pairs(vectors, pictures.identities).eer


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_finds_what_tells_identities_apart(patterns, tmp_path, loss):
    unchanged = Augmentation(flip=False, rotation=0, zoom=0, shift=0, brightness=0, contrast=0, erase=0)
    recipe = Recipe(
        backbone="linear",
        embedding_size=16,
        preprocessing=Preprocessing(image_size=(16, 16), channels=1, flip_average=False),
        augmentation=unchanged,
        loss=loss,
        scale=16.0,
        optimizer="adamw",
        learning_rate=0.01,
        epochs=90 if loss == "proxy_anchor" else 30,
        batch_size=32 if LOSSES[loss].pairs else 16,
        pictures_per_identity=4,
    )
    pixels = np.stack([recipe.preprocessing.prepare(path).pixels.ravel() for path in patterns.paths])
    assert eer(pixels - 127.5, patterns) > 0.4
    trained = train(patterns, recipe, tmp_path / "m")
    # 0.0 for every loss, seeds 0 to 2, whatever the processor: genuine and impostor distances no longer overlap.
    assert eer(Embedder.load(trained.folder).embed(patterns.paths), patterns) < 0.05
    assert trained.history[-1]["loss"] < 0.5 * trained.history[0]["loss"]
    assert [warning for warning in trained.warnings if "no triplet is active" not in warning] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "triplet", "memory": 40},  # its queue
        {"loss": "sphereface"},  # its annealing
        {"loss": "center"},  # its centers
        {"loss": "adaface"},  # its moving averages
        {"loss": "ntxent", "chunk_size": 5},
    ],
)
def test_what_a_loss_remembers_survives_an_interruption(pictures, tiny_recipe, tmp_path, changes):
    recipe = Recipe.of(tiny_recipe.model_dump() | {"margin": None, "loss_rate": None} | changes)
    whole = train(pictures, recipe, tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        train(pictures, recipe, tmp_path / "m", progress=interrupt_at(7))
    resumed = train(pictures, recipe, tmp_path / "m", resume=True)
    assert resumed.card.fingerprint == whole.card.fingerprint
    assert without_seconds(resumed) == without_seconds(whole)


def test_pictures_are_embedded_in_chunks_of_the_recipes_size(pictures, tiny_recipe, tmp_path, monkeypatch):
    sizes = []

    def embed(backbone, x, size):
        sizes.append((len(x), size))
        return embed_in_chunks(backbone, x, size)

    monkeypatch.setattr("lookalike.training.training_step.embed_in_chunks", embed)
    once = tiny_recipe.model_copy(update={"epochs": 1})
    whole = train(pictures, once, tmp_path / "whole").card.fingerprint
    # A chunk as large as the batch is the whole batch.
    assert train(pictures, once.model_copy(update={"chunk_size": 16}), tmp_path / "16").card.fingerprint == whole
    assert sizes == []
    train(pictures, once.model_copy(update={"chunk_size": 5}), tmp_path / "5")
    assert sizes == [(16, 5)] * 3


def test_a_collapse_is_said_while_it_happens_and_at_the_end(patterns, tiny_recipe, tmp_path):
    # Center loss alone is least, 0, where all embeddings are one: whatever the processor, that is where it goes.
    changes = {"loss": "center", "margin": None, "loss_options": {"softmax": False, "weight": 1.0}, "epochs": 40}
    changes |= {"backbone": "linear", "backbone_options": {}}
    live = []
    trained = train(
        patterns,
        Recipe.of(tiny_recipe.model_dump() | changes),
        tmp_path / "m",
        progress=lambda p: live.append(p.warning) if p.warning else None,
    )
    assert trained.warnings == tuple(live)
    assert live
    assert "center loss alone" in live[0]
    log = (tmp_path / "m" / "training.jsonl").read_text("utf-8").splitlines()
    assert {"mean_similarity", "effective_rank", "possible_rank"} <= set(json.loads(log[-1]))


@pytest.mark.parametrize("stop", [1, 5, 6])
def test_an_interrupted_training_ends_as_if_it_had_not_been(pictures, tiny_recipe, tmp_path, stop):
    whole = train(pictures, tiny_recipe, tmp_path / "whole")
    with pytest.raises(TrainingInterrupted, match=rf"step {stop} of \d+; run the same command with --resume"):
        train(pictures, tiny_recipe, tmp_path / "m", progress=interrupt_at(stop))
    assert not (tmp_path / "m").exists()
    written = (tmp_path / "m.training" / "training.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in written] == list(range(1, stop // 3 + 1))  # of 3 steps each
    with pytest.raises(ArtefactError, match=r"go on with --resume, or drop it with --restart"):
        train(pictures, tiny_recipe, tmp_path / "m")
    resumed = train(pictures, tiny_recipe, tmp_path / "m", resume=True)
    assert resumed.card.fingerprint == whole.card.fingerprint
    assert [e["loss"] for e in resumed.history] == [e["loss"] for e in whole.history]
    logged = (tmp_path / "m" / "training.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in logged] == list(resumed.history)
    assert not (tmp_path / "m.training").exists()


@pytest.mark.parametrize("stop", [1, 4, 9, 12])
def test_balance_curriculum_and_growing_pictures_survive_an_interruption(pictures, tmp_path, stop):
    names = pictures.names
    recipe = Recipe.of(
        {
            "backbone": "test_efficientnet",
            "backbone_options": {"pooling": "gem"},
            "trunk_rate": 0.3,
            "trunk_statistics": "fixed",
            "embedding_size": 16,
            "preprocessing": {"image_size": (32, 32), "channels": 1},
            "loss": "center",
            "loss_options": {"without_center": ["non-landmark"]},
            "optimizer": "adamw",
            "learning_rate": 0.003,
            "class_power": 0.5,
            "curriculum": (names[:2], names[2:5], names[5:]),
            "progressive_sizes": ((0.5, 16), (0.25, 24), (0.25, 32)),
            "epochs": 6,
            "batch_size": 12,
        }
    )
    whole = train(pictures, recipe, tmp_path / "whole")
    with pytest.raises(TrainingInterrupted, match=rf"step {stop} of 17;"):  # 1 + 2 + 2 + 4 + 4 + 4
        train(pictures, recipe, tmp_path / "m", progress=interrupt_at(stop))
    resumed = train(pictures, recipe, tmp_path / "m", resume=True)
    assert resumed.card.fingerprint == whole.card.fingerprint
    assert without_seconds(resumed) == without_seconds(whole)
    assert Embedder.load(whole.folder).embed(pictures.paths[:2]).shape == (2, 16)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(pictures, tiny_recipe, tmp_path):
    one = train(pictures, tiny_recipe, tmp_path / "1").card.fingerprint
    torch.manual_seed(99)  # whatever the program did before
    np.random.seed(99)  # noqa: NPY002
    assert train(pictures, tiny_recipe, tmp_path / "2").card.fingerprint == one
    other = tiny_recipe.model_copy(update={"seed": 1})
    assert train(pictures, other, tmp_path / "3").card.fingerprint != one


def test_training_leaves_the_programs_random_numbers_alone(pictures, tiny_recipe, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(pictures, tiny_recipe.model_copy(update={"epochs": 1}), tmp_path / "m")
    assert torch.equal(torch.rand(1), expected)


def test_restart_drops_the_checkpoint_and_other_data_does_not_fit(pictures, tiny_recipe, tmp_path):
    with pytest.raises(TrainingInterrupted):
        train(pictures, tiny_recipe, tmp_path / "m", progress=interrupt_at(2))
    with pytest.raises(ArtefactError, match=r"had other pictures: 24 are missing or changed, such as one of 's05'"):
        train(pictures.of(pictures.names[:4]), tiny_recipe, tmp_path / "m", resume=True)
    other = tiny_recipe.model_copy(update={"epochs": 9, "learning_rate": 0.3})
    with pytest.raises(ArtefactError, match=r"had another recipe \(epochs, learning_rate\); give that again"):
        train(pictures, other, tmp_path / "m", resume=True)
    train(pictures, tiny_recipe.model_copy(update={"epochs": 1}), tmp_path / "m", restart=True)
    assert not (tmp_path / "m.training").exists()


def test_pictures_may_move_be_renamed_and_come_in_another_order(pictures, tiny_recipe, tmp_path):
    whole = train(pictures, tiny_recipe, tmp_path / "whole")
    (tmp_path / "first").mkdir()
    first = PictureSet(
        tuple(tmp_path / "first" / f"{at:02d}.png" for at in range(len(pictures))), pictures.identities, ("a note",)
    )
    for old, new in zip(pictures.paths, first.paths, strict=True):
        shutil.copy(old, new)
    with pytest.raises(TrainingInterrupted):
        train(first, tiny_recipe, tmp_path / "m", progress=interrupt_at(5))
    order = np.random.default_rng(0).permutation(len(first)).tolist()
    (tmp_path / "second").mkdir()
    for at, number in enumerate(order):
        first.paths[number].rename(tmp_path / "second" / f"{at}.jpg")
    second = PictureSet(
        tuple(tmp_path / "second" / f"{at}.jpg" for at in range(len(order))), tuple(first.identities[n] for n in order)
    )
    stages = []
    resumed = train(second, tiny_recipe, tmp_path / "m", resume=True, progress=lambda p: stages.append(p.stage))
    assert resumed.card.fingerprint == whole.card.fingerprint
    assert without_seconds(resumed) == without_seconds(whole)
    assert list(dict.fromkeys(stages)) == ["Comparing with the checkpoint", "Reading pictures", "Training (arcface)"]


def test_other_pictures_are_refused_before_they_are_decoded(pictures, tiny_recipe, tmp_path):
    with pytest.raises(TrainingInterrupted):
        train(pictures, tiny_recipe, tmp_path / "m", progress=interrupt_at(2))
    before = {path.name: path.read_bytes() for path in (tmp_path / "m.training").iterdir()}
    changed = tmp_path / "0.png"
    changed.write_bytes(pictures.paths[0].read_bytes() + b"more")
    relabelled = (pictures.identities[-1], *pictures.identities[1:])
    stages = set()
    for now, words in [
        (PictureSet((changed, *pictures.paths[1:]), pictures.identities), rf"1 are new or changed, such as {changed}"),
        (PictureSet((*pictures.paths, changed), (*pictures.identities, "s01")), "1 are new or changed"),
        (pictures.select(range(1, len(pictures))), "1 are missing or changed, such as one of 's01'"),
        (
            PictureSet(pictures.paths, relabelled),
            "1 have another identity, such as .* of 's01' before and of 's08' now",
        ),
    ]:
        with pytest.raises(ArtefactError, match=words):
            train(now, tiny_recipe, tmp_path / "m", resume=True, progress=lambda p: stages.add(p.stage))
        assert stages == {"Comparing with the checkpoint"}
        assert {path.name: path.read_bytes() for path in (tmp_path / "m.training").iterdir()} == before


def as_format_1(folder, recipe, pictures):
    """Turn a checkpoint into what version 1 wrote: a digest of recipe and paths, and the epoch's losses."""
    state = json.loads((folder / "state.json").read_text("utf-8"))
    content = [recipe.model_dump(mode="json"), [[str(path) for path in pictures.paths], pictures.identities]]
    old = {
        "step": state["step"],
        "digest": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
        "history": state["history"],
        "losses": [state["loss_sum"]] * state["loss_count"],
        "warnings": state["warnings"],
        "format_version": 1,
        "tensors": state["tensors"],
        "optimizer": state["optimizer"],
    }
    assert state["loss_count"] == 1  # so that the sum is the one loss
    (folder / "state.json").write_text(json.dumps(old, indent=1), "utf-8")
    (folder / "pictures.json").unlink()


def test_a_checkpoint_of_format_1_goes_on_in_place(pictures, tiny_recipe, tmp_path):
    whole = train(pictures, tiny_recipe, tmp_path / "whole")
    with pytest.raises(TrainingInterrupted):
        train(pictures, tiny_recipe, tmp_path / "m", progress=interrupt_at(4))  # the first step of the second epoch
    as_format_1(tmp_path / "m.training", tiny_recipe, pictures)
    elsewhere = PictureSet(tuple(Path(os.path.relpath(path)) for path in pictures.paths), pictures.identities)
    with pytest.raises(ArtefactError, match="other pictures, or these from another folder"):
        train(elsewhere, tiny_recipe, tmp_path / "m", resume=True)
    with pytest.raises(TrainingInterrupted):  # whereupon it is one of today's
        train(pictures, tiny_recipe, tmp_path / "m", resume=True, progress=interrupt_at(8))
    resumed = train(elsewhere, tiny_recipe, tmp_path / "m", resume=True)
    assert resumed.card.fingerprint == whole.card.fingerprint
    assert without_seconds(resumed) == without_seconds(whole)


def test_signal_handlers_are_put_back_and_threads_may_train(pictures, tiny_recipe, tmp_path):
    handler = signal.getsignal(signal.SIGINT)
    recipe = tiny_recipe.model_copy(update={"epochs": 1})
    train(pictures, recipe, tmp_path / "a")
    assert signal.getsignal(signal.SIGINT) is handler
    made = []
    thread = threading.Thread(target=lambda: made.append(train(pictures, recipe, tmp_path / "b")))
    thread.start()
    thread.join()
    assert len(made) == 1


@pytest.fixture
def diverging(tiny_recipe):
    changes = {"learning_rate": 1e30, "clip_gradient": 1e30, "loss": "softmax", "margin": None}
    return Recipe.of(tiny_recipe.model_dump() | changes)


@pytest.fixture
def read_every(monkeypatch):
    """Read losses after so many steps, whatever the time."""

    def set_to(steps):
        monkeypatch.setattr(running_loss, "READ_STEPS", steps)
        monkeypatch.setattr(running_loss, "READ_SECONDS", math.inf)

    return set_to


def test_divergence_is_said_of_the_step_it_happened_in_however_late_it_is_noticed(
    pictures, diverging, tmp_path, read_every
):
    messages = set()
    for steps in (1, 2, 1000):
        read_every(steps)
        with pytest.raises(TrainingDiverged, match=r"the loss became .* lower learning_rate") as told:
            train(pictures, diverging, tmp_path / "m")
        messages.add(str(told.value))
        assert list(tmp_path.iterdir()) == []
    assert len(messages) == 1


def test_weights_that_have_diverged_are_never_a_checkpoint(pictures, diverging, tmp_path, read_every):
    read_every(1000)
    with pytest.raises(TrainingDiverged, match="the loss became"):
        train(pictures, diverging, tmp_path / "m", progress=interrupt_at(2))
    assert list(tmp_path.iterdir()) == []


def test_losses_are_read_seldom(pictures, tiny_recipe, tmp_path, read_every, monkeypatch):
    read_every(1000)
    read, reads = RunningLoss.read, []
    monkeypatch.setattr(RunningLoss, "read", lambda self: reads.append(1) or read(self))
    shown = []
    trained = train(
        pictures,
        tiny_recipe,
        tmp_path / "m",
        progress=lambda p: shown.append(p) if p.stage.startswith("Training") else None,
    )
    assert len(shown) == 12
    assert len(reads) == 2 * tiny_recipe.epochs  # the first of every epoch, and its end
    assert all(re.fullmatch(r"loss \d+\.\d{3}", p.detail) for p in shown)
    assert all(math.isfinite(entry["loss"]) for entry in trained.history)


def test_hooks_of_the_caller_see_every_step_and_add_to_the_log(pictures, tiny_recipe, tmp_path):
    taken = []

    class Counting(Hook):
        def after_step(self, state):
            taken.append(state.step)

        def after_epoch(self, state, entry):
            entry["taken"] = len(taken)

    trainer = Trainer(pictures, tiny_recipe, tmp_path / "m")
    assert (trainer.state.step, trainer.state.steps) == (0, 12)
    trained = trainer.run([Counting()])
    assert taken == list(range(1, 13))
    assert [entry["taken"] for entry in trained.history] == [3, 6, 9, 12]
    assert json.loads((tmp_path / "m" / "training.jsonl").read_text("utf-8").splitlines()[-1])["taken"] == 12


def test_batches_network_and_loss_are_built_once_and_again_only_without_pictures_that_are_left_out(
    some_people, tiny_recipe, tmp_path, monkeypatch
):
    built = []

    def counting(name):
        build = getattr(Recipe, name)

        def counted(self, given):
            built.append((name, len(given)))
            return build(self, given)

        monkeypatch.setattr(Recipe, name, counted)

    counting("build_batches")
    counting("build_loss")
    once = tiny_recipe.model_copy(update={"epochs": 1})
    photos = some_people(3, 3)
    train(read_pictures(photos), once, tmp_path / "a")
    assert built == [("build_batches", 9), ("build_loss", 9)]
    (photos / "s01" / "0.png").write_bytes(b"")
    built.clear()
    train(read_pictures(photos), once, tmp_path / "b", skip_bad=True)
    assert built == [(name, size) for size in (9, 8) for name in ("build_batches", "build_loss")]


def test_what_exists_is_not_overwritten(pictures, tiny_recipe, tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(StorageError, match=r"holds no model\.toml, so it is not replaced"):
        train(pictures, tiny_recipe, tmp_path / "photos", replace=True)
    assert (tmp_path / "photos").is_dir()


def test_one_identity_cannot_be_told_apart(pictures, tiny_recipe, tmp_path):
    with pytest.raises(DatasetError, match="of 1 identity"):
        train(pictures.of(pictures.names[:1]), tiny_recipe, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_what_is_refused_leaves_no_training_folder(pictures, tiny_recipe, tmp_path):
    unknown = tiny_recipe.model_copy(update={"backbone": "magic", "backbone_options": {}})
    with pytest.raises(InputError, match="backbone 'magic' is unknown"):
        train(pictures, unknown, tmp_path / "m")

    def stop(p):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(pictures, tiny_recipe, tmp_path / "m", progress=stop)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageError, match="give it a name of its own"):
        train(pictures, tiny_recipe, tmp_path / "..")


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"restart": True}])
def test_a_folder_of_the_users_is_not_taken_for_checkpoints(pictures, tiny_recipe, tmp_path, options):
    (tmp_path / "m.training").mkdir()
    (tmp_path / "m.training" / "letter.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"m\.training is where checkpoints go, but letter\.txt is in it"):
        train(pictures, tiny_recipe, tmp_path / "m", **options)
    assert (tmp_path / "m.training" / "letter.txt").read_text() == "mine"


def test_the_pictures_of_no_landmark_are_remembered(pictures, tiny_recipe, tmp_path):
    nobody = pictures.names[0]
    renamed = PictureSet(pictures.paths, tuple(NON_LANDMARK if n == nobody else n for n in pictures.identities))
    recipe = tiny_recipe.model_copy(update={"epochs": 1})
    seen = Embedder.load(train(renamed, recipe, tmp_path / "a").folder).seen_non_landmarks
    assert sorted(seen.tolist()) == sorted(digests(pictures.of([nobody]).paths).tolist())
    assert len(Embedder.load(train(pictures, recipe, tmp_path / "b").folder).seen_non_landmarks) == 0
