"""Decoding in other processes: the same pixels; one that hangs, dies or takes too much costs one picture."""

import io
import os
import signal
import threading

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageError
from lookalike.images import read_picture
from lookalike.service.decoders import Decoders, NoDecoder

GIB = 2**30


@pytest.fixture
def decoders():
    made = Decoders(count=1, seconds=20, memory=2 * GIB, pixels=10_000_000)
    yield made
    made.close()


def encoded(form="PNG", size=(30, 40)):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_pixels_are_those_of_read_picture(decoders, form):
    content = encoded(form)
    np.testing.assert_array_equal(decoders.decode(content), read_picture(content))


def test_large_pictures_pass_the_pipe(decoders):
    content = encoded(size=(1500, 2000))
    np.testing.assert_array_equal(decoders.decode(content), read_picture(content))


def test_refusals_are_those_of_read_picture_and_the_process_stays(decoders):
    for content in (b"hello", encoded()[:100]):
        with pytest.raises(ImageError) as own:
            read_picture(content)
        with pytest.raises(ImageError) as told:
            decoders.decode(content)
        assert str(told.value) == str(own.value)
    assert decoders.died == 0


def test_more_pixels_than_allowed_are_refused(decoders):
    with pytest.raises(ImageError, match="at most 10,000,000"):
        decoders.decode(encoded(size=(3000, 3400)))


def running(decoders):
    process = decoders._idle.get()
    decoders._idle.put(process)
    return process._process.pid


def test_a_process_that_died_idle_is_replaced_unseen(decoders):
    content = encoded()
    decoders.decode(content)
    os.kill(running(decoders), signal.SIGKILL)
    assert decoders.decode(content).shape == (30, 40, 3)


def test_a_process_that_hangs_costs_one_picture():
    decoders, content = Decoders(count=1, seconds=0.5, memory=2 * GIB, pixels=10**7), encoded()
    decoders.decode(content)
    os.kill(running(decoders), signal.SIGSTOP)
    with pytest.raises(ImageError, match=r"not decoded within 0\.5 s"):
        decoders.decode(encoded(size=(300, 300)))
    assert decoders.died == 1
    assert decoders.decode(content).shape == (30, 40, 3)
    decoders.close()


def test_a_picture_that_needs_too_much_memory_is_refused():
    decoders = Decoders(count=1, seconds=20, memory=GIB // 2, pixels=64_000_000)
    black = io.BytesIO()
    Image.new("RGB", (8000, 7000)).save(black, "PNG")
    with pytest.raises(ImageError, match="memory"):
        decoders.decode(black.getvalue())
    assert decoders.decode(encoded()).shape == (30, 40, 3)
    decoders.close()


def test_threads_take_turns():
    decoders = Decoders(count=2, seconds=20, memory=2 * GIB, pixels=10**7)
    contents = [encoded(size=(20 + n, 30)) for n in range(12)]
    found = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: decoders.decode(contents[n])})) for n in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert {n: picture.shape[0] for n, picture in found.items()} == {n: 20 + n for n in range(12)}
    decoders.close()


def test_who_finds_none_free_for_long_is_told():
    decoders = Decoders(count=1, seconds=0.1, memory=2 * GIB, pixels=10**7)
    held = decoders._idle.get()
    with pytest.raises(NoDecoder, match="no decoder became free"):
        decoders.decode(encoded())
    decoders._idle.put(held)
    decoders.close()


def test_processes_end_with_their_parent(decoders):
    decoders.decode(encoded())
    process = decoders._idle.get()
    process._asked.close()  # what the death of the service does
    assert process._process.wait(10) == 0
    decoders._idle.put(None)
