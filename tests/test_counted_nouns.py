"""Numbers and nouns agree."""

import pytest

from lookalike.counted_nouns import how_many


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0, "picture"), "0 pictures"),
        ((1, "picture"), "1 picture"),
        ((2, "picture"), "2 pictures"),
        ((1, "person", "people"), "1 person"),
        ((1_234_567, "person", "people"), "1,234,567 people"),
        ((2, "impostor pair"), "2 impostor pairs"),
    ],
)
def test_numbers_and_nouns_agree(given, expected):
    assert how_many(*given) == expected
