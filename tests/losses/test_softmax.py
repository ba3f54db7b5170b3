"""The softmax baseline against the sum written out."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import InputError, VectorError
from lookalike.losses import SoftmaxLoss


def oracle(x, weight, bias, labels, smoothing):
    total = 0.0
    for row, label in zip(x.tolist(), labels.tolist(), strict=True):
        logits = [
            math.fsum(a * w for a, w in zip(row, center, strict=True)) + b
            for center, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        top = max(logits)
        log_sum = top + math.log(math.fsum(math.exp(v - top) for v in logits))
        for j, logit in enumerate(logits):
            target = smoothing / len(logits) + (1 - smoothing) * (j == label)
            total += target * (log_sum - logit)
    return total / len(x)


def batch(n, classes, d, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64) * 3
    return x, torch.randint(0, classes, (n,), generator=generator)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 6),
    classes=st.integers(1, 5),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]) | st.floats(0, 1),
)
def test_value_is_the_formulas(seed, n, classes, smoothing):
    torch.manual_seed(seed)
    loss = SoftmaxLoss(classes, 3, smoothing)
    x, labels = batch(n, classes, 3, seed)
    weight, bias = loss.classifier.weight.double(), loss.classifier.bias.double()
    assert loss(x, labels).item() == pytest.approx(oracle(x, weight, bias, labels, smoothing), rel=1e-10, abs=1e-12)


def test_gradients_reach_the_embeddings_and_the_classifier():
    x, labels = batch(6, 4, 3, seed=1)
    loss = SoftmaxLoss(4, 3).double()
    assert torch.autograd.gradcheck(lambda a: loss(a, labels), x.requires_grad_())
    loss(x, labels).backward()
    # The closed form: (softmax - one-hot) / B, through the linear layer.
    logits = x @ loss.classifier.weight.T + loss.classifier.bias
    error = (logits.softmax(dim=1) - torch.nn.functional.one_hot(labels, 4)) / 6
    torch.testing.assert_close(x.grad, error @ loss.classifier.weight)
    torch.testing.assert_close(loss.classifier.weight.grad, error.T @ x)
    torch.testing.assert_close(loss.classifier.bias.grad, error.sum(dim=0))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("classes", [1, 2, 7])
def test_value_and_all_gradients_are_torchs_cross_entropys(smoothing, classes):
    x, labels = batch(9, classes, 3, seed=2)
    torch.manual_seed(0)
    loss = SoftmaxLoss(classes, 3, smoothing).double()
    weight, bias = (p.detach().clone().requires_grad_() for p in loss.classifier.parameters())
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    found = loss(a, labels)
    expected = torch.nn.functional.cross_entropy(b @ weight.T + bias, labels, label_smoothing=smoothing)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-10, abs=1e-12)
    ours = (a.grad, loss.classifier.weight.grad, loss.classifier.bias.grad)
    for one, other in zip(ours, (b.grad, weight.grad, bias.grad), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradcheck(smoothing):
    x, labels = batch(6, 4, 3, seed=1)
    loss = SoftmaxLoss(4, 3, smoothing).double()

    def of(embeddings, weight, bias):
        weights = {"classifier.weight": weight, "classifier.bias": bias}
        return torch.func.functional_call(loss, weights, (embeddings, labels))

    given = (x, *(p.detach().clone() for p in loss.classifier.parameters()))
    assert torch.autograd.gradcheck(of, [v.requires_grad_() for v in given])


def test_an_undecided_classifier_costs_the_logarithm_of_its_classes():
    loss = SoftmaxLoss(10, 4)
    torch.nn.init.zeros_(loss.classifier.weight)
    torch.nn.init.zeros_(loss.classifier.bias)
    assert loss(torch.randn(5, 4), torch.arange(5)).item() == pytest.approx(math.log(10), rel=1e-6)


def test_large_logits_do_not_overflow():
    x = torch.full((2, 4), 1e30, requires_grad=True)
    value = SoftmaxLoss(3, 4)(x, torch.tensor([0, 1]))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_dtype_is_taken(dtype):
    loss = SoftmaxLoss(3, 4)
    x = torch.randn(6, 4).to(dtype)
    value = loss(x, torch.arange(6) % 3)
    assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert value.item() == pytest.approx(loss(x.double(), torch.arange(6) % 3).item(), rel=1e-5)


def test_autocast_does_not_reach_the_logits():
    loss, x, labels = SoftmaxLoss(3, 4), torch.randn(6, 4), torch.arange(6) % 3
    expected = loss(x, labels).item()
    with torch.autocast("cpu", torch.bfloat16):
        assert loss(x, labels).item() == expected


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, math.nan])
def test_unusable_smoothing(smoothing):
    with pytest.raises(InputError, match="from 0 to 1"):
        SoftmaxLoss(3, 4, smoothing)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_unusable_sizes(sizes):
    with pytest.raises(InputError, match="both start at 1"):
        SoftmaxLoss(*sizes)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (torch.ones(2, 4), torch.tensor([0, 3]), r"labels lie in \[0, 3\]"),
        (torch.ones(2, 4), torch.tensor([-100, 0]), r"labels lie in \[-100, 0\]"),  # torch's own "ignore this one"
        (torch.ones(2, 4), torch.tensor([0, 1], dtype=torch.int32), "expected .* int64"),
        (torch.ones(2, 5), torch.tensor([0, 1]), "5 dimensions; this loss was made for 4"),
        (torch.ones(2, 4, 1), torch.tensor([0, 1]), r"expected \(B, d\) floats"),
        (torch.ones(0, 4), torch.tensor([], dtype=torch.int64), "the batch is empty"),
    ],
)
def test_unusable_batches(x, labels, message):
    with pytest.raises(VectorError, match=message):
        SoftmaxLoss(3, 4)(x, labels)
