"""What holds for each loss alike: gradients, poles, half precision, bad batches, saved state."""

import copy
import math
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from lookalike import losses
from lookalike.errors import InputError, VectorError
from lookalike.losses import (
    AdaFaceLoss,
    CenterLoss,
    CombinedMarginLoss,
    ContrastiveLoss,
    CrossBatchMemory,
    NTXentLoss,
    SoftmaxLoss,
    SphereFaceLoss,
    TripletLoss,
)
from lookalike.training.named_losses import LOSSES

CLASSES, D = 4, 5
#: Other arguments than the registry's defaults, under which these losses have more to do on eight pictures.
ARGUMENTS = {
    "triplet": {"margin": 0.5},
    "contrastive": {"margin": 1.5},
    "ntxent": {"temperature": 0.3},
    "center": {"weight": 0.1},
}


def by_name(name):
    """A loss of the registry; a new one needs no entry here."""
    loss = LOSSES[name]
    sizes = {} if loss.pairs else {"num_classes": CLASSES, "embedding_size": D}
    return loss.make(**sizes, **({"scale": 8.0} if loss.scaled else {}), **ARGUMENTS.get(name, {}))


OVER_PAIRS = {name: partial(by_name, name) for name, loss in LOSSES.items() if loss.pairs} | {
    "triplet all": lambda: TripletLoss(0.5, "all", "squared_euclidean", "all"),
    "triplet soft": lambda: TripletLoss(0.5, "hard", "cosine", soft_margin=True),
    "contrastive all": lambda: ContrastiveLoss(1.5, "cosine", "all"),
    "n-pair": lambda: NTXentLoss(1.0, "inner_product"),
    "memory": lambda: CrossBatchMemory(ContrastiveLoss(1.5), D, 100),
}
OVER_CLASSES = {name: partial(by_name, name) for name, loss in LOSSES.items() if not loss.pairs} | {
    "softmax smoothed": lambda: SoftmaxLoss(CLASSES, D, 0.1),
    "combined with a factor": lambda: CombinedMarginLoss(CLASSES, D, (1.35, 0.1, 0.1), scale=8.0),
    "sphereface at full margin": lambda: SphereFaceLoss(CLASSES, D, annealing=(0, 0, 0)),
    "center alone": lambda: CenterLoss(CLASSES, D, weight=1.0),
}
EVERY = OVER_PAIRS | OVER_CLASSES


def made(name, seed=0):
    torch.manual_seed(seed)
    return EVERY[name]()


def batch(seed=1, n=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, D, generator=generator, dtype=torch.float64), torch.arange(n) % CLASSES


def run(loss, x, labels):
    """Value, and the gradients by embeddings and parameters."""
    leaf = x.detach().clone().requires_grad_()
    loss.zero_grad()
    value = loss(leaf, labels)
    value.backward()
    return value, [leaf.grad, *(p.grad for p in loss.parameters())]


def assert_finite(value, gradients):
    assert torch.isfinite(value)
    assert value.shape == ()
    assert all(torch.isfinite(g).all() for g in gradients)


def test_no_loss_is_left_out():
    # The sharded softmax is one of several processes', and has tests of its own.
    tested = {type(make()).__name__ for make in EVERY.values()} | {"ShardedSoftmaxLoss"}
    assert tested >= {name for name in losses.__all__ if issubclass(getattr(losses, name), nn.Module)}


# Gradients


@pytest.mark.parametrize("name", EVERY)
def test_a_gradient_penalty_is_refused_or_right_and_never_silently_lost(name):
    # A loss whose gradient is its own would hand it on as a constant, and the penalty would train nothing.
    loss, (x, labels) = made(name).double().eval(), batch()

    def penalty(x):
        (gradient,) = torch.autograd.grad(loss(x, labels), x, create_graph=True)
        return gradient.square().sum()

    if isinstance(loss, CenterLoss):  # plain arithmetic
        assert torch.autograd.gradcheck(penalty, x.requires_grad_())
    else:
        with pytest.raises(InputError, match=r"second derivative .* leave create_graph out"):
            penalty(x.requires_grad_())


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", EVERY)
def test_gradcheck(name, seed):
    loss = made(name).double()
    x, labels = batch(seed)
    loss(x * 0.7, labels)  # so that running state is not the initial one
    loss.eval()
    if isinstance(loss, AdaFaceLoss):  # no gradient is meant to flow through the quality
        fixed = loss.quality(x.norm(dim=1) * 3)
        assert fixed.abs().max() > 0.1
        loss.quality = lambda lengths: fixed
    names = [name for name, _ in loss.named_parameters()]
    given = [x.requires_grad_(), *(p.detach().clone().requires_grad_() for p in loss.parameters())]

    def of(embeddings, *parameters):
        return torch.func.functional_call(loss, dict(zip(names, parameters, strict=True)), (embeddings, labels))

    assert torch.autograd.gradcheck(of, given)


@pytest.mark.parametrize("name", EVERY)
def test_float32_is_as_float64(name):
    x, labels = batch()
    x = x.float()
    value, gradients = run(made(name), x, labels)
    expected, exact = run(made(name).double(), x.double(), labels)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(gradients, exact, strict=True):
        assert (one - other).abs().max() <= 2e-5 * other.abs().max()


@pytest.mark.parametrize("name", EVERY)
def test_a_step_against_the_gradient_lowers_the_loss(name):
    loss = made(name).double().eval()
    x, labels = batch()
    value, gradients = run(loss, x, labels)
    length = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    assert length > 1e-3
    with torch.no_grad():
        for parameter, gradient in zip(loss.parameters(), gradients[1:], strict=True):
            parameter -= 1e-4 / length * gradient
        after = loss(x - 1e-4 / length * gradients[0], labels)
    assert after.item() == pytest.approx(value.item() - 1e-4 * length, rel=1e-3, abs=1e-4 * length * 0.1)
    assert after < value


# Poles


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", EVERY)
def test_finite_at_a_cosine_of_one_and_of_minus_one_in_float32(name, sign):
    loss = made(name)
    centers = next((p for p in loss.parameters() if p.ndim > 1), torch.eye(CLASSES, D)).detach()
    centers = centers[:, 0] if centers.ndim == 3 else centers
    x = sign * centers.repeat(2, 1)  # on their centers, on one another
    for factor in (1.0, 1000.0):
        assert_finite(*run(loss, factor * x, torch.arange(2 * CLASSES) % CLASSES))
    x[CLASSES:] *= -1  # and opposite
    assert_finite(*run(loss, x, torch.arange(2 * CLASSES) % CLASSES))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value", [0.0, 1e-30, 1.0, 0.1])
def test_finite_where_all_embeddings_are_equal_or_zero(name, value):
    x, labels = torch.full((8, D), value), batch()[1]
    loss = made(name)
    for _ in range(2):
        assert_finite(*run(loss, x, labels))


# Half precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", EVERY)
def test_autocast_changes_nothing(name, dtype):
    x, labels = batch()
    x = x.float()
    expected, exact = run(made(name), x, labels)
    leaf, loss = x.clone().requires_grad_(), made(name)
    with torch.autocast("cpu", dtype):
        value = loss(leaf, labels)
        value.backward()
    assert value.dtype == torch.float32
    assert value.item() == expected.item()
    assert torch.equal(leaf.grad, exact[0])
    for parameter, gradient in zip(loss.parameters(), exact[1:], strict=True):
        assert torch.equal(parameter.grad, gradient)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", EVERY)
def test_half_precision_embeddings_are_computed_in_full(name, dtype):
    x, labels = batch()
    x = x.to(dtype)
    expected, exact = run(made(name), x.float(), labels)
    loss = made(name)
    with torch.autocast("cpu", dtype):
        value, gradients = run(loss, x, labels)
    assert value.item() == expected.item()
    assert gradients[0].dtype == dtype
    torch.testing.assert_close(gradients[0], exact[0].to(dtype))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", EVERY)
def test_finite_at_the_poles_in_half_precision(name, dtype):
    x = torch.eye(CLASSES, D).repeat(2, 1).to(dtype)
    for given in (x, -x, torch.ones_like(x), torch.zeros_like(x)):
        with torch.autocast("cpu", dtype):
            loss = made(name)
            value, gradients = run(loss, given, batch()[1])
        assert_finite(value, gradients)


# Values that are no numbers


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", EVERY)
def test_what_is_no_number_shows_in_the_loss_and_not_in_the_next(name, bad):
    # Training watches the loss for this; a quiet number would hide it.
    loss = made(name).double()
    x, labels = batch()
    spoilt = x.clone()
    spoilt[3, 1] = bad
    assert not math.isfinite(loss(spoilt, labels).item())
    assert math.isfinite(loss(x, labels).item())


# Labels


@pytest.mark.parametrize("base", [2**24, 2**53, 2**62, -(2**63)])
@pytest.mark.parametrize("name", OVER_PAIRS)
def test_labels_past_what_floats_hold_stay_apart(name, base):
    x, labels = batch()
    value, gradients = run(made(name).double(), x, labels)
    found, same = run(made(name).double(), x, labels + base)
    assert found.item() == value.item()
    assert torch.equal(same[0], gradients[0])
    merged = made(name).double()(x, labels // 2)  # what it would cost if neighbours were one
    assert merged.item() != pytest.approx(value.item(), rel=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_order_does_not_matter(name):
    x, labels = batch()
    order = torch.randperm(8, generator=torch.Generator().manual_seed(3))
    value, gradients = run(made(name).double(), x, labels)
    found, same = run(made(name).double(), x[order], labels[order])
    assert found.item() == pytest.approx(value.item(), rel=1e-12)
    torch.testing.assert_close(same[0], gradients[0][order], rtol=1e-9, atol=1e-13)


# Batches


@pytest.mark.parametrize("name", OVER_PAIRS)
@pytest.mark.parametrize(("n", "labels"), [(0, []), (1, [3])])
def test_a_batch_without_pairs_costs_nothing_and_keeps_its_graph(name, n, labels):
    value, gradients = run(made(name), torch.randn(n, D), torch.tensor(labels, dtype=torch.int64))
    assert value.item() == 0.0
    assert torch.equal(gradients[0], torch.zeros(n, D))


@pytest.mark.parametrize("name", OVER_CLASSES)
def test_a_mean_over_no_embeddings_is_no_number(name):
    with pytest.raises(VectorError, match="the batch is empty"):
        made(name)(torch.empty(0, D), torch.empty(0, dtype=torch.int64))


@pytest.mark.parametrize("name", OVER_CLASSES)
@pytest.mark.parametrize("label", [-1, CLASSES, 2**24, 2**62])
def test_classes_that_there_are_not(name, label):
    with pytest.raises(VectorError, match="this loss has 4 classes, numbered 0 to 3"):
        made(name)(torch.ones(2, D), torch.tensor([0, label]))


@pytest.mark.parametrize("name", OVER_CLASSES)
def test_embeddings_of_another_size(name):
    with pytest.raises(VectorError, match="6 dimensions; this loss was made for 5"):
        made(name)(torch.ones(2, 6), torch.tensor([0, 1]))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("x", "labels"),
    [
        (torch.ones(D), torch.zeros(1, dtype=torch.int64)),
        (torch.ones(2, D, 1), torch.zeros(2, dtype=torch.int64)),
        (torch.ones(2, D, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)),
        (torch.ones(2, D), torch.zeros(3, dtype=torch.int64)),
        (torch.ones(2, D), torch.zeros(2, 1, dtype=torch.int64)),
        (torch.ones(2, D), torch.zeros(2)),
        (torch.ones(2, D), torch.zeros(2, dtype=torch.int32)),
        (torch.ones(2, D), [0, 1]),
        ([[1.0] * D] * 2, torch.zeros(2, dtype=torch.int64)),
    ],
)
def test_unusable_batches_are_refused_in_one_line(name, x, labels):
    with pytest.raises(VectorError, match=r"expected|give a torch tensor") as caught:
        made(name)(x, labels)
    assert "\n" not in str(caught.value)


# State


@pytest.mark.parametrize("name", EVERY)
def test_what_is_saved_goes_on_as_if_nothing_had_happened(name):
    loss = made(name)
    for step in range(3):
        loss(batch(step)[0].float(), batch(step)[1])
    other = made(name, seed=9)
    other.load_state_dict(pickle.loads(pickle.dumps(loss.state_dict())))
    copied = copy.deepcopy(loss)
    for step in range(3, 6):
        x, labels = batch(step)
        expected = loss(x.float(), labels).item()
        assert other(x.float(), labels).item() == expected
        assert copied(x.float(), labels).item() == expected


RUNNING = ["sphereface", "adaface", "curricularface", "center", "center alone", "memory"]


@pytest.mark.parametrize("name", EVERY)
def test_running_state_moves_in_training_and_only_there(name):
    loss = made(name)
    x, labels = batch()

    def state():
        return {key: value.clone() for key, value in loss.state_dict().items()}

    def moved(before):
        return any(not torch.equal(before[key], value) for key, value in loss.state_dict().items())

    before = state()
    loss(x.float(), labels)
    assert moved(before) == (name in RUNNING or "sphereface" in name)
    before = state()
    loss.eval()
    first, second = (loss(2 * x.float(), labels).item() for _ in range(2))
    assert not moved(before)
    assert first == second


@pytest.mark.parametrize("name", EVERY)
def test_without_gradients_the_value_is_the_same(name):
    x, labels = batch()
    expected = made(name)(x.float().requires_grad_(), labels)
    with torch.no_grad():
        value = made(name)(x.float(), labels)
    assert not value.requires_grad
    assert value.item() == expected.item()
