"""Revisited Oxford and Paris on disk: what the authors' pickle holds, as JSON."""

import json
import pickle
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets.revisited_oxford import QueryTruth, read_revisited, read_truth
from lookalike.errors import DatasetError
from lookalike.images import read_picture

CONTENT = {
    "imlist": ["all_souls_000000", "all_souls_000001", "ashmolean_000002"],
    "qimlist": ["all_souls_000013", "all_souls_000001"],
    "gnd": [
        {"bbx": [2.2, 1.0, 5.7, 4.0], "easy": [1], "hard": [], "junk": [0, 2]},
        {"bbx": [0, 0, 9, 6], "easy": [], "hard": [2], "junk": []},
    ],
}


@pytest.fixture
def oxford(tmp_path):
    """Pictures of 9×6 pixels whose red says the column and whose green says the row."""
    (tmp_path / "jpg").mkdir()
    y, x = np.mgrid[:6, :9]
    pixels = np.stack([x * 20, y * 20, 0 * x], axis=2).astype(np.uint8)
    for name in {*CONTENT["imlist"], *CONTENT["qimlist"]}:
        Image.fromarray(pixels).save(tmp_path / "jpg" / f"{name}.jpg", quality=100, subsampling=0)
    return tmp_path


def written(folder, **changes):
    path = folder / "gnd_roxford5k.json"
    path.write_text(json.dumps(CONTENT | changes))
    return path


def test_pictures_boxes_and_truth(oxford):
    found = read_revisited(written(oxford))
    assert [path.name for path in found.database] == [f"{name}.jpg" for name in CONTENT["imlist"]]
    assert [path.name for path in found.queries] == ["all_souls_000013.jpg", "all_souls_000001.jpg"]
    assert found.boxes == ((2.2, 1.0, 5.7, 4.0), (0.0, 0.0, 9.0, 6.0))
    assert found.truth == (QueryTruth((1,), (), (0, 2)), QueryTruth((), (2,), ()))
    assert read_revisited(written(oxford), oxford / "jpg") == found


def test_a_query_is_cropped_to_its_box(oxford):
    found = read_revisited(written(oxford))
    whole = read_picture(found.queries[0])
    assert (found.query(0) == whole[1:4, 2:6]).all()
    assert (found.query(1) == whole).all()
    beyond = read_revisited(written(oxford, gnd=[CONTENT["gnd"][0], CONTENT["gnd"][1] | {"bbx": [5, 3, 99, 99]}]))
    assert beyond.query(1).shape == (3, 4, 3)
    outside = read_revisited(written(oxford, gnd=[CONTENT["gnd"][0], CONTENT["gnd"][1] | {"bbx": [50, 30, 99, 99]}]))
    with pytest.raises(DatasetError, match=r"holds nothing of .*9×6 pixels"):
        outside.query(1)


def test_the_command_in_the_message_converts_the_pickle(oxford):
    """Run as written: the authors' pickle holds NumPy arrays beside lists."""
    path = oxford / "gnd_roxford5k.pkl"
    arrays = [entry | {"easy": np.array(entry["easy"], int)} for entry in CONTENT["gnd"]]
    path.write_bytes(pickle.dumps(CONTENT | {"gnd": arrays}, protocol=2))
    with pytest.raises(DatasetError, match="is never opened; if you trust it, convert it once: python") as caught:
        read_revisited(path)
    command = shlex.split(str(caught.value).split("once: ")[1])
    subprocess.run([sys.executable, *command[1:]], cwd=oxford, check=True)
    assert read_revisited(oxford / "gnd_roxford5k.json").truth[0] == QueryTruth((1,), (), (0, 2))


def test_a_pickle_is_not_opened_whatever_its_name(oxford):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    for name in ("gnd.pkl", "gnd.json"):
        (oxford / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(DatasetError, match="a pickle"):
            read_truth(oxford / name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imlist": None}, "holds no list 'imlist'"),
        ({"qimlist": []}, "holds no list 'qimlist'"),
        ({"imlist": ["../secret", "b", "c"]}, "'../secret' in imlist is no name"),
        ({"imlist": [7, "b", "c"]}, "7 in imlist is no name"),
        ({"qimlist": ["all_souls_000013"]}, "1 queries in qimlist and 2 in gnd"),
        ({"imlist": ["all_souls_000000"]}, "query 0 .* names image 2; imlist has 1, from 0"),
        ({"imlist": [*CONTENT["imlist"], "gone"]}, "1 of 5 pictures .* do not exist, such as .*gone.jpg"),
        ({"gnd": [CONTENT["gnd"][0], CONTENT["gnd"][1] | {"bbx": [1, 2, 3]}]}, r"query 1 .* the bbx \[1, 2, 3\]"),
        ({"gnd": [CONTENT["gnd"][0], CONTENT["gnd"][1] | {"bbx": [5, 2, 5, 3]}]}, "query 1 .* the bbx"),
        ({"gnd": [CONTENT["gnd"][0], CONTENT["gnd"][1] | {"bbx": [0, 0, float("nan"), 3]}]}, "query 1 .* the bbx"),
        ({"gnd": [CONTENT["gnd"][0], {"easy": [], "hard": [2], "junk": []}]}, "query 1 .* the bbx None"),
    ],
)
def test_what_does_not_belong_together(oxford, changes, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read_revisited(written(oxford, **changes))
    assert "\n" not in str(caught.value)


def test_a_bare_list_has_no_pictures(oxford):
    (oxford / "gnd.json").write_text(json.dumps(CONTENT["gnd"]))
    with pytest.raises(DatasetError, match="is a list; expected an object"):
        read_revisited(oxford / "gnd.json")


# The truth alone


def test_truth_from_json(tmp_path):
    entries = [
        {"easy": [1], "hard": [], "junk": [0, 2], "bbx": [1.5, 2.0, 3.0, 4.0]},
        {"easy": [], "hard": [3], "junk": []},
    ]
    expected = (QueryTruth((1,), (), (0, 2)), QueryTruth((), (3,), ()))
    for content in (entries, {"imlist": ["a", "b"], "gnd": entries}):
        (tmp_path / "gnd.json").write_text(json.dumps(content))
        assert read_truth(tmp_path / "gnd.json") == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04\x95", "a pickle, which runs what its author likes"),
        (b"\xff{", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "holds no list of queries"),
        (b"[]", "holds no list of queries"),
        (b'[{"easy": [1], "hard": []}]', "query 0 .* lacks one of the lists"),
        (b'[{"easy": [1], "hard": [], "junk": [1]}]', "image 1 is listed twice"),
        (b'[{"easy": [1.5], "hard": [], "junk": []}]', r"1\.5 is no position"),
        (b'[{"easy": [[1]], "hard": [], "junk": []}]', "is no position"),
        (b'[{"easy": [-1], "hard": [], "junk": []}]', "-1 is no position"),
    ],
)
def test_bad_truth_files(content, message, tmp_path):
    (tmp_path / "gnd.json").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_truth(tmp_path / "gnd.json")


def test_a_missing_truth_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_truth(tmp_path / "none.json")
