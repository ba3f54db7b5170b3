import pytest

from lookalike.samples.buildings import halls


@pytest.mark.parametrize("kind", sorted(set(halls.__all__)))
def test_every_kind_stands_on_the_ground_and_its_details_vary(kind, stands_and_varies):
    stands_and_varies(getattr(halls, kind))
