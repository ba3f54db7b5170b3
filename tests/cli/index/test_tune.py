"""`lookalike index tune`: a wish, an index that keeps it, a table and a picture that say why."""

from lookalike.index import load_index


def test_a_wish_becomes_an_index_with_its_promise(lookalike, npy, tmp_path):
    said = lookalike("index", "tune", npy, "-o", tmp_path / "x.index", "--recall", "0.9", "--kinds", "exact,hnsw")
    assert said.code == 0, said.err
    assert "chosen: the fastest that keeps the recall" in said.out
    assert "recall@10 of 0.9" in said.out
    tuned = load_index(tmp_path / "x.index").tuned
    assert tuned["recall_target"] == 0.9
    assert tuned["recall"] >= 0.9
    assert (tmp_path / "x.index.png").read_bytes().startswith(b"\x89PNG")
    shown = lookalike("index", "show", tmp_path / "x.index")
    assert "recall@10 of 0.9: measured" in shown.out


def test_json_holds_every_trial(lookalike, npy, tmp_path):
    answer = lookalike("index", "tune", npy, "-o", tmp_path / "x.index", "--kinds", "hnsw", "--recall", "0.8", "--json")
    trials = answer.document["trials"]
    assert {trial["kind"] for trial in trials} == {"hnsw"}
    assert trials[0]["verdict"].startswith("chosen")
    assert answer.document["index"]["count"] == 2000


def test_wishes_that_cannot_be_kept(lookalike, refused, npy, tmp_path):
    refused(lookalike("index", "tune", npy, "-o", tmp_path / "x.index", "--memory", "1KiB"), "the smallest needs")
    refused(lookalike("index", "tune", npy, "-o", tmp_path / "x.index", "--recall", "1.5"), "recall is 1.5")
    refused(lookalike("index", "tune", npy, "-o", tmp_path / "x.index", "--objective", "fame"), "latency or throughput")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["vectors.npy"]
