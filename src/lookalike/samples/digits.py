"""Handwritten digits: a real data set that every installation already holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["CLASSES", "SIDE", "Digits", "divided_digits"]

CLASSES = 10
#: Pixels of a picture's edge.
SIDE = 8
#: Share of the pictures that is learned from.
_LEARNED = 2 / 3


@dataclass(frozen=True)
class Digits:
    """Pictures `(n, 64)` float32 in [0, 1] and their digits `(n,)` int64: to learn from, and held out."""

    pictures: Tensor
    labels: Tensor
    held_out: Tensor
    held_out_labels: Tensor


def divided_digits(seed: int = 0) -> Digits:
    """The 1,797 digits of scikit-learn, 8 × 8 grey levels each, two thirds of them to learn from.

    The same digit occurs on both sides, as in the pictures of Wen et al. (2016) that this is to show; nothing is said
    here about classes never seen.

    Source: Alpaydin, Kaynak, "Optical Recognition of Handwritten Digits", UCI repository, 1998 (its test part).

    Args:
        seed: decides which pictures are held out.

    Example:
        >>> divided_digits().held_out.shape
        torch.Size([599, 64])
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(seed).permutation(len(bunch.target))
    pictures = torch.from_numpy(bunch.data[order] / 16).float()
    labels = torch.from_numpy(bunch.target[order].astype(np.int64))
    learned = int(len(order) * _LEARNED)
    return Digits(pictures[:learned], labels[:learned], pictures[learned:], labels[learned:])
