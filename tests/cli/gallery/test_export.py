"""`lookalike gallery export`."""


def test_a_line_and_json(lookalike, refused, gallery, tmp_path):
    assert "exported 3 people, 6 templates" in lookalike("gallery", "export", gallery, tmp_path / "e").err
    document = lookalike("gallery", "export", gallery, tmp_path / "f", "--json").document
    assert (document["identities"], document["templates"], document["changed"]) == (3, 6, False)
    refused(lookalike("gallery", "export", gallery, tmp_path / "e"), "not replaced")
