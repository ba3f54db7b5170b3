"""Batches made ahead of the network: the same whatever the number of workers, bounded, and cleanly ended."""

import threading
from contextlib import closing

import numpy as np
import pytest
import torch

from lookalike.embedder.network import at_size, network_input
from lookalike.training import Recipe
from lookalike.training.input_pipeline import BatchOrder, InputPipeline, seed_of_step

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]

RECIPE = Recipe.of({"preprocessing": {"image_size": (20, 16)}, "seed": 7})
PIXELS = np.random.default_rng(0).integers(0, 256, (10, 20, 16, 3), np.uint8)
LABELS = np.arange(10) // 2


def orders(count, size=(20, 16), first=0):
    for step in range(first, first + count):
        yield BatchOrder(step, np.random.default_rng(step).permutation(10)[:6], size)


def made(workers, given):
    with closing(InputPipeline(RECIPE, PIXELS, LABELS, workers).batches(given)) as batches:
        return list(batches)


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("training-batches")]


@pytest.mark.parametrize("workers", [0, 1, 4])
@pytest.mark.parametrize("size", [(20, 16), (10, 8)])
def test_batches_are_a_function_of_recipe_and_step(workers, size):
    found = made(workers, orders(9, size))
    assert [batch.step for batch in found] == list(range(9))
    for batch, order in zip(found, orders(9, size), strict=True):
        generator = torch.Generator().manual_seed(seed_of_step(RECIPE, order.step))
        changed = RECIPE.augmentation(at_size(network_input(PIXELS[order.positions]), size), generator)
        assert torch.equal(batch.x, RECIPE.preprocessing.normalise(changed))
        assert batch.x.is_contiguous(memory_format=torch.channels_last)
        assert batch.labels.tolist() == LABELS[order.positions].tolist()
    # Begun later, as a resumed training begins.
    assert torch.equal(made(workers, orders(2, size, first=7))[0].x, found[7].x)


def test_the_programs_random_numbers_and_threads_are_left_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    before, later = torch.get_num_threads(), []
    torch.set_num_threads(before + 1)
    try:
        made(2, orders(5))
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert (torch.get_num_threads(), later) == (before + 1, [before + 1])
    finally:
        torch.set_num_threads(before)
    assert torch.equal(torch.rand(1), expected)


def test_few_batches_are_made_ahead():
    taken = []

    def counted():
        for order in orders(100):
            taken.append(order.step)
            yield order

    with closing(InputPipeline(RECIPE, PIXELS, LABELS, 3).batches(counted())) as batches:
        for number, _ in zip(range(1, 11), batches, strict=False):
            # Six wait, one is being trained on.
            assert len(taken) <= number + 6
    assert own_threads() == []


def test_an_error_in_a_worker_takes_the_place_of_its_batch_and_ends_the_workers():
    broken = [*orders(3), BatchOrder(3, np.array([10]), (20, 16)), *orders(40, first=4)]
    found = []
    with (
        pytest.raises(IndexError, match="out of bounds"),
        closing(InputPipeline(RECIPE, PIXELS, LABELS, 2).batches(broken)) as batches,
    ):
        found.extend(batch.step for batch in batches)
    assert found == [0, 1, 2]
    assert own_threads() == []


def test_ctrl_c_ends_the_workers():
    def interrupted():
        with closing(InputPipeline(RECIPE, PIXELS, LABELS, 2).batches(orders(100))) as batches:
            next(batches)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert own_threads() == []
