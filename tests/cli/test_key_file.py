"""`--key-file` of every verb that opens a gallery; `lookalike gallery encrypt` and `rekey`."""

import pytest
import typer.main

from lookalike.cli import command_line
from lookalike.cli.key_file import add_key_file
from lookalike.gallery.master_key import master_key


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("LOOKALIKE_GALLERY_KEY_FILE", "LOOKALIKE_GALLERY_KEY", "LOOKALIKE_GALLERY_KEYRING"):
        monkeypatch.delenv(name, raising=False)


def key(path, byte):
    path.write_bytes(bytes([byte]) * 32)
    path.chmod(0o600)
    return path


def test_a_gallery_is_encrypted_read_and_given_another_key(lookalike, refused, gallery, tmp_path):
    one, two, copy = key(tmp_path / "1.key", 1), key(tmp_path / "2.key", 2), tmp_path / "copy.gallery"
    told = lookalike("gallery", "encrypt", gallery, copy, "--key-file", one)
    assert told.out == f"3 people (6 templates) in {copy}, encrypted; keys in {copy}.keys\n"
    refused(lookalike("people", "--gallery", copy), "is encrypted; give its key")
    people = [lookalike("people", "--gallery", where, *keys, "--json").document["people"]
              for where, keys in ((gallery, ()), (copy, ("--key-file", one)))]  # fmt: skip
    assert people[0] == people[1]
    assert master_key(None, tmp_path) is None  # the key was that verb's alone
    rekeyed = lookalike("gallery", "rekey", copy, "--key-file", one, "--new-key-file", two, "--json").document
    assert rekeyed["keys"] == 9
    refused(lookalike("people", "--gallery", copy, "--key-file", one), "is not the key of")
    assert lookalike("gallery", "stats", copy, "--key-file", two, "--json").document["encrypted"]
    refused(lookalike("people", "--gallery", gallery, "--key-file", two), "is not encrypted, and a key was given")


def test_every_verb_that_opens_a_gallery_has_it():
    command = typer.main.get_command(command_line())
    add_key_file(command)

    def verbs(group, name=""):
        for own, verb in group.commands.items():
            if hasattr(verb, "commands"):
                yield from verbs(verb, f"{name}{own} ")
            else:
                yield f"{name}{own}", [option for one in verb.params for option in one.opts]

    options = dict(verbs(command))
    opens = {name for name, given in options.items() if "--gallery" in given}
    opens |= {"gallery stats", "gallery migrate", "gallery backup", "audit show"}
    assert [name for name in opens if options[name].count("--key-file") != 1] == []
    assert "--key-file" not in options["detect"]
