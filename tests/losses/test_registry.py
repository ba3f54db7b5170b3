"""One entry makes a loss known to recipes, their checks and the messages."""

import pytest
from torch import nn

from lookalike.errors import InputError
from lookalike.losses.pair_loss import PairLoss
from lookalike.losses.registry import LOSSES, named_loss


@pytest.fixture
def forgotten():
    """Entries that a test makes are taken out again."""
    before = dict(LOSSES)
    yield
    LOSSES.clear()
    LOSSES.update(before)


@pytest.mark.usefixtures("forgotten")
def test_an_entry_says_what_a_recipe_may_hold():
    @named_loss("mine", margin=0.2, scaled=True, further=("names",))
    class Mine(nn.Module):
        def __init__(self, num_classes, embedding_size, margin, scale, sharpness=2.0):
            super().__init__()

    entry = LOSSES["mine"]
    assert (entry.make, entry.margin, entry.pairs) == (Mine, 0.2, False)
    assert entry.options == ("sharpness", "names")


def test_losses_over_pairs_are_known_by_their_kind():
    over_pairs = {name for name, loss in LOSSES.items() if loss.pairs}
    assert over_pairs == {"contrastive", "multi_similarity", "ntxent", "triplet"}
    assert all(issubclass(LOSSES[name].make, PairLoss) for name in over_pairs)


def test_an_unknown_name_is_refused_with_all_that_are_known():
    from lookalike.training import Recipe

    with pytest.raises(InputError) as told:
        Recipe.of({"loss": "magic"})
    assert all(repr(name) in str(told.value) for name in LOSSES)
