"""`lookalike audit show`, `export` and `policy`."""


def test_entries_as_a_table_and_as_json(lookalike, gallery, refused):
    assert "enroll" in lookalike("audit", "show", gallery).out
    document = lookalike("audit", "show", gallery, "--json").document
    assert document["policy"] == "acts"
    assert document["entries"][0]["n"] == 1
    name = lookalike("people", "--gallery", gallery, "--json").document["people"][0]["name"]
    of_one = lookalike("audit", "show", gallery, "--name", name, "--json").document
    assert all(of_one["subject"] in entry["subjects"] for entry in of_one["entries"])
    refused(lookalike("audit", "show", gallery, "--since", "then"), "the moment is 'then'")
