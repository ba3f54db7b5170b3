"""API keys: only hashes are kept, another process' changes count at once, damage is told."""

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.gallery.actor import actor_name
from lookalike.service.api_keys import ROLES, ApiKeys, allows
from lookalike.service.callers import Caller


@pytest.fixture
def keys(tmp_path):
    return ApiKeys(tmp_path / "state" / "api-keys.json")


def test_a_key_is_verified_and_kept_as_a_hash(keys):
    text, key = keys.add(" reception ", "operator")
    assert (key.name, key.role) == ("reception", "operator")
    assert keys.verified(text) == key
    assert ApiKeys(keys.file).verified(text) == key
    content = keys.file.read_text()
    assert text.split("-")[2] not in content
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "0", lambda t: t.replace("lk-", "xx-"), lambda t: ""]
)
def test_another_text_is_no_key(keys, change):
    text, _ = keys.add("a", "reader")
    assert keys.verified(change(text)) is None
    assert keys.verified("lk--") is None
    assert keys.verified("lk-é-ü") is None


def test_what_another_process_revokes_is_refused_at_once(keys):
    text, key = keys.add("a", "reader")
    other_text, _ = keys.add("b", "reader")
    assert keys.verified(text)
    ApiKeys(keys.file).revoke(key.id)
    assert keys.verified(text) is None
    assert keys.verified(other_text)
    with pytest.raises(UnknownIdentityError, match=key.id):
        keys.revoke(key.id)


def test_a_key_ends(keys):
    text, key = keys.add("a", "reader", datetime.now(UTC) + timedelta(days=1))
    assert keys.verified(text) == key
    content = json.loads(keys.file.read_text())
    content["keys"][0]["expires_at"] = "2001-01-01T00:00:00.000+00:00"
    keys.file.write_text(json.dumps(content))
    assert keys.verified(text) is None
    assert keys.listed()[0].expired


def test_hashing_is_only_for_ids_that_there_are(keys):
    text, _ = keys.add("a", "reader")
    assert keys.costly(text)
    keys.verified(text)
    assert not keys.costly(text)
    assert keys.costly(text + "0")
    assert not keys.costly("lk-000000000000-0")
    assert not keys.costly("nonsense")


def test_the_longest_name_can_act(keys):
    _, key = keys.add("x" * 180, "reader")
    assert actor_name(Caller(key).actor).startswith("xxx")


@pytest.mark.parametrize(
    ("name", "role", "ends"),
    [
        ("", "reader", None),
        ("x" * 181, "reader", None),
        ("a\nb", "reader", None),
        ("a", "root", None),
        ("a", "reader", "2001-01-01"),
    ],
)
def test_unusable_keys_are_not_made(keys, name, role, ends):
    with pytest.raises(InputError):
        keys.add(name, role, ends)
    assert not keys.file.exists()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format_version": 2, "keys": []}', '{"format_version": 1, "keys": [{"id": "a"}]}']
)
def test_a_damaged_file_is_told(keys, content):
    keys.add("a", "reader")
    keys.file.write_text(content)
    with pytest.raises(ArtefactError, match=r"api-keys\.json"):
        keys.listed()


def test_a_role_may_do_what_lesser_ones_may():
    assert [[allows(role, wanted) for wanted in ROLES] for role in ROLES] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
