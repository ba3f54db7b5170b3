"""`lookalike gallery backup`."""


def test_a_line_and_json(lookalike, refused, gallery, tmp_path):
    assert "backed up 3 people, 6 templates" in lookalike("gallery", "backup", gallery, tmp_path / "b").err
    assert lookalike("people", "--gallery", tmp_path / "b", "--json").document["people"]
    assert lookalike("gallery", "backup", gallery, tmp_path / "c", "--json").document["templates"] == 6
    refused(lookalike("gallery", "backup", gallery, tmp_path / "b"), "not empty")
