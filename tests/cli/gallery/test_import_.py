"""`lookalike gallery import`."""


def test_a_line_and_json(lookalike, refused, gallery, tmp_path):
    lookalike("gallery", "export", gallery, tmp_path / "e")
    assert "imported and verified: 3 people" in lookalike("gallery", "import", tmp_path / "e", tmp_path / "b").err
    document = lookalike("gallery", "import", tmp_path / "e", tmp_path / "c", "--json").document
    assert (document["identities"], document["templates"]) == (3, 6)
    (tmp_path / "e" / "card.json").unlink()
    refused(lookalike("gallery", "import", tmp_path / "e", tmp_path / "d"), "no exported gallery")
