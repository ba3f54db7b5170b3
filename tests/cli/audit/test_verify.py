"""`lookalike audit verify`, and the receipts that it checks."""

import json
import sqlite3
from contextlib import closing


def test_a_log_as_it_was_written_and_one_that_was_changed(lookalike, gallery, tmp_path):
    told = lookalike("audit", "verify", gallery)
    assert told.code == 0
    assert "as they were written; head " in told.out
    head = told.out.split()[-1]
    assert lookalike("audit", "verify", gallery, "--head", head, "--json").document["head"] == head
    name = lookalike("people", "--gallery", gallery, "--json").document["people"][0]["name"]
    forgotten = lookalike("forget", name, "--gallery", gallery, "--receipt", tmp_path / "r.json", "--json").document
    assert forgotten["found_in"] == []
    assert name not in (tmp_path / "r.json").read_text()
    assert lookalike("audit", "verify", gallery, "--receipt", tmp_path / "r.json").code == 0
    with closing(sqlite3.connect(gallery / "gallery.sqlite3")) as connection, connection:
        connection.execute("DROP TRIGGER audit_UPDATE")
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE n = 1")
    told = lookalike("audit", "verify", gallery)
    assert (told.code, told.out) == (1, "entry 1 was changed\n")
    document = json.loads(lookalike("audit", "verify", gallery, "--json").out)
    assert (document["first_bad"], document["fault"]) == (1, "entry 1 was changed")


def test_refusals(lookalike, refused, gallery, tmp_path):
    refused(lookalike("audit", "verify", gallery, "--head", "1"), "64 hexadecimal digits")
    refused(lookalike("audit", "verify", tmp_path / "none"), "none is not there")
    (tmp_path / "r.json").write_text("{}")
    refused(lookalike("audit", "verify", gallery, "--receipt", tmp_path / "r.json"), "is no erasure receipt")
    refused(lookalike("forget", "--before", "2020-01-01", "--receipt", tmp_path / "x.json"), "is for one person")
