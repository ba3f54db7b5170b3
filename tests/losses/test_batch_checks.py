"""What every loss demands of its batch."""

import numpy as np
import pytest
import torch

from lookalike.errors import VectorError
from lookalike.losses.batch_checks import check_batch, check_classes


@pytest.mark.parametrize(
    ("given", "returned"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_half_precision_is_widened_and_stays_differentiable(given, returned):
    embeddings = torch.randn(3, 2).to(given).requires_grad_()
    ready = check_batch(embeddings, torch.tensor([0, 1, 2**40]))
    assert ready.dtype == returned
    ready.sum().backward()
    assert torch.equal(embeddings.grad, torch.ones_like(embeddings))


@pytest.mark.parametrize(
    ("embeddings", "labels", "said"),
    [
        (np.zeros((2, 3), np.float32), torch.zeros(2, dtype=torch.int64), "embeddings are a ndarray"),
        (torch.zeros(2, 3), [0, 1], "labels are a list"),
        (torch.zeros(6), torch.zeros(6, dtype=torch.int64), r"expected \(B, d\) floats"),
        (torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), r"expected \(B, d\) floats"),
        (torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64), r"expected \(2,\) int64, one per embedding"),
        (torch.zeros(2, 3), torch.zeros(2), r"expected \(2,\) int64"),
        (torch.zeros(2, 3), torch.zeros(2, dtype=torch.int32), r"expected \(2,\) int64"),
        (torch.zeros(2, 3), torch.zeros(2, 1, dtype=torch.int64), r"expected \(2,\) int64"),
    ],
)
def test_wrong_kinds_are_said(embeddings, labels, said):
    with pytest.raises(VectorError, match=said):
        check_batch(embeddings, labels)


def test_sizes_and_classes():
    labels = torch.tensor([0, 4])
    assert check_batch(torch.zeros(2, 3), labels, 3).shape == (2, 3)
    with pytest.raises(VectorError, match="3 dimensions; this loss was made for 4"):
        check_batch(torch.zeros(2, 3), labels, 4)
    check_classes(labels, 5)
    for bad in (torch.tensor([0, 5]), torch.tensor([-1, 0])):
        with pytest.raises(VectorError, match=r"this loss has 5 classes, numbered 0 to 4"):
            check_classes(bad, 5)
    with pytest.raises(VectorError, match="the batch is empty"):
        check_classes(torch.empty(0, dtype=torch.int64), 5)
