"""What a folder says of its model is read, and damage to it found, without torch."""

import shutil
import subprocess
import sys

import pytest

from lookalike import Embedder
from lookalike.embedder.model_card import read_card
from lookalike.errors import ArtefactError


def test_the_card_is_that_of_the_model(tiny_model):
    card, calibration = read_card(tiny_model)
    loaded = Embedder.load(tiny_model)
    assert (card.fingerprint, card.embedding_size, card.metric) == (
        loaded.fingerprint,
        loaded.dimension,
        loaded.metric,
    )
    assert calibration == loaded.calibration


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "weights.safetensors").unlink(), "it lacks weights.safetensors"),
        (lambda folder: (folder / "model.toml").write_text("x = "), "cannot be read"),
        (lambda folder: (folder / "model.toml").write_text("format_version = 2\n"), "format version 2.*update it"),
        (lambda folder: (folder / "model.toml").write_text("format_version = 1\n"), "damaged at name"),
        (lambda folder: (folder / "weights.safetensors").write_bytes(b"other"), "does not fit model.toml"),
    ],
)
def test_damage(tiny_model, tmp_path, damage, said):
    folder = shutil.copytree(tiny_model, tmp_path / "m")
    damage(folder)
    with pytest.raises(ArtefactError, match=said):
        read_card(folder)


def test_it_needs_no_torch(tiny_model):
    code = (
        "import sys\nfrom pathlib import Path\nfrom lookalike.embedder.model_card import read_card\n"
        f"read_card(Path({str(tiny_model)!r}))\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
