"""Who is in a gallery."""

from lookalike.errors import ArtefactError, InputError
from lookalike.workflows.people import PeopleOptions, list_people


def test_the_people_of_a_gallery(gallery, opened, capsys):
    known = list_people(PeopleOptions(gallery=gallery)).people
    assert [(one.name, one.templates) for one in known] == [("s01", 2), ("s02", 2), ("s03", 2)]
    assert opened == [gallery]
    assert capsys.readouterr() == ("", "")


def test_a_gallery_that_is_none(refuses, tmp_path):
    refuses(ArtefactError, lambda: list_people(PeopleOptions(gallery=tmp_path / "g")), "is not there")
    refuses(InputError, lambda: list_people(PeopleOptions(gallery="milvus://host")), "milvus://")
