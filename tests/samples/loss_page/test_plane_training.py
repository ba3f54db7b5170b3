import dataclasses
import math

import numpy as np
import pytest
import torch

from lookalike.errors import TrainingDiverged
from lookalike.samples.digits import divided_digits
from lookalike.samples.loss_page.panels import PANELS
from lookalike.samples.loss_page.plane_training import measure, train_panel, unit

pytestmark = pytest.mark.network

SOFTMAX = PANELS[0]


def ten_groups(radius=1.0, spread=0.0, each=6, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(10), each)
    angles = labels * 2 * math.pi / 10
    places = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return places + spread * random.standard_normal(places.shape), labels


def slow_similarity(x):
    pairs = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    return np.mean([x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j]) for i, j in pairs])


@pytest.mark.parametrize("by_direction", [False, True])
def test_measures_are_what_their_definitions_say(by_direction):
    x, labels = ten_groups(3.0, 0.4)
    learned, learned_labels = ten_groups(3.0, 0.4, seed=1)
    found = measure(x, labels, learned, learned_labels, by_direction=by_direction)
    if by_direction:
        x, learned = unit(x), unit(learned)
    means = [x[labels == digit].mean(axis=0) for digit in range(10)]
    theirs = [learned[learned_labels == digit].mean(axis=0) for digit in range(10)]
    nearest = [min(range(10), key=lambda digit: np.linalg.norm(row - theirs[digit])) for row in x]
    assert found.accuracy == np.mean(nearest == labels)
    assert 0.5 < found.accuracy < 1
    assert found.mean_similarity == pytest.approx(slow_similarity(x))
    own = [np.linalg.norm(row - means[label]) ** 2 for row, label in zip(x, labels, strict=True)]
    assert found.within == pytest.approx(math.sqrt(np.mean(own)))
    assert found.between == pytest.approx(
        math.sqrt(np.mean([np.linalg.norm(m - np.mean(means, axis=0)) ** 2 for m in means]))
    )
    directions = [unit(unit(x)[labels == digit].mean(axis=0, keepdims=True))[0] for digit in range(10)]
    angles = [
        math.degrees(math.acos(min(1, row @ directions[label] / np.linalg.norm(row))))
        for row, label in zip(x, labels, strict=True)
    ]
    assert found.degrees == pytest.approx(np.median(angles))
    between = [math.degrees(math.acos(directions[i] @ directions[j])) for i in range(10) for j in range(i)]
    assert found.closest == pytest.approx(min(between))
    assert not found.collapsed


def test_one_direction_is_a_collapse_and_ten_are_none():
    groups, labels = ten_groups()
    tight = measure(groups, labels, groups, labels, by_direction=False)
    assert (tight.accuracy, tight.collapsed) == (1, False)
    assert tight.within == pytest.approx(0, abs=1e-12)
    for everywhere in (np.ones_like(groups), np.zeros_like(groups), 100 + groups):
        assert measure(everywhere, labels, everywhere, labels, by_direction=False).collapsed


def test_a_change_of_scale_alters_neither_share_nor_angle():
    x, labels = ten_groups(3.0, 0.4)
    a, b = (measure(s * x, labels, s * x, labels, by_direction=False) for s in (1, 250))
    assert (b.share_within, b.degrees) == pytest.approx((a.share_within, a.degrees))
    assert b.within == pytest.approx(250 * a.within)


def test_tiny_angles_are_not_lost_in_the_cosine():
    _, labels = ten_groups()
    angles = 1 + 1e-9 * np.tile([-1.0, 1.0], len(labels) // 2)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = measure(x, labels, x, labels, by_direction=True)
    assert found.degrees == pytest.approx(math.degrees(1e-9), rel=1e-3)


def test_the_same_seed_gives_the_same_and_leaves_torch_as_it_was():
    digits, told = divided_digits(0), []
    torch.manual_seed(5)
    expected = torch.rand(1)
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    first = train_panel(SOFTMAX, digits, 3, epochs=2, progress=told.append)
    assert torch.rand(1) == expected
    assert torch.get_num_threads() == threads
    assert told == [1, 2]
    again, other = (train_panel(SOFTMAX, digits, seed, epochs=2) for seed in (3, 4))
    assert np.array_equal(first.embeddings, again.embeddings)
    assert first.measures == again.measures
    assert first.loss == again.loss
    assert not np.array_equal(first.embeddings, other.embeddings)


def test_a_few_epochs_learn_something():
    trained = train_panel(SOFTMAX, divided_digits(0), epochs=15)
    assert trained.embeddings.shape == (599, 2)
    assert trained.measures.accuracy > 0.4  # 0.83 here; 0.1 by chance
    assert trained.centers is None
    angular = next(panel for panel in PANELS if panel.name == "ArcFace")
    assert train_panel(angular, divided_digits(0), epochs=1).centers.shape == (10, 2)


def test_a_network_that_leaves_the_numbers_is_refused():
    digits = divided_digits(0)
    broken = dataclasses.replace(digits, held_out=digits.held_out * float("inf"))
    with pytest.raises(TrainingDiverged, match="Softmax left the finite numbers with seed 0; choose another --seed"):
        train_panel(SOFTMAX, broken, epochs=1)
