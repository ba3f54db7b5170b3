"""The model folder: it round-trips, notices damage, and its fingerprint follows what decides a vector."""

import shutil

import numpy as np
import pytest
import torch

from lookalike import Embedder
from lookalike.embedder import Preprocessing
from lookalike.embedder.model_card import ModelCard, fingerprint_of
from lookalike.embedder.model_folder import read_model, save_model
from lookalike.errors import ArtefactError, StorageError

pytestmark = pytest.mark.network


def card(**changes):
    given = {
        "name": "t",
        "backbone": "mobilefacenet",
        "backbone_options": {"width": 0.25},
        "embedding_size": 16,
        "preprocessing": Preprocessing(image_size=(32, 32), channels=1),
    }
    return ModelCard(**(given | changes))


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    save_model(tmp_path / "model", card().build(), card(), log='{"epoch": 1}\n')
    return tmp_path / "model"


def test_whoever_may_read_the_card_may_read_the_weights(model):
    assert (model / "weights.safetensors").stat().st_mode == (model / "model.toml").stat().st_mode


def test_round_trip(model):
    network, read, calibration = read_model(model)
    assert calibration is None
    assert not network.training
    assert read.model_copy(update={"fingerprint": ""}) == card()
    torch.manual_seed(0)
    x = torch.randn(2, 1, 32, 32)
    torch.manual_seed(0)
    assert torch.equal(network(x), card().build().eval()(x))
    assert sorted(p.name for p in model.iterdir()) == ["model.toml", "training.jsonl", "weights.safetensors"]


def test_the_fingerprint_follows_weights_and_preprocessing_but_not_the_name(tmp_path):
    def fingerprint(seed, **changes):
        torch.manual_seed(seed)
        made = card(**changes)
        return save_model(tmp_path / f"{seed}-{len(list(tmp_path.iterdir()))}", made.build(), made).fingerprint

    one = fingerprint(0)
    assert one == fingerprint(0, name="other", training={"seed": 1})
    assert len({one, fingerprint(1), fingerprint(0, metric="euclidean")}) == 3
    assert one != fingerprint(0, preprocessing=Preprocessing(image_size=(32, 32), channels=1, flip_average=False))


def test_an_existing_folder_is_not_replaced_unasked(model):
    with pytest.raises(StorageError, match="--replace"):
        save_model(model, card().build(), card())
    before = read_model(model)[1].fingerprint
    torch.manual_seed(5)
    save_model(model, card().build(), card(), replace=True)
    assert read_model(model)[1].fingerprint != before


def test_damage_is_named(model, tiny_model):
    weights = model / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ArtefactError, match=r"weights\.safetensors does not fit model\.toml"):
        read_model(model)
    shutil.copy(tiny_model / "weights.safetensors", weights)
    with pytest.raises(ArtefactError, match="does not fit"):
        read_model(model)
    (model / "model.toml").write_text("format_version = 9\n")
    with pytest.raises(ArtefactError, match="has format version 9; this Lookalike reads 1"):
        read_model(model)
    (model / "model.toml").write_text("= =")
    with pytest.raises(ArtefactError, match="cannot be read"):
        read_model(model)
    (model / "model.toml").write_text("format_version = 1\n")
    with pytest.raises(ArtefactError, match=r"model\.toml is damaged at name"):
        read_model(model)


def test_a_foreign_calibration_is_refused(model, tiny_model):
    shutil.copy(tiny_model / "calibration.json", model)
    with pytest.raises(ArtefactError, match="was measured for model"):
        read_model(model)


def test_a_model_that_gives_nan_says_so(tmp_path):
    broken = card().build()
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    save_model(tmp_path / "nan", broken, card())
    with pytest.raises(ValueError, match="gave NaN or infinity"):
        Embedder.load(tmp_path / "nan").embed([np.zeros((32, 32), np.uint8)])


def test_fingerprints_of_older_models_stay_valid(tmp_path):
    """The number was computed by the version before preprocessing had scales."""
    (tmp_path / "w").write_bytes(b"weights")
    old = Preprocessing(image_size=(64, 48), channels=1)
    card = ModelCard(name="x", backbone="mobilefacenet", embedding_size=8, preprocessing=old)
    assert fingerprint_of(tmp_path / "w", card) == "36b3cb38d9330c3a"
    scaled = card.model_copy(update={"preprocessing": old.model_copy(update={"scales": (1.0, 0.5)})})
    assert fingerprint_of(tmp_path / "w", scaled) != "36b3cb38d9330c3a"
