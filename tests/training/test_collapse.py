"""The monitor against its definitions, and where it must and must not speak: trainings on scikit-learn's digits."""

import json
import math

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from lookalike.datasets import IdentityBatches
from lookalike.errors import InputError
from lookalike.losses import CenterLoss, CrossBatchMemory, JointLoss, SoftmaxLoss, TripletLoss
from lookalike.training.collapse import CollapseMonitor, measure_embeddings

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


def test_mean_similarity_is_over_pictures_of_different_identities():
    torch.manual_seed(0)
    x, labels = torch.randn(9, 5), torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
    pairs = [
        functional.cosine_similarity(x[i], x[j], dim=0).item()
        for i in range(9)
        for j in range(9)
        if labels[i] != labels[j]
    ]
    assert measure_embeddings(x * 7, labels).mean_similarity == pytest.approx(sum(pairs) / len(pairs), abs=1e-6)
    assert math.isnan(measure_embeddings(x, torch.zeros(9, dtype=torch.int64)).mean_similarity)


def test_effective_rank_counts_the_dimensions_that_vary():
    circle = torch.linspace(0, 2 * math.pi, 101)[:-1]
    plane = torch.stack([circle.cos(), circle.sin(), 0 * circle], dim=1)
    labels = torch.arange(100)
    assert measure_embeddings(plane, labels).effective_rank == pytest.approx(2)
    line = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]] * 4)
    assert measure_embeddings(line, torch.arange(8)).effective_rank == pytest.approx(1)
    assert measure_embeddings(torch.ones(8, 3), torch.arange(8)).effective_rank == 0
    torch.manual_seed(0)
    isotropic = measure_embeddings(torch.randn(4000, 8), torch.arange(4000))
    assert isotropic.effective_rank == pytest.approx(8, rel=0.01)
    assert isotropic.possible_rank == 8
    assert measure_embeddings(torch.randn(10, 8), torch.arange(10) // 5).possible_rank == 1


def test_patience_and_skip():
    point, spread, labels = torch.ones(6, 3), torch.eye(6, 3) - torch.eye(6, 3).flip(0), torch.arange(6) // 2
    monitor = CollapseMonitor(patience=2, skip=1)
    said = []
    for x in (point, point, spread, point, point, point):
        monitor.observe(x, labels)
        said.append(len(monitor.warnings()))
    # The first does not count, the second stands alone, and what was said is not repeated.
    assert said == [0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_no_numbers_are_said_at_once(bad):
    x = torch.randn(6, 3)
    x[2, 1] = bad
    monitor = CollapseMonitor(patience=5, skip=5)
    assert not monitor.observe(x, torch.arange(6) // 2).finite
    assert "NaN or infinity" in monitor.warnings()[0]


def test_flat_embeddings_are_said():
    torch.manual_seed(0)
    x = torch.randn(40, 1) * torch.randn(1, 64) + 0.001 * torch.randn(40, 64)
    monitor = CollapseMonitor(patience=1)
    monitor.observe(x, torch.arange(40) // 2)
    assert "they spread over 1.0 of 19 dimensions" in monitor.warnings()[0]


def test_a_log_goes_through_json_and_back_without_saying_it_again():
    first, labels = CollapseMonitor(TripletLoss(mining="hard"), patience=1), torch.arange(6) // 2
    first.loss(torch.ones(6, 3), labels)
    entries = [first.entry(first.observe(torch.ones(6, 3), each)) for each in (labels, labels * 0)]
    assert entries[0]["active_share"] == 1.0
    assert entries[1]["mean_similarity"] is None
    said = first.warnings()
    second = CollapseMonitor(TripletLoss(mining="hard"), patience=1)
    second.resume([{"epoch": 1, "loss": 0.2}, *json.loads(json.dumps(entries))])
    second.observe(torch.ones(6, 3), labels)
    assert second.warnings() == []
    assert len(said) <= 1


def test_idle_triplets_are_said():
    x, labels = torch.eye(6)[[0, 0, 1, 1, 2, 2]], torch.arange(6) // 2
    monitor = CollapseMonitor(TripletLoss(0.2, "all"), patience=2)
    for _ in range(2):
        monitor.loss(x, labels)
        monitor.observe(x, labels)
    assert "no triplet is active any more" in monitor.warnings()[0]


@pytest.mark.parametrize(
    ("loss", "cause"),
    [
        (TripletLoss(mining="hard"), "use semihard, at least at first"),
        (CrossBatchMemory(TripletLoss(mining="hard"), 3), "use semihard, at least at first"),
        (CenterLoss(3, 3), "give it beside a softmax"),
        (TripletLoss(mining="easy"), "easy triplets are never active"),
        (SoftmaxLoss(3, 3), "learning rate is likely too high"),
        (None, "learning rate is likely too high"),
    ],
)
def test_the_likely_cause_depends_on_the_loss(loss, cause):
    monitor = CollapseMonitor(loss, patience=1)
    monitor.observe(torch.ones(6, 3), torch.arange(6) // 2)
    assert cause in monitor.warnings()[0]


@pytest.mark.parametrize(("patience", "skip"), [(0, 0), (1, -1)])
def test_unusable_settings(patience, skip):
    with pytest.raises(InputError, match="expected at least 1 and at least 0"):
        CollapseMonitor(patience=patience, skip=skip)
    with pytest.raises(InputError, match=r"expected \(B, d\) and \(B,\)"):
        measure_embeddings(torch.ones(3), torch.ones(3))


# On real trainings. What they come to differs a little from processor to processor, and does not matter: over seeds 0
# to 2, with torch's plainest instructions and with AVX-512, collapsed embeddings have a mean similarity of 0.9998 or
# more, and all others one of 0.02 or less.


def trained(loss, seed, unit=True, normalised=False, epochs=12, rate=0.1):
    """What the monitor says of a small network on the digits, and its last observation."""
    data = load_digits()
    x, y = torch.tensor(data.data / 16, dtype=torch.float32), data.target.astype("int64")
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 16))
    net.append(nn.BatchNorm1d(16) if normalised else nn.Identity())  # as our backbones end
    optimizer = torch.optim.SGD([*net.parameters(), *loss.parameters()], lr=rate, momentum=0.9)
    batches, monitor = IdentityBatches(y, 10, 12, seed), CollapseMonitor(loss, skip=epochs // 5)
    said = []
    for epoch in range(epochs):
        for positions in batches.epoch(epoch):
            embeddings = net(x[positions])
            embeddings = functional.normalize(embeddings) if unit else embeddings
            labels = torch.from_numpy(y[positions])
            optimizer.zero_grad()
            loss(embeddings, labels).backward()
            optimizer.step()
        health = monitor.observe(embeddings, labels)
        said += monitor.warnings()
    return said, health


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_fires_on_hard_only_mining_and_not_on_semihard(seed):
    said, health = trained(TripletLoss(0.2, "hard"), seed)
    assert health.mean_similarity > 0.95
    assert "collapse to one point" in said[0]
    assert "use semihard" in said[0]
    said, health = trained(TripletLoss(0.2, "semihard"), seed)
    assert said == []
    assert health.mean_similarity < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_fires_on_center_loss_alone_and_not_beside_softmax(seed):
    said, health = trained(CenterLoss(10, 16, weight=1.0), seed, unit=False, normalised=True, epochs=80)
    assert "center loss alone" in said[0]
    assert health.mean_similarity > 0.95
    joint = JointLoss(SoftmaxLoss(10, 16), CenterLoss(10, 16, weight=0.1))
    said, health = trained(joint, seed, unit=False, normalised=True)
    assert said == []
    assert health.mean_similarity < 0.6
