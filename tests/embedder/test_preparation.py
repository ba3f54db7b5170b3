"""Preparing many pictures, some of which cannot be used."""

import threading

import numpy as np
import pytest

from lookalike.embedder import Preprocessing
from lookalike.embedder.preparation import prepare_many
from lookalike.errors import ImageError

GOOD, BAD = np.zeros((8, 8, 3), np.uint8), b"not a picture"
PREPARE = Preprocessing(image_size=(8, 8)).prepare


def test_order_and_batches():
    pictures = [np.full((8, 8, 3), value, np.uint8) for value in range(7)]
    batches = list(prepare_many(PREPARE, pictures, 3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert [int(one.pixels[0, 0, 0]) for batch in batches for _, one in batch] == list(range(7))


def test_bad_pictures_are_told_with_their_position():
    bad = {}
    batches = list(prepare_many(PREPARE, [GOOD, BAD, GOOD, b""], 2, bad.__setitem__))
    assert [[position for position, _ in batch] for batch in batches] == [[0], [2]]
    assert sorted(bad) == [1, 3]
    assert "0 bytes" in str(bad[3])


def test_the_next_batch_is_prepared_while_this_one_is_used():
    prepared, used = [], threading.Event()

    def prepare(number):
        if number >= 4:  # of the third batch: asked for when the first is handed over
            used.set()
        prepared.append(number)
        return PREPARE(np.full((8, 8, 3), number, np.uint8))

    batches = prepare_many(prepare, range(100), 2)
    next(batches)
    assert used.wait(10)
    batches.close()
    assert len(prepared) <= 6  # two batches ahead, and no further
    assert not any(thread.name.startswith("prepare") for thread in threading.enumerate())


def test_without_a_listener_the_first_error_is_raised():
    with pytest.raises(ImageError, match="not a picture"):
        list(prepare_many(PREPARE, [GOOD, BAD], 8))


def test_other_errors_are_not_hidden():
    def broken(_):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        list(prepare_many(broken, [GOOD], 8, lambda position, error: None))
