"""Distances to the own identity against a slow loop."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike import distances as distance_module
from lookalike.gallery.doctor.own_distances import own_distances
from lookalike.gallery.doctor.stored_templates import StoredTemplates


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 6)), min_size=1, max_size=30), st.booleans())
def test_equal_to_a_loop(rows, small_blocks):
    templates = StoredTemplates.of([name for name, _ in rows], [[value] for _, value in rows], metric="euclidean")
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(distance_module, "BLOCK_NUMBERS", 3)
        found = own_distances(templates, copy_limit=0.5)
    copies = set()
    for at, (name, value) in enumerate(rows):
        mine = [(abs(value - other), to) for to, (whose, other) in enumerate(rows) if whose == name and to != at]
        copies |= {(min(at, to), max(at, to)) for apart, to in mine if apart <= 0.5}
        others = sorted(one for one in mine if one[0] > 0.5)
        assert found.nearest[at] == (others[0][0] if others else np.inf)
        assert found.typical[at] == (others[(len(others) - 1) // 2][0] if others else np.inf)
        row = found.nearest_rows[at]
        assert (row == -1) if not others else (rows[row][0] == name and abs(rows[row][1] - value) == others[0][0])
    assert {tuple(one) for one in found.copies.tolist()} == copies
