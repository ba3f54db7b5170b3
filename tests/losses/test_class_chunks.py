"""Scores in chunks against all logits at once, in value and gradient, and that the logits are never held."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from lookalike.losses import ArcFaceLoss, CurricularFaceLoss, ProxyAnchorLoss, SoftmaxLoss, SubCenterArcFaceLoss
from lookalike.losses.class_chunks import class_scores

ALL = ("target", "rest", "mean")


def oracle(x, weight, labels, scale=1.0, unit=True, bias=None, boost=None):
    """The definition with all B × C scores, and autograd: `(target, rest, mean)`."""
    flat = weight.to(x.dtype)
    directions = flat
    if unit:  # a zero weight is at 0 and moves as a direction does
        directions = torch.where((flat != 0).any(dim=-1, keepdim=True), functional.normalize(flat, dim=-1), flat)
    scores = (x[:, None, None] * directions.reshape(len(weight), -1, x.shape[1])).sum(dim=3).amax(dim=2)
    if bias is not None:
        scores = scores + bias.to(x.dtype)
    there = labels >= 0
    right = functional.one_hot(labels.clamp(min=0), len(weight)).bool() & there[:, None]
    target = torch.where(there, scores.gather(1, labels.clamp(min=0)[:, None])[:, 0], 0.0)
    if boost is not None:
        threshold, t = boost(target.detach())
        scores = torch.where(scores > threshold[:, None], scores * (t + scores), scores)
    rest = (scale * scores).masked_fill(right, -torch.inf).logsumexp(dim=1)
    return target, rest, scale * scores.mean(dim=1)


def data(n=7, classes=11, d=4, subcenters=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (classes, d) if subcenters is None else (classes, subcenters, d)
    x, weight = (torch.randn(s, generator=generator, dtype=torch.float64) for s in ((n, d), shape))
    return x, weight, torch.randint(0, classes, (n,), generator=generator)


def compare(x, weight, labels, rtol=1e-9, parts=ALL, **how):
    """Values and gradients of ours and the oracle's, under random gradients of each output."""
    bias = how.pop("bias", None)
    chunk = how.pop("chunk", None)
    weights = [torch.randn(len(x), generator=torch.Generator().manual_seed(i), dtype=x.dtype) for i in range(3)]
    results = []
    for ours in (True, False):
        leaves = [None if v is None else v.clone().requires_grad_() for v in (x, weight, bias)]
        if ours:
            scores = class_scores(*leaves[:2], labels, bias=leaves[2], chunk=chunk, **how)
            outputs = [scores.target, scores.rest, scores.mean]
        else:
            outputs = list(oracle(*leaves[:2], labels, bias=leaves[2], **how))
        chosen = [(v, w) for name, v, w in zip(ALL, outputs, weights, strict=True) if name in parts]
        # A row without other classes has rest = -inf, which no loss looks at.
        sum((torch.where(v.isfinite(), v, 0.0) * w).sum() for v, w in chosen).backward()
        results.append([v.detach() for v, _ in chosen] + [v.grad for v in leaves if v is not None])
    for found, expected in zip(*results, strict=True):
        assert found.dtype == expected.dtype
        torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol * 1e-2)


PLAIN = {"unit": False, "scale": 1.0}
UNIT = {"unit": True, "scale": 8.0}


@pytest.mark.parametrize("chunk", [1, 3, 11, 50, None])
@pytest.mark.parametrize("subcenters", [None, 1, 3])
def test_directions(chunk, subcenters):
    compare(*data(subcenters=subcenters), chunk=chunk, parts=("target", "rest"), **UNIT)


@pytest.mark.parametrize("chunk", [1, 3, 11, 50, None])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_plain_scores_and_their_mean(chunk, bias, scale):
    x, weight, labels = data()
    given_bias = torch.linspace(-1, 1, 11, dtype=torch.float64) if bias else None
    compare(x, weight, labels, chunk=chunk, unit=False, scale=scale, bias=given_bias)


def test_of_directions_no_mean_is_computed():
    x, weight, labels = data()
    x.requires_grad_()
    mean = class_scores(x, weight, labels, **UNIT).mean
    mean.sum().backward()
    assert torch.equal(mean, torch.zeros(7, dtype=torch.float64))
    assert torch.equal(x.grad, torch.zeros_like(x))
    bias = torch.linspace(-1, 1, 11, dtype=torch.float64)
    compare(x.detach(), weight, labels, bias=bias, **UNIT)  # with a bias it is


@pytest.mark.parametrize("chunk", [1, 4, None])
@pytest.mark.parametrize("subcenters", [None, 2])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_boosted_scores(chunk, subcenters, t):
    x, weight, labels = data(subcenters=subcenters, seed=2)

    def boost(target):
        return target - 0.4, torch.tensor(t, dtype=torch.float64)

    compare(functional.normalize(x), weight, labels, chunk=chunk, boost=boost, parts=("target", "rest"), **UNIT)


@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 6),
    classes=st.integers(1, 9),
    chunk=st.integers(1, 10),
    unit=st.booleans(),
)
def test_random_sizes(seed, n, classes, chunk, unit):
    compare(*data(n, classes, 3, seed=seed), chunk=chunk, unit=unit, scale=3.0, parts=("target", "rest"))


@pytest.mark.parametrize("how", [PLAIN, UNIT])
@pytest.mark.parametrize("chunk", [1, 3, None])
def test_rows_whose_class_is_elsewhere(how, chunk):
    x, weight, labels = data()
    labels[[0, 3]] = -1
    compare(x, weight, labels, chunk=chunk, parts=("target", "rest"), **how)
    scores = class_scores(x, weight, labels, chunk=chunk, **how)
    assert scores.target[[0, 3]].tolist() == [0.0, 0.0]
    compare(x, weight, torch.full_like(labels, -1), chunk=chunk, parts=("target", "rest"), **how)


def test_one_class_has_no_others():
    x, weight, labels = data(classes=1)
    assert class_scores(x, weight, labels).rest.tolist() == [-math.inf] * 7
    for loss in (ArcFaceLoss(1, 4), SoftmaxLoss(1, 4), SubCenterArcFaceLoss(1, 4), CurricularFaceLoss(1, 4)):
        leaf = x.clone().requires_grad_()
        value = loss.double()(leaf, labels)
        value.backward()
        assert value.item() == 0.0
        assert torch.equal(leaf.grad, torch.zeros_like(x))
        assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in loss.parameters())


def test_no_classes_at_all():
    # A shard may be empty.
    x = data()[0].requires_grad_()
    weight = torch.empty(0, 4, dtype=torch.float64, requires_grad=True)
    scores = class_scores(x, weight, torch.full((7,), -1))
    scores.target.sum().backward()
    assert scores.rest.tolist() == [-math.inf] * 7
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_zero_weights_have_no_direction_and_finite_gradients():
    x, weight, labels = data()
    weight[[2, 5]] = 0.0
    labels[0] = 2
    compare(x, weight, labels, chunk=3, parts=("target", "rest"), **UNIT)
    weight = weight.float().requires_grad_()
    scores = class_scores(x.float(), weight, labels, **UNIT)
    (scores.rest - scores.target).sum().backward()
    assert torch.isfinite(weight.grad).all()


@pytest.mark.parametrize(("of_x", "of_weight"), [(torch.float64, torch.float32), (torch.float32, torch.float64)])
def test_weights_of_another_precision(of_x, of_weight):
    x, weight, labels = data()
    bias = torch.linspace(-1, 1, 11, dtype=of_weight)
    rtol = 1e-5 if of_x == torch.float32 else 1e-6  # gradients are rounded to the weights' precision
    compare(x.to(of_x), weight.to(of_weight), labels, rtol=rtol, chunk=3, parts=("target", "rest"), **UNIT)
    compare(x.to(of_x), weight.to(of_weight), labels, rtol=rtol, chunk=3, bias=bias, **PLAIN)


@pytest.mark.parametrize("frozen", ["x", "weight", "bias"])
def test_what_is_frozen_gets_no_gradient_and_the_rest_its_own(frozen):
    x, weight, labels = data()
    given = {"x": x, "weight": weight, "bias": torch.linspace(-1, 1, 11, dtype=torch.float64)}
    gradients = []
    for names in (set(given), set(given) - {frozen}):
        leaves = {k: v.clone().requires_grad_(k in names) for k, v in given.items()}
        scores = class_scores(leaves["x"], leaves["weight"], labels, unit=False, bias=leaves["bias"], chunk=3)
        (scores.rest - scores.target + scores.mean).sum().backward()
        gradients.append({k: v.grad for k, v in leaves.items()})
    assert gradients[1].pop(frozen) is None
    for name, gradient in gradients[1].items():
        assert torch.equal(gradient, gradients[0][name])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_backward_within_autocast_stays_in_full_precision(dtype):
    x, weight, labels = (v.float() if v.is_floating_point() else v for v in data())
    gradients = []
    for enabled in (False, True):
        a, b = x.clone().requires_grad_(), weight.clone().requires_grad_()
        scores = class_scores(a, b, labels, **UNIT)
        with torch.autocast("cpu", dtype, enabled=enabled):
            (scores.rest - scores.target).sum().backward()
        gradients.append((a.grad, b.grad))
    for plain, cast in zip(*gradients, strict=True):
        assert torch.equal(plain, cast)


def test_backward_may_be_repeated():
    x, weight, labels = data()
    x.requires_grad_()
    value = class_scores(x, weight, labels, **UNIT).rest.sum()
    (first,) = torch.autograd.grad(value, x, retain_graph=True)
    assert torch.equal(torch.autograd.grad(value, x)[0], first)


def test_scores_past_what_exp_can_hold():
    x, weight, labels = data()
    for scale in (1e3, 1e5):
        compare(x, weight, labels, rtol=1e-9, unit=True, scale=scale, chunk=3, parts=("target", "rest"))
        # A running maximum that rises chunk by chunk, and one that falls.
        for order in (1, -1):
            ramp = torch.linspace(-5, 5, 11, dtype=torch.float64)[:, None] * order
            compare(x.abs(), ramp.expand(11, 4), labels, unit=False, scale=scale, chunk=2, parts=("target", "rest"))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["x", "weight"])
def test_what_is_no_number_shows(bad, where):
    x, weight, labels = data()
    (x if where == "x" else weight)[1, 1] = bad
    scores = class_scores(x, weight, labels, unit=False, chunk=3)
    assert not torch.isfinite(scores.rest - scores.target).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_fifty_thousand_classes_in_float32(smoothing):
    # Against torch's cross-entropy in float64; torch's own in float32 is off by up to 3e-5 here.
    generator = torch.Generator().manual_seed(3)
    x, classes = torch.randn(16, 32, generator=generator), 50_000
    labels = torch.randint(0, classes, (16,), generator=generator)
    loss = SoftmaxLoss(classes, 32, smoothing)
    given = (x, *(torch.randn(p.shape, generator=generator) for p in loss.parameters()))
    ours, theirs = ([v.to(dtype).requires_grad_() for v in given] for dtype in (torch.float32, torch.float64))
    found = torch.func.functional_call(
        loss, {"classifier.weight": ours[1], "classifier.bias": ours[2]}, (ours[0], labels)
    )
    logits = theirs[0] @ theirs[1].T + theirs[2]
    expected = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    gradients = zip(torch.autograd.grad(found, ours), torch.autograd.grad(expected, theirs), strict=True)
    for one, other in gradients:
        assert (one - other).abs().max() <= 5e-6 * other.abs().max()


LOSSES = {
    "softmax": lambda c, d: SoftmaxLoss(c, d, 0.1),
    "arcface": ArcFaceLoss,
    "curricular": CurricularFaceLoss,
    "subcenters": lambda c, d: SubCenterArcFaceLoss(c, d, subcenters=2),
    "proxy anchor": ProxyAnchorLoss,
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_logits_are_never_held(name, watch_largest):
    n, classes, d = 512, 20_000, 4
    loss, labels = LOSSES[name](classes, d), torch.arange(n)
    x = torch.randn(n, d, requires_grad=True)
    saved = []

    def keep(value):
        saved.append(value.numel())
        return value

    with watch_largest() as largest, torch.autograd.graph.saved_tensors_hooks(keep, lambda v: v):
        loss(x, labels).backward()
    # One chunk of scores, or the weights' gradient; a forty-eighth and a hundredth of all logits.
    allowed = max(1 << 18, 2 * 128 * n, sum(p.numel() for p in loss.parameters()))
    assert largest.numbers <= allowed < n * classes / 30
    assert sum(saved) <= 2 * sum(p.numel() for p in loss.parameters()) + 10 * n * d
    with watch_largest() as naive:  # the same measure sees what it should
        x @ torch.randn(d, classes)
    assert naive.numbers == n * classes
