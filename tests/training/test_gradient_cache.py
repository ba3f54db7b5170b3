"""Embedding in chunks: the whole batch's gradient, with a chunk's memory."""

import copy

import pytest
import torch
from torch import nn

from lookalike.errors import InputError
from lookalike.losses import NTXentLoss, TripletLoss
from lookalike.training.gradient_cache import embed_in_chunks

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


def network(*more):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), *more, nn.ReLU(), nn.Linear(16, 4)).double()


def batch(n=13):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(n, 6, generator=generator, dtype=torch.float64), torch.arange(n) // 2


def step(net, loss, embed):
    """Value and gradients of one step."""
    x, labels = batch()
    net = copy.deepcopy(net)
    torch.manual_seed(5)
    value = loss(embed(net, x), labels)
    value.backward()
    return value.item(), [p.grad for p in net.parameters()], net


@pytest.mark.parametrize("chunk", [1, 4, 13, 50])
@pytest.mark.parametrize("loss", [TripletLoss(1.0, "all"), NTXentLoss()])
def test_value_and_gradient_are_the_whole_batchs(chunk, loss):
    whole = step(network(), loss, lambda net, x: net(x))
    cached = step(network(), loss, lambda net, x: embed_in_chunks(net, x, chunk))
    assert cached[0] == pytest.approx(whole[0], rel=1e-12)
    for a, b in zip(cached[1], whole[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


def test_dropout_draws_the_same_numbers_in_both_passes():
    # The oracle keeps the graph: chunks embedded with autograd, in the same order of random numbers.
    dropout = nn.Dropout(0.5)
    kept = step(network(dropout), NTXentLoss(), lambda net, x: torch.cat([net(part) for part in x.tensor_split(4)]))
    cached = step(network(dropout), NTXentLoss(), lambda net, x: embed_in_chunks(net, x, 4))
    assert cached[0] == kept[0]
    for a, b in zip(cached[1], kept[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_normalisation_counts_every_chunk_once(momentum):
    norm = nn.BatchNorm1d(16, momentum=momentum)
    kept = step(network(norm), NTXentLoss(), lambda net, x: torch.cat([net(part) for part in x.tensor_split(3)]))
    cached = step(network(norm), NTXentLoss(), lambda net, x: embed_in_chunks(net, x, 5))
    for a, b in zip(cached[2].buffers(), kept[2].buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-15)
    assert cached[2][1].momentum == momentum
    for a, b in zip(cached[1], kept[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


def test_one_chunks_activations_are_alive_at_a_time():
    alive, most = 0, 0

    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            nonlocal alive
            alive -= len(g)
            return g

    class Layer(nn.Module):
        def forward(self, x):
            nonlocal alive, most
            if torch.is_grad_enabled() and x.requires_grad and torch._C._current_graph_task_id() != -1:
                alive += len(x)  # the second pass, within backward
                most = max(most, alive)
            return Counted.apply(x)

    net = nn.Sequential(nn.Linear(6, 8), Layer(), nn.Tanh(), nn.Linear(8, 4)).double()
    x, labels = batch()
    NTXentLoss()(embed_in_chunks(net, x, 3), labels).backward()
    assert most == 3


def test_no_chunk_is_left_with_one_picture_where_two_fit():
    # Batch normalisation of one vector is undefined: 16 by 5 is 4, 4, 4, 4, not 5, 5, 5, 1.
    sizes = []

    class Counts(nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return x

    embed_in_chunks(Counts(), torch.zeros(16, 2), 5)
    assert sizes == [4, 4, 4, 4]


def test_nothing_to_embed_and_no_chunks():
    assert embed_in_chunks(network(), torch.empty(0, 6, dtype=torch.float64), 3).shape == (0, 4)
    with pytest.raises(InputError, match="chunk_size is 0; embed at least 1"):
        embed_in_chunks(network(), batch()[0], 0)
