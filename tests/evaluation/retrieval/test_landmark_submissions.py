"""From files to measures, against a transcription of the data set's own programs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.datasets.landmark_solutions import (
    USAGES,
    Solution,
    write_recognition_submission,
    write_retrieval_submission,
    write_solution,
)
from lookalike.errors import DatasetError, InputError
from lookalike.evaluation.retrieval.landmark_submissions import recognition_from_submission, retrieval_from_submission

A, B, C, D, E = (f"{n:x}123456789abcdef" for n in range(10, 15))


def official_gap(said, solution, usage):
    """Sorted by score, then by the picture's id; ignored pictures are not there."""
    asked = {i: solution.right[i] for i in solution.usage if solution.usage[i] in usage}
    made = [(i, said[i]) for i in said if said[i] is not None and i in asked]
    made.sort(key=lambda entry: entry[0])
    made.sort(key=lambda entry: entry[1][1], reverse=True)
    gap = right = 0
    for total, (i, (landmark, _)) in enumerate(made, start=1):
        if landmark in asked[i]:
            right += 1
            gap += right / total
    return gap / sum(1 for landmarks in asked.values() if landmarks)


def official_map(said, solution, usage):
    """Places of repeated images count, their hits do not; the first hundred alone."""
    asked = {i: solution.right[i] for i in solution.usage if solution.usage[i] in usage}
    total = 0.0
    for i, ranking in said.items():
        if i not in asked:
            continue
        before, right, area = set(), 0, 0.0
        for place, image in enumerate(ranking[:100], start=1):
            if image not in before and image in asked[i]:
                right += 1
                area += right / place
            before.add(image)
        total += area / min(len(asked[i]), 100)
    return total / len(asked)


pictures = st.sampled_from([A, B, C, D, E])
number = st.sampled_from(["1", "2", "3"])
truth = st.fixed_dictionaries(
    {i: st.tuples(st.lists(number, max_size=2, unique=True), st.sampled_from(USAGES)) for i in (A, B, C, D, E)}
)
predictions = st.dictionaries(pictures, st.none() | st.tuples(number, st.integers(0, 3).map(lambda v: v / 4)))


@given(truth, predictions, st.sampled_from([None, "Public", "Private"]))
def test_gap_equals_the_official_program(tmp_path_factory, rows, said, usage):
    folder = tmp_path_factory.mktemp("gap")
    solution = Solution({i: tuple(r) for i, (r, _) in rows.items()}, {i: u for i, (_, u) in rows.items()})
    write_solution(folder / "solution.csv", solution, "landmarks")
    write_recognition_submission(folder / "said.csv", said)
    counted = ("Public", "Private") if usage is None else (usage,)
    arguments = folder / "solution.csv", folder / "said.csv", usage
    if not any(solution.right[i] for i in solution.usage if solution.usage[i] in counted):
        with pytest.raises(InputError, match="shows a landmark"):
            recognition_from_submission(*arguments)
        return
    found = recognition_from_submission(*arguments, replicates=5)
    assert found.gap == pytest.approx(official_gap(said, solution, counted))
    asked = [i for i in solution.usage if solution.usage[i] in counted]
    shown = [i for i in asked if solution.right[i]]
    right = [i for i in shown if said.get(i) and said[i][0] in solution.right[i]]
    assert found.top_1 == pytest.approx(len(right) / len(shown))
    assert (found.landmarks, found.non_landmarks) == (len(shown), len(asked) - len(shown))
    alarms = [i for i in asked if not solution.right[i] and said.get(i)]
    assert (found.false_positives.value if found.false_positives else 0) * max(1, found.non_landmarks) == len(alarms)


index = st.integers(0, 5).map(lambda n: f"{n:016x}")
found_truth = st.fixed_dictionaries(
    {i: st.tuples(st.lists(index, min_size=1, max_size=4, unique=True), st.sampled_from(USAGES)) for i in (A, B, C)}
)


@given(found_truth, st.dictionaries(st.sampled_from([A, B, C]), st.lists(index, max_size=8)))
def test_map_equals_the_official_program(tmp_path_factory, rows, said):
    folder = tmp_path_factory.mktemp("map")
    solution = Solution({i: tuple(r) for i, (r, _) in rows.items()}, {i: u for i, (_, u) in rows.items()})
    write_solution(folder / "solution.csv", solution, "images")
    # Not by our writer, which refuses an image twice.
    (folder / "said.csv").write_text("id,images\n" + "".join(f"{i},{' '.join(r)}\n" for i, r in said.items()))
    arguments = folder / "solution.csv", folder / "said.csv"
    if all(usage == "Ignored" for usage in solution.usage.values()):
        with pytest.raises(InputError, match="nothing to find"):
            retrieval_from_submission(*arguments)
        return
    found = retrieval_from_submission(*arguments, replicates=5)
    assert found.mean_average_precision == pytest.approx(official_map(said, solution, ("Public", "Private")))
    assert found.left_out == 0


def test_a_hand_made_recognition(tmp_path):
    """E is ignored, D shows nothing and is not submitted; A and C tie, and A's smaller id comes first."""
    (tmp_path / "solution.csv").write_text(
        f"id,landmarks,Usage\n{A},1 2,Public\n{B},3,Private\n{C},4,Public\n{D},,Private\n{E},9,Ignored\n"
    )
    (tmp_path / "said.csv").write_text(f"id,landmarks\n{E},9 1.0\n{C},5 0.5\n{A},2 0.5\n{B},\n")
    found = recognition_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv")
    assert found.gap == pytest.approx(1 / 3)
    assert (found.landmarks, found.non_landmarks, found.places, found.predicted) == (3, 1, 3, 2)
    # Were C's id the smaller one, its wrong answer would come first.
    (tmp_path / "said.csv").write_text(f"id,landmarks\n{C},4 0.5\n{A},7 0.5\n")
    assert recognition_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv").gap == pytest.approx(1 / 6)
    public = recognition_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv", "Public")
    assert (public.landmarks, public.non_landmarks) == (2, 0)


def test_a_hand_made_retrieval(tmp_path):
    images = [f"{n:016x}" for n in range(250)]
    (tmp_path / "solution.csv").write_text(
        f"id,images,Usage\n{A},{' '.join(images[:200])},Public\n{B},{images[0]} {images[1]},Private\n{C},None,Ignored\n"
    )
    rows = {A: images[:100], B: [images[7], images[1], images[1], images[0]], C: images[:3]}
    (tmp_path / "said.csv").write_text("id,images\n" + "".join(f"{i},{' '.join(r)}\n" for i, r in rows.items()))
    found = retrieval_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv")
    assert found.mean_average_precision == pytest.approx((1 + (1 / 2 + 2 / 4) / 2) / 2)
    assert (found.queries, found.places) == (2, 1), "both queries find the first image, and are of one place"
    with pytest.raises(ValueError, match=f"holds {images[1]} twice"):
        write_retrieval_submission(tmp_path / "said.csv", rows)


def test_pictures_nobody_asked_about(tmp_path):
    (tmp_path / "solution.csv").write_text(f"id,landmarks,Usage\n{A},1,Public\n")
    (tmp_path / "said.csv").write_text(f"id,landmarks\n{A},1 0.5\n{B},1 0.5\n")
    with pytest.raises(DatasetError, match=f"holds 1 picture that the solution does not know, such as {B}"):
        recognition_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv")
    (tmp_path / "solution.csv").write_text(f"id,images,Usage\n{A},{C},Public\n")
    (tmp_path / "said.csv").write_text(f"id,images\n{B},{C}\n")
    with pytest.raises(DatasetError, match="does not know"):
        retrieval_from_submission(tmp_path / "solution.csv", tmp_path / "said.csv")
