"""A receipt for a forgotten person, and what the log says of it."""

import json

import numpy as np
import pytest

from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery import open_gallery
from lookalike.gallery.erasure_receipt import erasure_receipt, read_receipt, receipt_fault, scanned
from lookalike.index.core.metric_space import MetricSpace

VECTORS = np.random.default_rng(0).standard_normal((60, 32)).astype(np.float32)


@pytest.fixture(params=[None, bytes(32)], ids=["plain", "encrypted"])
def gallery(tmp_path, request, monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 10)
    monkeypatch.setattr("lookalike.gallery.background_builder.WAIT", 60.0)  # the test builds
    with open_gallery(tmp_path / "people.gallery", key=request.param) as gallery:
        gallery.bind("f", "net", "cosine", 32)
        gallery.enroll_many([(f"person {i}", VECTORS[2 * i : 2 * i + 2], None) for i in range(25)])
        while not gallery._database.sealing.encrypted and gallery._builder.build_one(gallery.model):
            pass
        gallery.search(VECTORS[:2])
        yield gallery


def test_it_tells_that_no_file_holds_the_vectors_and_names_nobody(gallery, tmp_path):
    encrypted = gallery.stats()["encrypted"]
    assert len(gallery.stats()["index"]["segments"]) == (0 if encrypted else 1)
    stored = gallery.traces("person 7").stored
    directions = [row.tobytes() for row in MetricSpace("cosine", 32).vectors(VECTORS[14:16])]
    before = [scanned(gallery.files(), [one]).found_in for one in [*stored, *([] if encrypted else directions)]]
    # Vectors are in the database's log; keys (of the person, of two templates) are nowhere, wrapped they are in the
    # keyring; the segment has directions.
    assert [len(one) for one in before] == ([1, 1, *(3 * [0, 1])] if encrypted else [1, 1, 1, 1])
    receipt = erasure_receipt(gallery, "person 7")
    assert receipt["scan"]["found_in"] == []
    assert receipt["scan"]["files"] >= 2
    assert receipt["templates"] == 2
    assert receipt["encrypted"] is encrypted
    assert receipt["overwritten"]["key"] is encrypted
    text = json.dumps(receipt)
    assert "person 7" not in text
    assert receipt_fault(gallery.audit, receipt) is None
    assert gallery.audit.verified(receipt["audit"]["hash"], receipt["audit"]["n"]).fault is None
    (tmp_path / "r.json").write_text(text)
    assert read_receipt(tmp_path / "r.json") == receipt
    with pytest.raises(UnknownIdentityError):
        erasure_receipt(gallery, "person 7")


def test_the_same_vector_of_somebody_else_is_found(tmp_path):
    with open_gallery(tmp_path / "g") as gallery:
        gallery.bind("f", "net", "cosine", 32)
        gallery.enroll("Ada", VECTORS[0])
        gallery.enroll("Bob", VECTORS[0])
        assert len(erasure_receipt(gallery, "Ada")["scan"]["found_in"]) >= 1


def test_a_receipt_that_the_log_does_not_know_is_refused(gallery):
    receipt = erasure_receipt(gallery, "person 7")
    other = erasure_receipt(gallery, "person 8")
    changed = {**receipt, "templates": 3}
    assert "tells of another forgetting" in receipt_fault(gallery.audit, changed)
    assert "tells of another forgetting" in receipt_fault(gallery.audit, {**receipt, "subject": other["subject"]})
    assert "is another than" in receipt_fault(gallery.audit, {**receipt, "audit": {"n": 3, "hash": "0" * 64}})
    assert "is no forgetting" in receipt_fault(gallery.audit, {**receipt, "audit": {"n": 1, "hash": "0" * 64}})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"receipt_version": 1, "audit": {"n": "1", "hash": ""}}'])
def test_what_is_no_receipt_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match="is no erasure receipt"):
        read_receipt(tmp_path / "r.json")


def test_a_newer_receipt_is_refused(tmp_path):
    newer = {"receipt_version": 2, "audit": {"n": 1, "hash": ""}, "subject": "", "templates": 1}
    (tmp_path / "r.json").write_text(json.dumps(newer))
    with pytest.raises(InputError, match="receipt version 2, this Lookalike reads 1"):
        read_receipt(tmp_path / "r.json")


def test_other_galleries_give_no_receipts():
    with pytest.raises(InputError, match="gives no receipts"):
        erasure_receipt("milvus", "Ada")


def test_pieces_of_a_value_are_found(tmp_path):
    value = bytes(range(256))
    (tmp_path / "a").write_bytes(b"x" * 5000 + value[-40:])
    (tmp_path / "b").write_bytes(b"x" * 5000 + value[:31])
    (tmp_path / "empty").write_bytes(b"")
    scan = scanned([tmp_path / "a", tmp_path / "b", tmp_path / "empty", tmp_path / "gone"], [value, value])
    assert scan.found_in == (str(tmp_path / "a"),)
    assert (scan.files, scan.patterns) == (3, 3)
