import torch

from lookalike.samples.digits import divided_digits


def rows(pictures):
    return {tuple(row) for row in pictures.tolist()}


def test_every_digit_is_learned_from_or_held_out_and_none_is_both():
    digits = divided_digits(0)
    assert digits.pictures.shape == (1198, 64)
    assert digits.held_out.shape == (599, 64)
    assert digits.pictures.min() == 0
    assert digits.pictures.max() == 1
    assert not rows(digits.pictures) & rows(digits.held_out)
    for labels in (digits.labels, digits.held_out_labels):
        assert labels.unique().tolist() == list(range(10))
        assert labels.bincount().min() > len(labels) / 20


def test_the_seed_decides_the_split():
    assert torch.equal(divided_digits(1).held_out, divided_digits(1).held_out)
    assert not torch.equal(divided_digits(1).held_out, divided_digits(2).held_out)
