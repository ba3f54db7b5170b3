"""`lookalike gallery migrate`."""


def test_a_line_and_json(lookalike, refused, gallery, tmp_path):
    said = lookalike("gallery", "migrate", gallery, tmp_path / "b")
    assert said.code == 0
    assert "migrated and verified: 3 people, 6 templates" in said.err
    document = lookalike("gallery", "migrate", gallery, tmp_path / "c", "--json").document
    assert (document["identities"], document["templates"], document["verified"]["further"]) == (3, 6, 0)
    refused(lookalike("gallery", "migrate", gallery, gallery), "given twice")
    refused(lookalike("gallery", "migrate", tmp_path / "none", tmp_path / "d"), "none")
