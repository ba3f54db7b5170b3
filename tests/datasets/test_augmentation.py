"""Random changes that stay pictures, stay true to shape, and come again from the same seed."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lookalike.datasets.augmentation import Augmentation

OFF = {"flip": False, "rotation": 0, "zoom": 0, "shift": 0, "brightness": 0, "contrast": 0, "erase": 0}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny tensors: a second thread would wait longer than it works
    yield
    torch.set_num_threads(before)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(n=4, c=3, h=16, w=12, seed=1):
    return torch.rand(n, c, h, w, generator=seeded(seed))


def only(**change):
    return Augmentation(**{**OFF, **change})


def disc(h, w, radius, at=(0.0, 0.0)):
    """A white disc with a soft edge on black, its center `at` (rows, columns) from the middle, in pixels."""
    y = torch.arange(h)[:, None] - (h - 1) / 2 - at[0]
    x = torch.arange(w)[None, :] - (w - 1) / 2 - at[1]
    return (radius + 0.5 - (y**2 + x**2).sqrt()).clamp(0, 1)[None, None]


def moments(picture):
    """Center (rows, columns) and the second moments of the brightness."""
    p = picture[0, 0].double()
    y, x = torch.meshgrid(torch.arange(p.shape[0]).double(), torch.arange(p.shape[1]).double(), indexing="ij")
    total = p.sum()
    cy, cx = (p * y).sum() / total, (p * x).sum() / total
    return (
        (cy - (p.shape[0] - 1) / 2, cx - (p.shape[1] - 1) / 2),
        ((p * (y - cy) ** 2).sum() / total, (p * (x - cx) ** 2).sum() / total, (p * (y - cy) * (x - cx)).sum() / total),
    )


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 3),
    c=st.sampled_from([1, 3]),
    h=st.integers(1, 20),
    w=st.integers(1, 20),
    seed=st.integers(0, 999),
    strong=st.booleans(),
)
def test_shape_and_range_are_kept(n, c, h, w, seed, strong):
    batch = noise(n, c, h, w, seed)
    before = batch.clone()
    most = {"rotation": 180, "zoom": 0.9, "shift": 0.9, "brightness": 1, "contrast": 0.9, "erase": 1} if strong else {}
    found = Augmentation(**most)(batch, seeded(seed))
    assert found.shape == batch.shape
    assert found.dtype == torch.float32
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(batch, before)  # a new batch: the pictures in memory serve every epoch


def test_the_generator_alone_decides():
    batch = noise()
    assert torch.equal(Augmentation()(batch, seeded(3)), Augmentation()(batch, seeded(3)))
    assert not torch.equal(Augmentation()(batch, seeded(3)), Augmentation()(batch, seeded(4)))
    torch.manual_seed(5)
    first = Augmentation()(batch, seeded(3))
    torch.manual_seed(6)  # the global generator has no say
    assert torch.equal(first, Augmentation()(batch, seeded(3)))
    generator = seeded(3)
    assert not torch.equal(Augmentation()(batch, generator), Augmentation()(batch, generator))


def test_pictures_of_one_batch_are_changed_differently():
    one = noise(1)
    found = Augmentation()(one.repeat(8, 1, 1, 1), seeded())
    assert len({picture.sum().item() for picture in found}) == 8


@pytest.mark.parametrize(("h", "w"), [(16, 12), (12, 16), (1, 5), (64, 80)])
def test_everything_off_changes_nothing(h, w):
    batch = noise(h=h, w=w)
    torch.testing.assert_close(Augmentation(**OFF)(batch, seeded()), batch, rtol=0, atol=1e-5)


def test_flips_mirror_left_to_right_and_half_of_the_pictures():
    batch = noise(200)
    found = only(flip=True)(batch, seeded())
    kept = (found - batch).abs().amax(dim=(1, 2, 3)) < 1e-4
    mirrored = (found - batch.flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert (kept ^ mirrored).all()
    assert 70 < int(mirrored.sum()) < 130


@pytest.mark.parametrize(("h", "w"), [(100, 80), (80, 100), (88, 88)])
@pytest.mark.parametrize("flip", [False, True])
def test_rotation_keeps_a_circle_round_and_a_distance_the_same(h, w, flip):
    # grid_sample thinks in a square; without the aspect put right, a face would be sheared as it turns.
    # The disc lies so near the middle that its reflection beyond the edge is never turned into sight.
    batch = disc(h, w, 6, at=(0, 8)).repeat(30, 1, 1, 1)
    found = only(rotation=180, flip=flip)(batch, seeded())
    angles = []
    for picture in found[:, None]:
        (cy, cx), (yy, xx, xy) = moments(picture)
        assert math.hypot(cy, cx) == pytest.approx(8, abs=0.05)
        assert yy == pytest.approx(float(xx), rel=0.03)
        assert float(xy) == pytest.approx(0, abs=0.03 * float(xx))
        angles.append(math.degrees(math.atan2(cy, cx)))
    assert min(angles) < -90  # and it does turn, both ways
    assert max(angles) > 90


def test_rotation_stays_within_its_degrees():
    found = only(rotation=20)(disc(60, 40, 4, at=(0, 12)).repeat(100, 1, 1, 1), seeded())
    angles = [math.degrees(math.atan2(*moments(picture)[0])) for picture in found[:, None]]
    assert -20.5 < min(angles) < -17
    assert 17 < max(angles) < 20.5


def test_zoom_changes_both_sides_alike_within_its_share():
    found = only(zoom=0.2)(disc(60, 40, 8).repeat(100, 1, 1, 1), seeded())
    area = math.pi * 8**2
    sizes = []
    for picture in found[:, None]:
        _, (yy, xx, _) = moments(picture)
        assert yy == pytest.approx(float(xx), rel=0.03)
        sizes.append(math.sqrt(float(picture.sum()) / area))
    assert 0.82 < min(sizes) < 0.87
    assert 1.2 < max(sizes) < 1.26  # sampled 0.8 to 1.2 times as wide


def test_shift_is_a_share_of_each_side():
    found = only(shift=0.1)(disc(60, 40, 4).repeat(300, 1, 1, 1), seeded())
    centers = torch.tensor([[float(v) for v in moments(picture)[0]] for picture in found[:, None]])
    assert centers.abs().amax(dim=0).tolist() == pytest.approx([6.0, 4.0], abs=0.15)
    assert centers.abs().amax(dim=0)[0] <= 6.05
    assert centers.mean(dim=0).abs().max() < 0.6


def test_brightness_adds_and_contrast_stretches_about_the_mean():
    batch = 0.4 + 0.2 * noise(200)
    mean = batch.mean(dim=(1, 2, 3))
    brighter = only(brightness=0.3)(batch, seeded())
    added = brighter.mean(dim=(1, 2, 3)) - mean
    torch.testing.assert_close(brighter, batch + added[:, None, None, None], rtol=0, atol=1e-5)
    assert 0.28 < added.abs().max() <= 0.3 + 1e-5
    stretched = only(contrast=0.5)(batch, seeded())
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), mean, rtol=0, atol=1e-5)
    gain = stretched.std(dim=(1, 2, 3)) / batch.std(dim=(1, 2, 3))
    assert 0.5 - 1e-4 <= gain.min() < 0.55
    assert 1.45 < gain.max() <= 1.5 + 1e-4


def test_erasing_puts_a_rectangle_of_mean_grey():
    batch = noise(200, h=40, w=30)
    found = only(erase=0.25)(batch, seeded())
    changed = (found - batch).abs().amax(dim=1) > 1e-4
    hit = changed.flatten(1).any(dim=1)
    assert 25 < int(hit.sum()) < 75
    for picture, original, where in zip(found[hit], batch[hit], changed[hit], strict=True):
        rows, columns = where.any(dim=1).nonzero().flatten(), where.any(dim=0).nonzero().flatten()
        box = picture[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        torch.testing.assert_close(box, original.mean().expand_as(box), rtol=0, atol=1e-4)
        assert len(rows) <= 0.4 * 40 + 1
        assert len(columns) <= 0.4 * 30 + 1
    assert torch.equal(only(erase=0.0)(batch, seeded()), only()(batch, seeded()))


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": -1},
        {"rotation": 181},
        {"zoom": 1},
        {"shift": -0.1},
        {"brightness": 2},
        {"contrast": 1},
        {"erase": 1.1},
        {"rotaton": 3},
        {"zoom": float("nan")},
        {"flip": "maybe"},
    ],
)
def test_settings_out_of_range_or_misspelt_are_refused(change):
    with pytest.raises(ValidationError):
        Augmentation(**change)
