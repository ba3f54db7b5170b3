"""Opening a gallery's database with or without a key, and finishing what a killed `forget` left of keys."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from lookalike.errors import InputError
from lookalike.gallery import forgetting, storing
from lookalike.gallery.audit import append
from lookalike.gallery.database import FILE_NAME, Database
from lookalike.gallery.encryption import EncryptedColumns, encrypted_tables, gallery_number
from lookalike.gallery.failpoints import reached
from lookalike.gallery.keyring import Keyring, keyring_path
from lookalike.gallery.master_key import KEY_FILE_VARIABLE, KEY_VARIABLE, Key, MasterKey, master_key
from lookalike.gallery.moments import now

__all__ = ["KEYRING_VARIABLE", "finish_forgetting", "opened_database", "opened_keyring"]

_log = logging.getLogger(__name__)

#: Where the keyring is, when it is not beside the gallery.
KEYRING_VARIABLE = "LOOKALIKE_GALLERY_KEYRING"


def opened_database(folder: Path, create: bool, timeout: float, key: Key | None) -> Database:
    """Open a gallery's database, or make it; encrypted where there is a key.

    Args:
        folder: the gallery's directory.
        create: make it when it is not there.
        timeout: seconds to wait for another process's lock.
        key: as of `open_gallery`.

    Raises:
        ArtefactError, StorageError, MissingDependencyError: as of `Database` and `Keyring`.
        InputError: the gallery is encrypted, and there is no key; or a key was given, and it is not.
    """
    master = master_key(key, folder)
    also: tuple[str, ...] = ()
    if master is not None and create and not (folder / FILE_NAME).exists():
        keyring = Keyring.made(_keyring(folder), master, timeout)
        also = encrypted_tables(keyring.gallery)
        keyring.close()
        reached("keyring of a new gallery made")
    database = Database(folder, create, timeout, also)
    try:
        with database.errors("opened"):
            number = gallery_number(database)
        if number is not None:
            database.sealing = EncryptedColumns(database, _unlocked(folder, master, number, timeout))
        elif master is not None:
            _refuse_plain(folder, master)
    except BaseException:
        database.close()
        raise
    return database


def opened_keyring(folder: Path, key: Key | None, timeout: float = 30.0) -> Keyring:
    """The keyring of an encrypted gallery; closed by the caller.

    Raises:
        ArtefactError, StorageError, MissingDependencyError: as of `Database` and `Keyring`.
        InputError: the gallery is not encrypted, or there is no key.
    """
    database = Database(folder, False, timeout)
    try:
        with database.errors("opened"):
            number = gallery_number(database)
    finally:
        database.close()
    if number is None:
        raise InputError(
            f"{folder} is not encrypted: it has no keyring; `lookalike gallery encrypt` makes an encrypted copy"
        )
    return _unlocked(folder, master_key(key, folder), number, timeout)


def _keyring(folder: Path) -> Path:
    given = os.environ.get(KEYRING_VARIABLE)
    path = Path(given).expanduser() if given else keyring_path(folder)
    if path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"the keyring {path} lies in the gallery {folder}, so that backups would hold it; move it out")
    return path


def _unlocked(folder: Path, master: MasterKey | None, number: bytes, timeout: float) -> Keyring:
    if master is None:
        raise InputError(
            f"{folder} is encrypted; give its key: --key-file FILE, {KEY_FILE_VARIABLE}, {KEY_VARIABLE}, or "
            'open_gallery(..., key="file:FILE")'
        )
    return Keyring(_keyring(folder), master, number, timeout)


def _refuse_plain(folder: Path, master: MasterKey) -> None:
    if master.asked:
        raise InputError(
            f"{folder} is not encrypted, and a key was given ({master.origin}); leave the key out, or make an "
            "encrypted copy with `lookalike gallery encrypt`"
        )
    _log.warning("%s is not encrypted: the key of the environment is not used", folder)


def finish_forgetting(database: Database) -> None:
    """Delete who has no key any more, and destroy the keys of who was deleted; nothing in a plain gallery.

    Raises:
        StorageError: the disk is full, read-only or failing, or somebody is just writing.
    """
    sealing = database.sealing
    if not isinstance(sealing, EncryptedColumns):
        return
    with database.read("read"):
        left = any(sealing.unreadable().values())
    if left:
        with database.write("written", wait=False):
            _delete_unreadable(database, sealing)
        _log.warning("who was forgotten after this backup of %s was made is deleted from it, too", database.folder)
    sealing.finish()


def _delete_unreadable(database: Database, sealing: EncryptedColumns) -> None:
    gone = sealing.unreadable()
    (noted,) = database.one("SELECT coalesce(max(id), 0) FROM destroyed_key")
    change = storing.new_change(database)
    for template in gone["template"]:
        database.run("INSERT INTO tombstone VALUES (?, ?, ?)", (template, change, now()))
        database.run("DELETE FROM template WHERE id = ?", (template,))
    empty = database.run("SELECT id FROM identity WHERE id NOT IN (SELECT identity_id FROM template)").fetchall()
    for identity in {*gone["identity"], *(row[0] for row in empty)}:
        forgetting.drop_identity(database, identity, change)
    for act in gone["act"]:
        database.run("DELETE FROM act WHERE id = ?", (act,))
    append(database, "forget_restored", [], {"templates": len(gone["template"])})
    # A key that is not destroyed yet may be that of somebody who lives on in a newer state of the gallery.
    database.run("DELETE FROM destroyed_key WHERE id > ?", (noted,))
