"""Recipes: validated, complete, and their learning-rate schedule."""

from pathlib import Path

import pytest
import tomli_w

from lookalike.datasets import IdentityBatches, PictureSet, ShuffledBatches
from lookalike.datasets.identity_batches import BalancedBatches
from lookalike.embedder import Preprocessing
from lookalike.errors import DatasetError, InputError
from lookalike.losses import ArcFaceLoss, SoftmaxLoss, TripletLoss
from lookalike.training import Recipe
from lookalike.training.curriculum import StagedBatches


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
        ('loss = "magic"', r"loss: .*'adaface', 'arcface', 'center', .*'magic'"),
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


def test_classes_are_balanced_and_groups_join_as_the_recipe_says():
    data = pictures(*"aaaabbccdd")
    assert isinstance(Recipe(class_power=0.5).build_batches(data), BalancedBatches)
    recipe = Recipe(curriculum=(("a", "b"), ("c", "d")), class_power=0.5, epochs=4, batch_size=2)
    batches = recipe.build_batches(data)
    assert isinstance(batches, StagedBatches)
    assert {data.identities[i] for batch in batches.epoch(0) for i in batch} <= {"a", "b"}
    assert [batches.batches_in(epoch) for epoch in range(4)] == [3, 3, 5, 5]
    pairs = Recipe(loss="triplet", curriculum=(("a", "b"), ("c", "d")), epochs=4, batch_size=40).build_batches(data)
    assert [len(next(pairs.epoch(epoch))) for epoch in range(4)] == [10, 10, 20, 20]  # 2 × 5, then 4 × 5


def test_sizes_of_pictures_follow_one_another_by_shares_of_the_epochs():
    recipe = Recipe(
        progressive_sizes=((0.5, 32), (0.3, 48), (0.2, 64)), epochs=10, preprocessing=Preprocessing(image_size=(64, 48))
    )
    assert recipe.image_sizes == ((32, 24), (48, 36), (64, 48))
    assert [recipe.image_size_in(epoch)[0] for epoch in range(10)] == [32] * 5 + [48] * 3 + [64] * 2
    assert Recipe(epochs=3).image_size_in(2) == (112, 112)
    thirds = Recipe(progressive_sizes=((1 / 3, 32), (1 / 3, 48), (1 / 3, 64)), epochs=3)
    assert [thirds.image_size_in(epoch)[0] for epoch in range(3)] == [32, 48, 64]


def test_a_pretrained_network_has_the_name_of_its_weights():
    assert Recipe(backbone="efficientnet_lite0", pretrained=True).backbone == "tf_efficientnet_lite0"
    assert Recipe(backbone="efficientnet_lite0").backbone == "efficientnet_lite0"  # timm's own of that name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trunk_rate": 0.1}, "trunk_rate and trunk_statistics are for timm networks; mobilefacenet has no trunk"),
        ({"trunk_statistics": "fixed"}, "mobilefacenet has no trunk"),
        ({"trunk_rate": -1}, "trunk_rate: .*greater than or equal to 0"),
        ({"class_power": 2}, "class_power: .*less than or equal to 1"),
        ({"loss": "triplet", "class_power": 0.5}, "triplet draws as many pictures of every identity"),
        ({"curriculum": [["a"], ["b", "a"]]}, "curriculum names 'a' twice"),
        ({"curriculum": [["a", "a"]]}, "curriculum names 'a' twice"),
        ({"curriculum": [["a"], []]}, "group 2 of the curriculum is empty"),
        ({"progressive_sizes": [[0.5, 64]]}, r"shares of progressive_sizes are \[0\.5\]; expected some that sum to 1"),
        ({"progressive_sizes": [[1.5, 64], [-0.5, 64]]}, "expected some that sum to 1"),
        ({"progressive_sizes": [[1.0, 113]]}, "expected 8 to 112"),
        ({"progressive_sizes": [[1.0, 7]]}, "expected 8 to 112"),
    ],
)
def test_schedules_that_cannot_be(content, message):
    with pytest.raises(InputError, match=message):
        Recipe.of(content)


def test_a_recipe_with_schedules_round_trips_through_toml(tmp_path):
    recipe = Recipe(
        backbone="tf_efficientnet_lite0",
        trunk_rate=0.1,
        class_power=0.5,
        curriculum=(("a",), ("b", "c")),
        progressive_sizes=((0.5, 64), (0.5, 112)),
    )
    path = tmp_path / "r.toml"
    path.write_text(tomli_w.dumps(recipe.model_dump(mode="json", exclude_none=True)), "utf-8")
    assert Recipe.read(path) == recipe


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
