"""Tiny tensors need one thread; a second one waits for a busy core a hundred times longer than it works."""

from collections.abc import Iterator

import pytest
import torch
from tests.losses.gloo_processes import GlooProcesses
from torch.utils._python_dispatch import TorchDispatchMode


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Largest(TorchDispatchMode):
    """The most numbers that any tensor held while this was on, within custom gradients too."""

    numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for value in made if isinstance(made, tuple | list) else (made,):
            if isinstance(value, torch.Tensor):
                self.numbers = max(self.numbers, value.untyped_storage().nbytes() // value.element_size())
        return made


@pytest.fixture
def watch_largest() -> type[Largest]:
    """`with watch_largest() as largest: …`, then `largest.numbers`."""
    return Largest


@pytest.fixture(scope="session")
def gloo(forking_interpreter):
    """``gloo.run(__file__, "job", world, folder)``: a function of the test file on several processes."""
    return GlooProcesses(forking_interpreter)
