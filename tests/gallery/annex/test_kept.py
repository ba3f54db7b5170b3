"""Texts in one block of bytes, and mappings that read when they are asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.gallery.annex import Kept
from lookalike.gallery.annex.kept import KeptOnDisk, TextBlock


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_come_back(texts):
    block, ends = TextBlock.of(texts)
    read = TextBlock(np.frombuffer(block + b"behind", np.uint8), ends)
    assert list(read) == texts
    assert read[1:] == texts[1:]
    assert len(read) == len(texts)


def test_what_is_no_unicode_is_escaped_and_what_is_beyond_is_an_error():
    block, ends = TextBlock.of(["a\udcff"])
    assert TextBlock(np.frombuffer(block, np.uint8), ends)[-1] == "a\\udcff"
    with pytest.raises(IndexError):
        TextBlock(np.frombuffer(block, np.uint8), ends)[1]


def test_a_mapping_reads_only_what_is_asked_for():
    read = []

    def kept(name):
        read.append(name)
        return Kept({"name": name})

    held = KeptOnDisk({"a": 1, "b": 2}, kept)
    assert (list(held), len(held), "b" in held, held.get("c")) == (["a", "b"], 2, True, None)
    assert read == []
    assert held["b"].entry == {"name": "b"}
    assert read == ["b"]
