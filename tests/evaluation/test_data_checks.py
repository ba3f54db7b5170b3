import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import DatasetError, VectorError
from lookalike.evaluation.data_checks import _hashes as hashes
from lookalike.evaluation.data_checks import check_data, check_pictures


def kinds(findings):
    return {finding.kind: finding for finding in findings}


@st.composite
def dirty(draw):
    """Few different rows, so that many are equal; NaN, infinity and both zeros among the numbers."""
    number = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e30, np.nan, np.inf])
    n = draw(st.integers(1, 14))
    dtype = draw(st.sampled_from([np.float64, np.float32, np.longdouble]))
    rows = draw(st.lists(st.tuples(number, number), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return np.array(rows, dtype), labels, draw(st.lists(st.integers(0, 9), max_size=3))


@given(dirty(), st.integers(1, 5))
def test_everything_is_found_that_the_slow_way_finds(case, block):
    vectors, labels, trained = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lookalike.evaluation.data_checks.ROWS", block)
        found = kinds(check_data(vectors, labels, training_labels=trained or None))
    n = range(len(vectors))
    slow = {
        "not finite": [i for i in n if not all(np.isfinite(vectors[i]))],
        "zero vector": [i for i in n if all(vectors[i] == 0)],
        "one picture": [i for i in n if labels.count(labels[i]) == 1],
        "trained on": [i for i in n if labels[i] in trained],
    }
    equal = {}
    for i in n:
        if i not in slow["not finite"] and i not in slow["zero vector"]:
            equal.setdefault(tuple(float(x) + 0.0 for x in vectors[i]), []).append(i)
    groups = {"duplicate across identities": [], "duplicate within identity": []}
    for group in equal.values():
        if len(group) > 1:
            several = len({labels[i] for i in group}) > 1
            groups["duplicate across identities" if several else "duplicate within identity"].append(tuple(group))
    for kind, chosen in groups.items():
        slow[kind] = sorted(i for group in chosen for i in group)
        if chosen:
            assert found[kind].groups == tuple(sorted(chosen))
    assert {kind: list(finding.positions) for kind, finding in found.items()} == {k: v for k, v in slow.items() if v}


def test_findings_name_pictures_and_say_what_to_do():
    vectors = [[np.nan, 1], [1, 2], [1, 2], [1, 2], [0, 0], [3, 4], [3, 4], [5, 6]]
    labels = ["ada", "ada", "eve", "eve", "eve", "bob", "bob", "zoe"]
    names = [f"{i}.png" for i in range(8)]
    found = check_data(vectors, labels, pictures=names, training_labels=["zoe", "nobody"])
    assert [finding.severity for finding in found] == ["error", "warning", "warning", "warning", "note", "note"]
    texts = {finding.kind: finding.text for finding in found}
    assert texts == {
        "not finite": "1 vector holds NaN or infinity: 0.png ('ada'); remove or re-embed them",
        "zero vector": "1 vector is all zeros, which cosine cannot compare: 4.png ('eve'); their pictures were "
        "probably not read",
        "duplicate across identities": "3 vectors of different identities are equal, in 1 groups: 1.png ('ada') = "
        "2.png ('eve') = 3.png ('eve'); one of the labels is wrong",
        "duplicate within identity": "2 vectors of one identity are equal, in 1 groups: 5.png ('bob') = "
        "6.png ('bob'); these genuine pairs are too easy; keep one of each",
        "one picture": "1 of 4 identities have one picture: 'zoe'; they make no genuine pair and are never mated",
        "trained on": "1 of 4 identities were trained on: 'zoe'; figures of them are too good: measure on others",
    }
    assert "number 0 ('ada')" in check_data(vectors, labels)[0].text
    many = check_data(np.full((5000, 2), np.inf), [1] * 5000)[0]
    assert "5,000 vectors" in many.text
    assert "and 4,997 more" in many.text
    assert len(many.text) < 200


def test_clean_data_has_no_findings():
    rng = np.random.default_rng(0)
    assert check_data(rng.normal(size=(200, 8)).astype(np.float32), np.arange(200) // 2, training_labels=[500]) == []


@pytest.mark.parametrize("base", [2**24, 2**53, 2**63])
def test_a_neighbouring_large_label_was_not_trained_on(base):
    x = np.eye(4)
    labels = [base, base, base + 1, base + 1]
    assert kinds(check_data(x, labels, training_labels=[base]))["trained on"].positions == (0, 1)
    assert check_data(x, labels, training_labels=[base + 2]) == []
    assert check_data(x, labels, training_labels=[str(base)]) == [], "the text is another label than the number"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint8])
def test_hashes_of_different_rows_differ(dtype):
    """Rows of a grid, which differ in few bits: a weak hash would send thousands of them to one number."""
    rows = np.stack(np.meshgrid(*[np.arange(24)] * 3), axis=-1).reshape(-1, 3).astype(dtype)
    assert len(set(hashes(rows).tolist())) == 24**3
    assert hashes(rows[:5]).tolist() == hashes(np.asfortranarray(rows)[:5]).tolist()


def test_different_rows_with_equal_hashes_are_no_duplicates(monkeypatch):
    monkeypatch.setattr("lookalike.evaluation.data_checks._hashes", lambda rows: np.zeros(len(rows), np.uint64))
    x = np.array([[1, 2], [3, 4], [1, 2], [5, 6], [3, 4]])
    found = kinds(check_data(x, ["a", "b", "a", "b", "a"]))
    assert found["duplicate within identity"].groups == ((0, 2),)
    assert found["duplicate across identities"].groups == ((1, 4),)


def test_memory_maps_and_neighbouring_numbers(tmp_path):
    x = np.ones((6, 3), np.float32)
    x[:, 0] = [1, np.nextafter(np.float32(1), np.float32(2)), 2, 3, 4, 1]
    np.save(tmp_path / "x.npy", x)
    found = check_data(np.load(tmp_path / "x.npy", mmap_mode="r"), list("aabbab"))
    assert [finding.groups for finding in found] == [((0, 5),)], "one bit is a difference"


def test_pictures_byte_by_byte(tmp_path):
    contents = [b"cat", b"dog", b"cat", b"owl", b"owl", b"dog"]
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    labels = ["ada", "eve", "bob", "eve", "eve", "eve"]
    for files in (contents, paths, [str(path) for path in paths]):
        across, within = check_pictures(files, labels)
        assert (across.kind, across.severity, across.groups) == ("picture across identities", "warning", ((0, 2),))
        assert (within.kind, within.severity, within.groups) == ("picture within identity", "note", ((1, 5), (3, 4)))
    assert f"{paths[0]} ('ada') = {paths[2]} ('bob')" in check_pictures(paths, labels)[0].text
    assert check_pictures(paths[:2], labels[:2]) == []
    with pytest.raises(DatasetError, match="cannot be read"):
        check_pictures([tmp_path / "missing.png"], ["ada"])


def test_bad_input():
    with pytest.raises(VectorError, match=r"shape \(3,\)"):
        check_data([1.0, 2.0, 3.0], [1, 2, 3])
    with pytest.raises(VectorError, match="at least one of each"):
        check_data(np.ones((2, 0)), [1, 2])
    with pytest.raises(VectorError, match="expected numbers"):
        check_data([["a"]], [1])
    with pytest.raises(VectorError, match="1 label"):
        check_data(np.ones((2, 2)), [1])
    with pytest.raises(VectorError, match="1 pictures were named for 2 vectors"):
        check_data(np.ones((2, 2)), [1, 2], pictures=["a.png"])
    with pytest.raises(VectorError, match="2 label"):
        check_pictures([b"a"], [1, 2])
