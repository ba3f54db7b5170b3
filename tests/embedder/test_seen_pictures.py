import numpy as np
import pytest

from lookalike.embedder.seen_pictures import FILE_NAME, digests, read_seen, seen_among
from lookalike.errors import ArtefactError, ImageError


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 10)
    return paths


def test_a_picture_is_known_again_by_its_content(files, tmp_path):
    renamed = tmp_path / "other.jpg"
    renamed.write_bytes(files[1].read_bytes())
    assert seen_among(digests(files[:2]), [renamed, files[2], files[0]]).tolist() == [True, False, True]


def test_where_nothing_was_seen_nothing_is_read(tmp_path):
    assert seen_among(np.empty(0, np.uint64), [tmp_path / "absent.jpg"]).tolist() == [False]
    with pytest.raises(ImageError, match="absent"):
        seen_among(np.zeros(1, np.uint64), [tmp_path / "absent.jpg"])


def test_a_model_without_the_file_has_seen_none(tmp_path):
    assert len(read_seen(tmp_path)) == 0


@pytest.mark.parametrize("content", [b"", b"no array", np.zeros(3)])
def test_a_damaged_file_is_refused(content, tmp_path):
    if isinstance(content, bytes):
        (tmp_path / FILE_NAME).write_bytes(content)
    else:
        np.save(tmp_path / FILE_NAME, content)
    with pytest.raises(ArtefactError, match="restore a copy"):
        read_seen(tmp_path)
