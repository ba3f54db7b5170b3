"""The keys of persons in a file outside the gallery."""

import os
import sqlite3
from contextlib import closing

import pytest

from lookalike.errors import ArtefactError, InputError
from lookalike.gallery.keyring import Keyring, keyring_path
from lookalike.gallery.master_key import MasterKey, default_key, master_key

MASTER = MasterKey(bytes(range(32)), "m.key", True)
OTHER = MasterKey(bytes(range(1, 33)), "n.key", True)


def numbers(count):
    return {os.urandom(16): os.urandom(32) for _ in range(count)}


def content(keyring):
    return b"".join(path.read_bytes() for path in keyring.files())


def test_keys_come_back_and_are_on_the_disk_only_wrapped(tmp_path):
    keys = numbers(1500)
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        keyring.put(keys)
        assert keyring.keys(keys) == keys
        assert not any(key in content(keyring) for key in [*keys.values(), MASTER.secret, keyring.secret])
        number, secret = keyring.gallery, keyring.secret
    assert (tmp_path / "k").stat().st_mode & 0o77 == 0
    with closing(Keyring(tmp_path / "k", MASTER, number)) as again:
        assert again.keys(keys) == keys
        assert again.secret == secret


def test_commits_wait_for_the_disk(tmp_path):
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        one = keyring._connection.execute
        assert (one("PRAGMA synchronous").fetchone()[0], one("PRAGMA secure_delete").fetchone()[0]) == (2, 1)


def test_destroyed_keys_are_nowhere_in_the_files_and_say_so(tmp_path):
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        keys = {}
        for _ in range(40):  # many commits: pages are written again and again
            more = numbers(25)
            keyring.put(more)
            keys |= more
        gone = list(keys)[::3]
        wrapped = {one: keyring.stored(one) for one in keys}
        assert all(wrapped[one] in content(keyring) for one in keys)
        keyring.destroy(gone)
        held = content(keyring)
        assert not any(wrapped[one] in held or wrapped[one][:16] in held for one in gone)
        assert keyring.keys(keys) == keys | dict.fromkeys(gone)
        assert keyring.destroyed() == set(gone)
        keyring.destroy(gone)  # again: nothing


def test_a_changed_master_key_opens_what_was_wrapped_by_the_old_one(tmp_path):
    keys = numbers(50)
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        keyring.put(keys)
        gone = next(iter(keys))
        keyring.destroy([gone])
        old = [keyring.stored(one) for one in keys if one != gone]
        assert keyring.rekey(OTHER) == 49
        assert not any(one in content(keyring) for one in old)
        more = numbers(1)
        keyring.put(more)
        secret = keyring.secret
    with closing(Keyring(tmp_path / "k", OTHER)) as keyring:
        assert keyring.keys({**keys, **more}) == {**keys, **more, gone: None}
        assert keyring.secret == secret
    with pytest.raises(ArtefactError, match=r"m\.key is not the key of"):
        Keyring(tmp_path / "k", MASTER)


def test_no_key_is_wrapped_by_a_master_key_that_was_changed(tmp_path):
    with closing(Keyring.made(tmp_path / "k", MASTER)) as old, closing(Keyring(tmp_path / "k", MASTER)) as other:
        held = numbers(1)
        old.put(held)
        other.rekey(OTHER)
        with pytest.raises(ArtefactError, match="was changed by another program; open the gallery again"):
            old.put(numbers(1))
        with pytest.raises(ArtefactError, match="was changed by another program"):
            old.rekey(MASTER)
        with pytest.raises(ArtefactError, match="the master key was changed by another program"):
            old.keys(held)
        assert other.keys(held) == held


def test_one_clear_error_each(tmp_path):
    Keyring.made(tmp_path / "k", MASTER).close()
    with pytest.raises(ArtefactError, match=r"n\.key is not the key of .*; give the key that"):
        Keyring(tmp_path / "k", OTHER)
    with pytest.raises(ArtefactError, match="is the keyring of another gallery"):
        Keyring(tmp_path / "k", MASTER, bytes(16))
    with pytest.raises(ArtefactError, match="lost is not there; without it nobody"):
        Keyring(tmp_path / "lost", MASTER)
    (tmp_path / "text").write_text("no keyring, but long enough to be taken for something else" * 100)
    with pytest.raises(ArtefactError, match="damaged"):
        Keyring(tmp_path / "text", MASTER)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE x (y)")
    with pytest.raises(ArtefactError, match="is no keyring of Lookalike"):
        Keyring(tmp_path / "other", MASTER)
    with closing(sqlite3.connect(tmp_path / "k")) as newer:
        newer.execute("PRAGMA user_version = 2")
    with pytest.raises(ArtefactError, match="format version 2, this Lookalike reads up to 1"):
        Keyring(tmp_path / "k", MASTER)


def test_lacking_damaged_and_exchanged_keys_are_found(tmp_path):
    keys = numbers(3)
    first, second, third = keys
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        keyring.put(keys)
        with pytest.raises(ArtefactError, match="lacks the keys of 1 in the gallery: it is older"):
            keyring.keys([first, bytes(16)])
        with closing(sqlite3.connect(tmp_path / "k")) as other, other:
            other.execute("UPDATE person_key SET wrapped = ? WHERE id = ?", (keyring.stored(first), second))
            other.execute("UPDATE person_key SET wrapped = x'0102' WHERE id = ?", (third,))
        for one in (second, third):
            with pytest.raises(ArtefactError, match=r"a key in .* is damaged"):
                keyring.keys([one])
        assert keyring.keys([first]) == {first: keys[first]}
    with pytest.raises(InputError, match="is closed"):
        keyring.keys([first])


def test_a_keyring_that_a_killed_process_left_is_used_again(tmp_path):
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        number = keyring.gallery
    with closing(Keyring.made(tmp_path / "k", MASTER)) as keyring:
        assert keyring.gallery == number
    assert [path.name for path in tmp_path.iterdir()] == ["k"]


def test_the_keyring_lies_beside_the_gallery(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert keyring_path(tmp_path / "people.gallery") == tmp_path / "people.gallery.keys"
    assert keyring_path(tmp_path / "x" / "..") == tmp_path.parent / f"{tmp_path.name}.keys"


# --- the master key ---------------------------------------------------------------------------------------


@pytest.fixture
def no_key(monkeypatch):
    monkeypatch.delenv("LOOKALIKE_GALLERY_KEY_FILE", raising=False)
    monkeypatch.delenv("LOOKALIKE_GALLERY_KEY", raising=False)


def key_file(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_is_bytes_or_a_file_of_them_or_of_base64(tmp_path, monkeypatch, no_key):
    import base64

    folder, secret = tmp_path / "g", os.urandom(32)
    text = base64.b64encode(secret)
    raw, line = key_file(tmp_path / "raw", secret), key_file(tmp_path / "line", text + b"\n")
    for given in (secret, raw, str(raw), f"file:{raw}", f"file://{raw}", f"file:{line}"):
        found = master_key(given, folder)
        assert (found.secret, found.asked) == (secret, True)
        assert repr(secret) not in repr(found)
    assert master_key(None, folder) is None
    with default_key(raw), default_key(None):
        assert master_key(None, folder).secret == secret
    assert master_key(None, folder) is None
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEY", text.decode())
    assert (master_key(None, folder).secret, master_key(None, folder).asked) == (secret, False)
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEY_FILE", str(key_file(tmp_path / "other", bytes(32))))
    assert master_key(None, folder).secret == bytes(32)


def test_keys_that_are_none_are_refused(tmp_path, no_key, monkeypatch, caplog):
    folder = tmp_path / "g"
    folder.mkdir()
    for content in (b"", b"short", b"x" * 33, b"x" * 5000):
        with pytest.raises(ArtefactError, match=r"holds no key \(\d+ bytes\); expected 32 random bytes"):
            master_key(key_file(tmp_path / "bad", content), folder)
    with pytest.raises(InputError, match=r"the key given holds no key \(5 bytes\)"):
        master_key(b"short", folder)
    with pytest.raises(ArtefactError, match="cannot be read: No such file"):
        master_key("file:/nowhere/x.key", folder)
    with pytest.raises(InputError, match="path of the key file is empty"):
        master_key("file:", folder)
    with pytest.raises(InputError, match="lies in the gallery"):
        master_key(key_file(folder / "m.key", bytes(32)), folder)
    (tmp_path / "link.key").symlink_to(folder / "m.key")
    with pytest.raises(InputError, match="lies in the gallery"):
        master_key(tmp_path / "link.key", folder)
    monkeypatch.setenv("LOOKALIKE_GALLERY_KEY", "no base64!")
    with pytest.raises(InputError, match=r"\$LOOKALIKE_GALLERY_KEY holds no key"):
        master_key(None, folder)
    assert not caplog.records
    master_key(key_file(tmp_path / "open", bytes(32), 0o644), folder)
    assert "other users may read the key file" in caplog.text
