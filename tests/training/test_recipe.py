"""Recipes: validated, complete, and their learning-rate schedule."""

from pathlib import Path

import pytest

from lookalike.datasets import IdentityBatches, PictureSet, ShuffledBatches
from lookalike.errors import DatasetError, InputError
from lookalike.losses import ArcFaceLoss, SoftmaxLoss, TripletLoss
from lookalike.training import Recipe


def pictures(*identities):
    return PictureSet(tuple(Path(f"{i}.png") for i in range(len(identities))), identities)


def test_losses_and_their_batches():
    data = pictures(*"aabbccdd")
    for loss, kind, batches in (
        ("arcface", ArcFaceLoss, ShuffledBatches),
        ("softmax", SoftmaxLoss, ShuffledBatches),
        ("triplet", TripletLoss, IdentityBatches),
    ):
        recipe = Recipe(loss=loss, batch_size=8)
        assert isinstance(recipe.build_loss(data), kind)
        assert isinstance(recipe.build_batches(data), batches)


def test_the_margin_is_written_out_so_that_a_saved_recipe_keeps_it():
    assert Recipe(loss="arcface").model_dump()["margin"] == 0.5
    assert Recipe(loss="triplet").model_dump()["margin"] == 0.2
    assert Recipe(loss="softmax").margin is None
    assert Recipe(loss="triplet", margin=0.0).build_loss(pictures("a", "b")).margin == 0.0


def test_a_toml_recipe_and_changes(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('loss = "triplet"\nepochs = 7\n[preprocessing]\nimage_size = [32, 24]\nchannels = 1\n')
    recipe = Recipe.read(path, epochs=3)
    assert (recipe.loss, recipe.epochs, recipe.preprocessing.image_size) == ("triplet", 3, (32, 24))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", r"epochs: .*greater than or equal to 1.*given: 0"),
        ("epochz = 3", r"epochz: Extra inputs"),
        ('loss = "magic"', r"loss: .*'arcface', 'softmax', 'triplet', .*'magic'"),
        ("[preprocessing]\nchannels = 2", r"preprocessing\.channels"),
        ("= =", "is not a TOML recipe"),
    ],
)
def test_wrong_entries_are_named(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Recipe.read(path)


def test_a_missing_recipe(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Recipe.read(tmp_path / "no.toml")


def test_hopeless_data_is_refused():
    with pytest.raises(DatasetError, match=r"of 1 identity.*at least 2"):
        Recipe().build_batches(pictures("a", "a", "a"))
    with pytest.raises(DatasetError, match=r"every identity has one picture.*use arcface"):
        Recipe(loss="triplet").build_batches(pictures("a", "b", "c"))
    Recipe(loss="arcface").build_batches(pictures("a", "b", "c"))


def test_the_learning_rate_rises_peaks_and_falls_to_zero():
    recipe = Recipe(learning_rate=0.1, warmup=0.2)
    rates = [recipe.learning_rate_at(step, 100) for step in range(100)]
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) == 19
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[0] > 0
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    assert Recipe(warmup=0).learning_rate_at(0, 1) >= 0
