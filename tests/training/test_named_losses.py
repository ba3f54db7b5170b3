"""One row makes a loss known to recipes, their checks and the messages, and no row loads torch."""

import subprocess
import sys

import pytest
from torch import nn

from lookalike.errors import InputError
from lookalike.losses.pair_loss import PairLoss
from lookalike.training.named_losses import LOSSES, NamedLoss


def test_an_entry_says_what_a_recipe_may_hold():
    class Mine(nn.Module):
        def __init__(self, num_classes, embedding_size, margin, scale, sharpness=2.0):
            super().__init__()

    entry = NamedLoss(Mine, margin=0.2, scaled=True, further=("names",))
    assert entry.options == ("sharpness", "names")
    assert isinstance(entry.make(num_classes=2, embedding_size=3, margin=0.2, scale=1.0), Mine)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_over_pairs_says_so_in_its_row(name):
    constructor = LOSSES[name].constructor
    assert LOSSES[name].pairs == (isinstance(constructor, type) and issubclass(constructor, PairLoss))


def test_an_unknown_name_is_refused_with_all_that_are_known():
    from lookalike.training import Recipe

    with pytest.raises(InputError) as told:
        Recipe.of({"loss": "magic"})
    assert all(repr(name) in str(told.value) for name in LOSSES)


def test_a_recipe_is_checked_without_torch():
    program = (
        "import sys\n"
        "from lookalike.errors import InputError\n"
        "from lookalike.training.recipe import Recipe\n"
        "Recipe.of({'loss': 'triplet', 'backbone': 'mobilefacenet'})\n"
        "try:\n"
        "    Recipe.of({'loss': 'magic'})\n"
        "except InputError:\n"
        "    print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
