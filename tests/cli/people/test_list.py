"""`lookalike people`: who is in a gallery."""

import pytest

from lookalike import open_gallery


def test_a_table_and_json(lookalike, gallery):
    table = lookalike("people", "--gallery", gallery).out
    assert f"3 people in {gallery}" in table
    rows = [line.split("│")[1:3] for line in table.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [["s01", "2"], ["s02", "2"], ["s03", "2"]]
    document = lookalike("people", "--gallery", gallery, "--json").document
    assert [(person["name"], person["templates"]) for person in document["people"]] == [
        ("s01", 2),
        ("s02", 2),
        ("s03", 2),
    ]


@pytest.mark.parametrize("name", ["x" * 200, "名" * 200, "[bold]Zoë[/bold]", ":smile: \\[x]", "Ada Lovelace"])
def test_every_name_is_whole_where_no_terminal_limits_it(lookalike, gallery, name, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    with open_gallery(gallery) as opened:
        vector = opened.templates("s01")[0].vector
        opened.enroll(name, vector)
    assert name in lookalike("people", "--gallery", gallery).out


def test_an_empty_gallery(lookalike, tmp_path):
    open_gallery(tmp_path / "g").close()
    assert lookalike("people", "--gallery", tmp_path / "g").code == 0
    assert lookalike("people", "--gallery", tmp_path / "g", "--json").document["people"] == []
