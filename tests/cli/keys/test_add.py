"""`lookalike keys`: made, listed, revoked, by the gallery, a settings file or the file itself."""

import re

from lookalike.service.api_keys import ApiKeys


def test_a_key_is_made_shown_once_listed_and_revoked(lookalike, tmp_path):
    gallery = tmp_path / "people.gallery"
    made = lookalike("keys", "add", "front desk", "--role", "operator", "--gallery", gallery)
    assert made.code == 0
    text = made.out.strip()
    assert re.fullmatch(r"lk-[0-9a-f]{12}-[0-9a-f]{48}", text)
    file = tmp_path / "people.service" / "api-keys.json"
    assert ApiKeys(file).verified(text).name == "front desk"
    listed = lookalike("keys", "list", "--gallery", gallery)
    assert "front desk" in listed.out
    assert text not in listed.out + listed.err
    (known,) = lookalike("keys", "list", "--keys", file, "--json").document["keys"]
    assert known["role"] == "operator"
    settings = tmp_path / "service.toml"
    settings.write_text(f'gallery = "{gallery}"')
    gone = lookalike("keys", "revoke", known["id"], "--config", settings)
    assert gone.code == 0
    assert ApiKeys(file).verified(text) is None


def test_what_is_wrong_is_refused(lookalike, refused, tmp_path):
    keys = ("--keys", tmp_path / "keys.json")
    refused(lookalike("keys", "add", "a", "--role", "root", *keys), "root")
    refused(lookalike("keys", "add", "a", "--expires", "2001-01-01", *keys), "a moment to come")
    refused(lookalike("keys", "revoke", "000000000000", *keys), "no key")
    (tmp_path / "keys.json").write_text("{")
    refused(lookalike("keys", "list", *keys), "no file of API keys")
