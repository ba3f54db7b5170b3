"""Training batches, made in threads ahead of the network: pictures are picked, changed at random and normalised.

A batch is a function of the recipe, its pictures and the number of its step, so it does not depend on how many threads
make batches, nor on where a training was interrupted.

Threads are enough: indexing in NumPy and all operations of torch release the interpreter lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lookalike.embedder.network import at_size, network_input
from lookalike.embedder.processors import available_processors
from lookalike.training.recipe import Recipe

__all__ = ["BatchOrder", "InputPipeline", "TrainingBatch", "seed_of_step"]


@dataclass(frozen=True)
class BatchOrder:
    """What goes into the batch of a step.

    Attributes:
        step: from 0; it decides all random changes.
        positions: `(n,)` int64, of the pictures.
        size: `(height, width)` to which they are brought.
    """

    step: int
    positions: npt.NDArray[np.int64]
    size: tuple[int, int]


@dataclass(frozen=True)
class TrainingBatch:
    """A batch as the network takes it.

    Attributes:
        step: from 0.
        x: `(n, c, h, w)` float32, normalised, channels last.
        labels: `(n,)` int64.
    """

    step: int
    x: Tensor
    labels: Tensor


def seed_of_step(recipe: Recipe, step: int) -> int:
    """The seed of all that is random in a step, so that a resumed training draws what an uninterrupted one would."""
    return (recipe.seed * 1_000_003 + step) % 2**63


class InputPipeline:
    """Makes the batches of a training.

    Args:
        recipe: its augmentation, preprocessing and seed are used.
        pixels: `(n, h, w, c)` uint8, prepared; may be mapped from disk.
        labels: `(n,)` int64.
        workers: threads that make batches while the network runs; 0 makes each batch when it is asked for. None
            chooses by the processors.

    Example:
        >>> pixels, labels = np.zeros((4, 8, 8, 3), np.uint8), np.arange(4)
        >>> order = BatchOrder(0, np.array([2, 3]), (8, 8))
        >>> [batch.labels.tolist() for batch in InputPipeline(Recipe(), pixels, labels).batches([order])]
        [[2, 3]]
    """

    def __init__(
        self, recipe: Recipe, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], workers: int | None = None
    ) -> None:
        self.recipe, self.pixels, self.labels = recipe, pixels, torch.from_numpy(labels)
        self.workers = _default_workers() if workers is None else workers

    def make(self, order: BatchOrder) -> TrainingBatch:
        """Make one batch, in whatever thread this is called."""
        recipe = self.recipe
        generator = torch.Generator().manual_seed(seed_of_step(recipe, order.step))
        pictures = at_size(network_input(self.pixels[order.positions]), order.size)
        changed = recipe.augmentation(pictures, generator)
        x = recipe.preprocessing.normalise(changed).contiguous(memory_format=torch.channels_last)
        return TrainingBatch(order.step, x, self.labels[torch.from_numpy(order.positions)])

    def batches(self, orders: Iterable[BatchOrder]) -> Generator[TrainingBatch]:
        """Yield the batches in the order in which they are asked for; at most two per worker wait to be taken.

        Close the generator (`contextlib.closing`) to stop the workers before the orders are used up. An exception in a
        worker is raised here, in the place of its batch.
        """
        if self.workers == 0:
            yield from map(self.make, orders)
            return
        stream, waiting = iter(orders), deque[Future[TrainingBatch]]()
        threads = torch.get_num_threads()
        pool = ThreadPoolExecutor(self.workers, "training-batches", initializer=_one_thread_each)
        try:
            waiting.extend(pool.submit(self.make, order) for order in islice(stream, 2 * self.workers))
            while waiting:
                batch = waiting.popleft().result()
                waiting.extend(pool.submit(self.make, order) for order in islice(stream, 1))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # what a worker set is also what threads started later begin with


def _one_thread_each() -> None:
    """A worker computes in its own thread only: the network's threads have the other processors."""
    torch.set_num_threads(1)


def _default_workers() -> int:
    """One where the network runs on the same processors, for it has work for all of them; up to four beside a GPU."""
    if not torch.cuda.is_available():
        return 1
    return min(4, available_processors())
