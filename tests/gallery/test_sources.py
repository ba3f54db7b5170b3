import pytest

from lookalike.errors import InputError
from lookalike.gallery.sources import readable


def test_sources_with_undecodable_bytes_stay_readable():
    assert readable("caf\udce9.jpg") == "caf\\udce9.jpg"
    with pytest.raises(InputError, match="int; give text"):
        readable(3)
