from pathlib import Path

import pytest

from lookalike.datasets import PictureSet
from lookalike.errors import DatasetError
from lookalike.training.trainable_pictures import check_trainable


@pytest.mark.parametrize("identities", [(), ("Ada",), ("Ada", "Ada")])
def test_one_identity_is_too_few(identities):
    pictures = PictureSet(tuple(map(Path, "ab"[: len(identities)])), identities)
    with pytest.raises(DatasetError, match=r"are of \d identity.* needs at least 2"):
        check_trainable(pictures)
    check_trainable(PictureSet((Path("a"), Path("b")), ("Ada", "Bo")))
