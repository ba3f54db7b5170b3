"""`lookalike gallery stats`: what a gallery holds."""


def test_a_table_and_json(lookalike, gallery):
    table = lookalike("gallery", "stats", gallery).out
    assert "identities" in table
    document = lookalike("gallery", "stats", gallery, "--json").document
    assert (document["gallery"], document["identities"], document["templates"]) == (str(gallery), 3, 6)
    assert document["model"]["metric"] == "cosine"


def test_no_gallery(lookalike, refused, tmp_path):
    refused(lookalike("gallery", "stats", tmp_path / "none"), "none")
