"""Rows of several threads are embedded together; each gets its own, and its own error."""

import threading

import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.service.micro_batches import MicroBatches, micro_batched


def rows(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def test_one_alone_is_embedded_at_once():
    batches = MicroBatches(lambda pixels: pixels.reshape(len(pixels), 1).astype(np.float32))
    np.testing.assert_array_equal(batches(rows(3, 4)), [[3], [4]])
    assert (batches.calls, batches.rows) == (1, 2)


def test_what_comes_meanwhile_is_embedded_together():
    begun, go_on = threading.Event(), threading.Event()
    sizes = []

    def embed(pixels):
        sizes.append(len(pixels))
        if len(sizes) == 1:
            begun.set()
            assert go_on.wait(10)
        return pixels.reshape(len(pixels), 1).astype(np.float32) * 2

    batches, found = MicroBatches(embed, most=8), {}
    first = threading.Thread(target=lambda: found.update({0: batches(rows(0))}))
    first.start()
    assert begun.wait(10)
    others = [threading.Thread(target=lambda n=n: found.update({n: batches(rows(n, n))})) for n in range(1, 7)]
    for one in others:
        one.start()
    while len(batches._waiting) < 6:  # all stand in line
        pass
    go_on.set()
    for one in (first, *others):
        one.join(10)
    assert sizes[0] == 1
    assert sum(sizes) == 13
    assert max(sizes) == 8  # four of the six at once, and the others in the next batch
    assert len(sizes) == 3
    for n in range(1, 7):
        np.testing.assert_array_equal(found[n], [[2 * n], [2 * n]])


def test_an_error_reaches_only_whose_rows_it_is():
    held = threading.Event()

    def embed(pixels):
        assert held.wait(10)
        if (pixels == 13).any():
            raise InputError("13 was given")
        return pixels.reshape(len(pixels), 1).astype(np.float32)

    batches, found = MicroBatches(embed), {}

    def ask(n):
        try:
            found[n] = batches(rows(n)).item()
        except InputError as error:
            found[n] = str(error)

    threads = [threading.Thread(target=ask, args=(n,)) for n in (11, 12, 13, 14)]
    for one in threads:
        one.start()
    while len(batches._waiting) < 3:
        pass
    held.set()
    for one in threads:
        one.join(10)
    assert found == {11: 11.0, 12: 12.0, 13: "13 was given", 14: 14.0}


def test_rows_of_another_shape_wait_for_their_own_batch():
    batches = MicroBatches(lambda pixels: pixels.reshape(len(pixels), -1).astype(np.float32).sum(1, keepdims=True))
    threads, found = [], {}
    for n, size in enumerate((1, 2, 1, 2)):
        pixels = np.full((1, size, size, 1), n + 1, np.uint8)
        threads.append(threading.Thread(target=lambda n=n, p=pixels: found.update({n: batches(p).item()})))
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    assert found == {0: 1.0, 1: 8.0, 2: 3.0, 3: 16.0}


@pytest.mark.network
def test_an_embedder_answers_as_before(tiny_model, people_folder):
    from lookalike import Embedder

    embedder = Embedder.load(tiny_model)
    batched, batches = micro_batched(embedder)
    pictures = sorted(people_folder.rglob("*.png"))[:5]
    np.testing.assert_allclose(batched.embed(pictures), embedder.embed(pictures), atol=1e-6)
    assert (batches.calls, batches.rows) == (1, 5)
    assert (batched.fingerprint, batched.calibration) == (embedder.fingerprint, embedder.calibration)
