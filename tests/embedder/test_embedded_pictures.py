"""Pictures embedded with what was seen of them."""

import numpy as np
import pytest

from lookalike.embedder.embedded_pictures import embed_pictures, located
from lookalike.embedder.embedder import Embedder
from lookalike.embedder.face import Face, FaceBox
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import ImageError, NoFaceError

FACE = Face(FaceBox(0, 0, 1, 1), 1.0, (), False)


class Brightness(Embedder):
    """The mean of a picture; one of 0 has no face, one above 100 has a remark and two faces."""

    name, fingerprint, metric, dimension = "brightness", "0123456789abcdef", "euclidean", 1

    def prepare(self, picture):
        mean = int(np.mean(picture))
        if mean == 0:
            raise NoFaceError("no face was found")
        return Prepared(np.full((1, 1, 1), mean, np.uint8), ("bright",) * (mean > 100), (FACE,) * (1 + (mean > 100)))

    def embed_prepared(self, pixels):
        return pixels.reshape(len(pixels), 1).astype(np.float32)


def picture(mean):
    return np.full((4, 4), mean, np.uint8)


def test_rows_remarks_and_faces_belong_to_their_pictures():
    bad, told = {}, []
    found = embed_pictures(
        Brightness(),
        [picture(m) for m in (7, 0, 200, 0, 9)],
        offset=64,
        progress=told.append,
        unusable=bad.__setitem__,
    )
    assert found.vectors.tolist() == [[7], [200], [9]]
    assert found.positions == [0, 2, 4]
    assert found.remarks == [[], [], ["bright"], [], []]
    assert [len(faces) for faces in found.faces] == [1, 0, 2, 0, 1]
    assert {position: str(error) for position, error in bad.items()} == {
        65: "picture 66: no face was found",
        67: "picture 68: no face was found",
    }
    assert sum(told) == 3


def test_the_first_that_cannot_be_used_is_raised_with_its_name():
    with pytest.raises(NoFaceError, match="picture 66: no face was found"):
        embed_pictures(Brightness(), [picture(7), picture(0)], 64)
    with pytest.raises(ImageError, match=r"^picture 1: no face"):
        embed_pictures(Brightness(), [picture(0)])
    assert embed_pictures(Brightness(), []).positions == []


def test_remarks_say_which_picture_they_are_about():
    assert located(["a.jpg", b"..."], [["x", "y"], ["z"]], 3) == ["a.jpg: x", "a.jpg: y", "picture 5: z"]
