"""One identity is forgotten, and no other."""

import unicodedata

from lookalike import open_gallery
from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.workflows.forget import ForgetOptions, Forgotten, forget, forget_from


def test_what_was_forgotten_and_what_is_left(gallery, opened, capsys):
    assert forget(ForgetOptions(name=" s02", gallery=gallery)) == Forgotten("s02", 2, 2)
    assert opened == [gallery]
    assert capsys.readouterr() == ("", "")
    with open_gallery(gallery, create=False) as held:
        assert held.names() == ["s01", "s03"]


def test_from_a_gallery_that_is_open(gallery):
    with open_gallery(gallery) as held:
        held.enroll("Zoë", held.templates("s01")[0].vector)
        assert forget_from(held, unicodedata.normalize("NFD", "Zoë")) == Forgotten("Zoë", 1, 3)
        assert held.names() == ["s01", "s02", "s03"]


def test_what_is_refused(gallery, refuses, tmp_path):
    def job(name, where=gallery):
        return lambda: forget(ForgetOptions(name=name, gallery=where))

    refuses(UnknownIdentityError, job("Eve"), "'Eve' is not in", below=gallery)
    refuses(InputError, job(" "), "empty name", below=gallery)
    refuses(ArtefactError, job("s01", tmp_path / "no"), "is not there")
