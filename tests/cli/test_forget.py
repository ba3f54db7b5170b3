"""`lookalike forget`: a person and all their templates, and nobody else."""

from lookalike import open_gallery


def test_one_is_forgotten_and_the_others_stay(lookalike, gallery):
    said = lookalike("forget", "s02", "--gallery", gallery)
    assert (said.code, said.err) == (0, f"forgot s02 (2 templates); {gallery} knows 2 people\n")
    with open_gallery(gallery, create=False) as opened:
        assert [person.name for person in opened.people()] == ["s01", "s03"]
    document = lookalike("forget", "s01", "--gallery", gallery, "--json").document
    assert document == {"gallery": str(gallery), "forgotten": "s01", "templates": 2, "identities": 1}


def test_what_is_older_than_a_date_is_forgotten(lookalike, refused, gallery):
    said = lookalike("forget", "--before", "2000-01-01", "--gallery", gallery)
    assert said.err == f"forgot 0 templates from before 2000-01-01, and 0 people; {gallery} knows 3 people\n"
    document = lookalike("forget", "--before", "2100-01-01T12:00", "--gallery", gallery, "--json").document
    assert document == {"gallery": str(gallery), "forgotten": 3, "templates": 6, "identities": 0}
    for given in ([], ["s01", "--before", "2000-01-01"]):
        refused(lookalike("forget", *given, "--gallery", gallery), "give the name of one person, or --before DATE")
    refused(lookalike("forget", "--before", "yesterday", "--gallery", gallery), "'yesterday' is no date or time")


def test_a_name_that_is_not_there(lookalike, refused, gallery, snapshot):
    before = snapshot(gallery)
    for name in ("Eve", "[bold]", "S01"):
        refused(lookalike("forget", name, "--gallery", gallery), f"{name!r} is not in", "`people` lists who is")
    assert lookalike("forget", "Eve", "--gallery", gallery, "--json").document["error"] == "UnknownIdentityError"
    assert snapshot(gallery) == before
