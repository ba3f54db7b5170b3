"""`lookalike audit export`."""

import json


def test_json_lines(lookalike, gallery, tmp_path, refused):
    told = lookalike("audit", "export", tmp_path / "a.jsonl", "--gallery", gallery)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert told.out.endswith(f"head {lines[-1]['hash']}\n")
    refused(lookalike("audit", "export", tmp_path / "no" / "a.jsonl", "--gallery", gallery), "no")
