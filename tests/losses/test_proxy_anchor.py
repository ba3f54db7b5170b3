"""Proxy-anchor loss against its equation, one proxy at a time."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning import losses as pml_losses

from lookalike.errors import InputError
from lookalike.losses import ProxyAnchorLoss, proxy_anchor


def oracle(x, proxies, labels, margin=0.1, scale=32.0):
    """Kim et al., equation 4."""
    ids = labels.tolist()
    pulls, pushes = [], []
    for c, proxy in enumerate(proxies):
        s = [(row @ proxy) / (row.norm() * proxy.norm()) for row in x]
        own = [torch.exp(-scale * (v - margin)) for v, label in zip(s, ids, strict=True) if label == c]
        others = [torch.exp(scale * (v + margin)) for v, label in zip(s, ids, strict=True) if label != c]
        if own:
            pulls.append(torch.log(1 + sum(own)))
        pushes.append(torch.log(1 + sum(others)) if others else x.new_zeros(()))
    return sum(pulls) / len(pulls) + sum(pushes) / len(pushes)


def data(n=9, classes=5, d=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, classes, (n,), generator=generator)


def assert_same(loss, x, labels, of=None, rtol=1e-9):
    loss = loss.double()
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    proxies = loss.centers.detach().clone().requires_grad_()
    loss.zero_grad()
    found = loss(a, labels)
    expected = (of or (lambda x, p, y: oracle(x, p, y, loss.margin, loss.scale)))(b, proxies, labels)
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=rtol)
    torch.testing.assert_close(a.grad, b.grad, rtol=rtol, atol=1e-11)
    torch.testing.assert_close(loss.centers.grad, proxies.grad, rtol=rtol, atol=1e-11)


@pytest.mark.parametrize("margin", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("scale", [1.0, 32.0])
def test_it_is_its_definition(margin, scale):
    torch.manual_seed(0)
    assert_same(ProxyAnchorLoss(5, 4, margin, scale), *data())


@given(seed=st.integers(0, 2**31), n=st.integers(1, 8), classes=st.integers(1, 6))
def test_random_batches(seed, n, classes):
    torch.manual_seed(seed)
    assert_same(ProxyAnchorLoss(classes, 3), *data(n, classes, 3, seed))


@pytest.mark.parametrize("labels", [[0] * 4, [0, 1, 2, 3], [4, 4, 0, 4]])
def test_lopsided_batches(labels):
    assert_same(ProxyAnchorLoss(5, 4), data(4)[0], torch.tensor(labels))


@pytest.mark.parametrize("classes", [127, 128, 129, 300])
def test_chunks_do_not_matter(monkeypatch, classes):
    x, labels = data(6, classes)
    labels[:2] = torch.tensor([0, classes - 1])
    monkeypatch.setattr(proxy_anchor, "_CHUNK_NUMBERS", {"cpu": 1})  # so 128 proxies at a time
    assert_same(ProxyAnchorLoss(classes, 4), x, labels)


@pytest.mark.parametrize("seed", range(3))
def test_pytorch_metric_learning_agrees(seed):
    # Theirs begins with other proxies, of the same distribution; nothing else differs.
    torch.manual_seed(seed)
    theirs = pml_losses.ProxyAnchorLoss(5, 4, margin=0.1, alpha=32)
    ours = ProxyAnchorLoss(5, 4)
    del theirs._parameters["proxies"]
    theirs.cast_types = lambda dtype, device: None

    def of(x, proxies, labels):
        theirs.proxies = proxies
        return theirs(x, labels)

    assert_same(ours, *data(20, seed=seed), of, rtol=1e-8)


def test_gradcheck():
    x, labels = data()
    loss = ProxyAnchorLoss(5, 4, scale=4.0).double()

    def of(embeddings, centers):
        return torch.func.functional_call(loss, {"centers": centers}, (embeddings, labels))

    assert torch.autograd.gradcheck(of, (x.requires_grad_(), loss.centers.detach().requires_grad_()))


def test_lengths_do_not_matter():
    x, labels = data()
    loss = ProxyAnchorLoss(5, 4).double()
    expected = loss(x, labels).item()
    with torch.no_grad():
        loss.centers.mul_(100)
    assert loss(0.01 * x, labels).item() == pytest.approx(expected, rel=1e-12)


def test_proxies_of_float32_under_embeddings_of_float64():
    x, labels = data()
    loss = ProxyAnchorLoss(5, 4)
    value = loss(x, labels)
    value.backward()
    assert value.dtype == torch.float64
    assert loss.centers.grad.dtype == torch.float32
    assert value.item() == pytest.approx(oracle(x, loss.centers.double(), labels).item(), rel=1e-12)


def test_exponents_past_float32_do_not_overflow():
    loss = ProxyAnchorLoss(2, 2, margin=0.5, scale=1e4)
    with torch.no_grad():
        loss.centers.copy_(torch.eye(2))
    x = torch.tensor([[0.0, 1.0]], requires_grad=True)
    value = loss(x, torch.tensor([0]))
    value.backward()
    # Own proxy at s = 0: α δ; the other's at s = 1: α (1 + δ), over two classes.
    assert value.item() == pytest.approx(1e4 * 0.5 + 1e4 * 1.5 / 2, rel=1e-6)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 0}, "both start at 1"),
        ({"embedding_size": -1}, "both start at 1"),
        ({"margin": -0.1}, "margin is -0.1 and scale 32.0; expected 0 to 2, and finite and above 0"),
        ({"margin": 2}, "margin is 2"),
        ({"margin": math.nan}, "margin is nan"),
        ({"scale": 0}, "scale 0"),
        ({"scale": math.inf}, "scale inf"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(InputError, match=message):
        ProxyAnchorLoss(**{"num_classes": 3, "embedding_size": 2} | options)
