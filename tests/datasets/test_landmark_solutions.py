"""Solutions and submissions: what is written is read back, and what is malformed is named by its line."""

import errno
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets import landmark_solutions as module
from lookalike.datasets.landmark_solutions import (
    Solution,
    read_recognition_solution,
    read_recognition_submission,
    read_retrieval_solution,
    read_retrieval_submission,
    write_recognition_submission,
    write_retrieval_submission,
    write_solution,
)
from lookalike.errors import DatasetError, InputError, StorageError

A, B, C = (f"{n:x}123456789abcdef" for n in (10, 11, 12))

ids = st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}")
landmarks = st.integers(0, 10**9).map(str)
floats = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(
        ids,
        st.none()
        | st.tuples(landmarks, floats | st.floats(width=32, allow_nan=False, allow_infinity=False).map(np.float32)),
    )
)
def test_recognition_submissions_come_back_without_loss(tmp_path_factory, predictions):
    path = tmp_path_factory.mktemp("s") / "submission.csv"
    write_recognition_submission(path, predictions)
    found = read_recognition_submission(path)
    assert found == predictions
    assert list(found) == list(predictions)


@given(st.dictionaries(ids, st.lists(ids, unique=True, max_size=4)))
def test_retrieval_submissions_come_back(tmp_path_factory, rankings):
    path = tmp_path_factory.mktemp("s") / "submission.csv"
    write_retrieval_submission(path, rankings)
    assert read_retrieval_submission(path) == {name: tuple(ranking) for name, ranking in rankings.items()}


@given(st.dictionaries(ids, st.tuples(st.lists(landmarks, max_size=3), st.sampled_from(module.USAGES)), min_size=1))
def test_solutions_come_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("s") / "solution.csv"
    solution = Solution({i: tuple(r) for i, (r, _) in rows.items()}, {i: u for i, (_, u) in rows.items()})
    write_solution(path, solution, "landmarks")
    assert read_recognition_solution(path) == solution


def test_the_files_of_the_competition(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"id,landmarks,Usage\n{A},0 12,Public\n{B},,Private\n{C},100,Ignored\n")
    found = read_recognition_solution(path)
    assert found.right == {A: ("0", "12"), B: (), C: ("100",)}
    assert (found.counted(), found.counted("Public"), found.counted("Private")) == ((A, B), (A,), (B,))
    with pytest.raises(InputError, match="the usage is 'Ignored'"):
        found.counted("Ignored")
    path.write_text(f"id,images,Usage\n{A},None,Ignored\n{B},{A} {C},Public\n")
    assert read_retrieval_solution(path).right == {A: (), B: (A, C)}
    path.write_text(f"id,landmarks\n{A},8815 0.03 \n{B},\n\n{C},  7   1e-05\n")
    assert read_recognition_submission(path) == {A: ("8815", 0.03), B: None, C: ("7", 1e-05)}


def test_what_is_written_is_the_competitions_text(tmp_path):
    path = tmp_path / "x.csv"
    write_recognition_submission(path, {A: ("7", np.float32(0.1)), B: None})
    assert path.read_text() == f"id,landmarks\n{A},7 0.10000000149011612\n{B},\n"
    write_retrieval_submission(path, {A: [B] + [f"{n:016x}" for n in range(200)]})
    assert path.read_text().split("\n")[1].startswith(f"{A},{B} 0000000000000000 ")
    assert len(read_retrieval_submission(path)[A]) == 100
    write_solution(path, Solution({A: (B,), B: (), C: ()}, {A: "Public", B: "Ignored", C: "Private"}), "images")
    assert path.read_text() == f"id,images,Usage\n{A},{B},Public\n{B},None,Ignored\n{C},,Private\n"


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (read_recognition_submission, f"id,landmarks\n{A},7\n", "line 2: '7'; expected a landmark id, a space and its"),
        (read_recognition_submission, f"id,landmarks\n{A},7 0.5 8 0.4\n", "line 2: '7 0.5 8 0.4'; expected"),
        (read_recognition_submission, f"id,landmarks\n{A},7 0.5,8\n", r"line 2: .* has 3 fields, the header 2"),
        (read_recognition_submission, f"id,landmarks\n{A},7 high\n", "line 2: the confidence is 'high'"),
        (read_recognition_submission, f"id,landmarks\n{A},7 nan\n", "line 2: the confidence is 'nan'"),
        (read_recognition_submission, f"id,landmarks\n{A},7 1e999\n", "line 2: the confidence is '1e999'"),
        (read_recognition_submission, f"id,landmarks\n{A},x 0.5\n", "line 2: 'x' is no landmark id"),
        (read_recognition_submission, f"id,landmarks\n{A},\n{A},7 0.1\n", f"line 3: {A} stands above already"),
        (read_recognition_submission, "id,landmarks\nx,\n", "line 2: 'x' is no picture id"),
        (read_recognition_submission, f"id,images\n{A},\n", "expected a header with id,landmarks"),
        (read_retrieval_submission, f"id,images\n{A},{B} y\n", "line 2: 'y' is no picture id"),
        (read_recognition_solution, f"id,landmarks,Usage\n{A},7,Secret\n", "line 2: the usage is 'Secret'"),
        (read_recognition_solution, f"id,landmarks\n{A},7\n", "expected a header with id,landmarks,usage"),
        (read_recognition_solution, "id,landmarks,Usage\n", "lists no pictures"),
        (read_recognition_solution, f"id,landmarks,Usage\n{A},7,Public\n{A},7,Public\n", "line 3: .* one row"),
        (read_retrieval_solution, f"id,images,Usage\n{A},{B} none,Public\n", "line 2: 'none' is no picture id"),
    ],
)
def test_malformed_files(tmp_path, read, content, message):
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match="cannot be read"):
        read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("write", "content", "message"),
    [
        (write_recognition_submission, {A: ("7", math.nan)}, f"the prediction for {A}: the confidence is 'nan'"),
        (write_recognition_submission, {A: ("7", math.inf)}, "the confidence is 'inf'"),
        (write_recognition_submission, {A: ("tower", 1.0)}, f"the prediction for {A}: 'tower' is no landmark id"),
        (write_recognition_submission, {"x": None}, "'x' is no picture id"),
        (write_retrieval_submission, {A: [B, C, B]}, f"the ranking for {A} holds {B} twice"),
        (write_retrieval_submission, {A: ["x"]}, "'x' is no picture id"),
    ],
)
def test_what_is_not_written(tmp_path, write, content, message):
    path = tmp_path / "x.csv"
    path.write_text("as before")
    with pytest.raises(DatasetError, match=re.escape(message)):
        write(path, content)
    assert path.read_text() == "as before"


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    write_recognition_submission(path, {A: ("7", 0.5)})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lookalike.atomic_files.os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_recognition_submission(path, {B: None})
    assert read_recognition_submission(path) == {A: ("7", 0.5)}
    assert [p.name for p in tmp_path.iterdir()] == ["x.csv"]
