"""The audit log of a gallery: who did what to whom, appended only, each entry chained to the one before by a hash.

An entry is written in the transaction of the act that it tells of, so that neither is there without the other. Its hash
is SHA-256 over a canonical JSON of all its fields and of the hash before (Haber and Stornetta, "How to time-stamp a
digital document", 1991): who changes an entry must change all later ones, and differs from a hash that was noted
elsewhere.

Entries name nobody. An identity stands there by a pseudonym: in a plain gallery random bytes, kept in a table from
which forgetting deletes them; in an encrypted gallery derived from the person's key, which forgetting destroys. The log
of a forgotten person can still be verified, and says nothing of who it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.gallery.actor import acting
from lookalike.gallery.database import Database
from lookalike.gallery.moments import now
from lookalike.gallery.storing import identity_of
from lookalike.identity_names import checked_name

__all__ = [
    "NO_HASH",
    "AuditEntry",
    "AuditLog",
    "AuditPolicy",
    "AuditVerdict",
    "Audited",
    "append",
    "audit_of",
    "audited",
    "held_policy",
    "open_audit_log",
    "pseudonyms",
]

#: What is logged: acts that change the gallery, or searches, too.
AuditPolicy = Literal["acts", "searches"]
#: What the first entry is chained to.
NO_HASH = "0" * 64
#: Identities that one entry tells of; an act on more of them has several entries.
_SUBJECTS = 1000


@dataclass(frozen=True)
class AuditEntry:
    """One entry of the log.

    Attributes:
        n: its number, from 1 on.
        at: ISO 8601, UTC, by the clock of the machine that wrote it.
        actor: who did it, as the program that opened the gallery said.
        act: what was done, such as `enroll`, `forget` or `search`.
        subjects: pseudonyms of the identities that it was done to, 32 hexadecimal digits each.
        details: what else is known, ready for JSON; nothing that names anybody.
        previous: the hash of the entry before; `NO_HASH` for the first.
        hash: of this one, 64 hexadecimal digits.
    """

    n: int
    at: str
    actor: str
    act: str
    subjects: tuple[str, ...]
    details: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True)
class AuditVerdict:
    """Whether a log is what was written.

    Attributes:
        entries: how many there are.
        head: the hash of the last one; `NO_HASH` where there is none. Note it elsewhere: a later verification that is
            given it finds out when the end of the log was cut off, or all of it was written anew.
        first_bad: the number of the first entry that is wrong; None where none is.
        fault: what is wrong; None where nothing is.
    """

    entries: int
    head: str
    first_bad: int | None = None
    fault: str | None = None


@runtime_checkable
class Audited(Protocol):
    """A gallery that keeps an audit log."""

    @property
    def audit(self) -> AuditLog:
        """Its log."""


def audit_of(gallery: object) -> AuditLog:
    """The audit log of a gallery.

    Raises:
        InputError: galleries of this kind keep none.
    """
    if not isinstance(gallery, Audited):
        raise InputError(f"{gallery!r} keeps no audit log; only galleries in a folder do")
    return gallery.audit


@contextmanager
def open_audit_log(folder: str | Path) -> Iterator[AuditLog]:
    """The log of a gallery that is not opened otherwise: without the key of an encrypted one, and changing nothing.

    Raises:
        InputError: galleries of this kind keep none.
        ArtefactError: there is no gallery, or it is damaged, or older than audit logs are.
        StorageError: the disk is failing.
    """
    if "://" in str(folder):
        raise InputError(f"{folder} keeps no audit log; only galleries in a folder do")
    database = Database(Path(folder).expanduser(), False, 30.0)
    try:
        yield AuditLog(database)
    finally:
        database.close()


class AuditLog:
    """The log of one gallery.

    Args:
        database: of the gallery.

    Example:
        >>> with open_audit_log("people.gallery") as log:    # doctest: +SKIP
        ...     log.verified().fault is None
        True
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, since: str = "", act: str | None = None, subject: str | None = None) -> list[AuditEntry]:
        """Entries in order.

        Args:
            since: ISO 8601; earlier ones are left out.
            act: only these acts.
            subject: only those that tell of this pseudonym.
        """
        with self._database.read("read"):
            return [
                entry
                for entry in self._read()
                if entry.at >= since and act in (None, entry.act) and (subject is None or subject in entry.subjects)
            ]

    def page(self, limit: int = 1000, *, after: int = 0) -> list[AuditEntry]:
        """Some entries in order: those that follow the entry of number `after`.

        Raises:
            InputError: a limit below 1.
        """
        if limit < 1:
            raise InputError(f"the limit is {limit}; give at least 1")
        with self._database.read("read"):
            return list(self._read(after, limit))

    def verified(self, head: str | None = None, at: int | None = None) -> AuditVerdict:
        """Compute all hashes anew.

        Args:
            head: a hash that was the log's head once: it must still be there.
            at: the number of the entry of that hash, where it is known.
        """
        with self._database.read("read"):
            return _verdict(self._rows(), head, at)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; 0 and `NO_HASH` where there is none."""
        with self._database.read("read"):
            self._check_there()
            return _head(self._database)

    def pseudonym(self, identity: str) -> str:
        """By what an identity stands in the log; made where it was not needed before.

        Raises:
            UnknownIdentityError: the name is not enrolled.
        """
        name = checked_name(identity)
        with self._database.write("written"):
            owner = identity_of(self._database, name)
            if owner is None:
                raise UnknownIdentityError(f"{name!r} is not in {self._database.folder}; `people` lists who is")
            return pseudonyms(self._database, [owner])[0]

    @property
    def policy(self) -> AuditPolicy:
        """What is logged."""
        with self._database.read("read"):
            return held_policy(self._database)

    def set_policy(self, policy: AuditPolicy) -> None:
        """Say what is logged from now on; programs that have the gallery open follow when they open it again.

        Raises:
            InputError: there is no such policy.
            StorageError: the disk is full, read-only or failing.
        """
        if policy not in get_args(AuditPolicy):
            raise InputError(f"the audit policy is {policy!r}; expected {' or '.join(get_args(AuditPolicy))}")
        with self._database.write("written"):
            if held_policy(self._database) != policy:
                self._database.run("UPDATE audit_policy SET policy = ?", (policy,))
                audited(self._database, "policy", details={"policy": policy})

    def _read(self, after: int = 0, limit: int = -1) -> Iterator[AuditEntry]:
        for n, at, actor, act, subjects, details, previous, own in self._rows(after, limit):
            try:
                yield AuditEntry(n, at, actor, act, tuple(json.loads(subjects)), json.loads(details), previous, own)
            except (ValueError, TypeError):
                raise ArtefactError(
                    f"entry {n} of the audit log of {self._database.folder} is damaged; see `lookalike audit verify`"
                ) from None

    def _rows(self, after: int = 0, limit: int = -1) -> Iterator[tuple[Any, ...]]:
        self._check_there()
        rows: Iterator[tuple[Any, ...]] = self._database.run(
            "SELECT n, at, actor, act, subjects, details, previous, hash FROM audit WHERE n > ? ORDER BY n LIMIT ?",
            (after, limit),
        )
        return rows

    def _check_there(self) -> None:
        if self._database.version() < 4:
            raise ArtefactError(
                f"{self._database.folder} is of an earlier version, which kept no audit log; it has one once it was "
                "opened where it can be written to"
            )


# --- writing ----------------------------------------------------------------------------------------------


def audited(
    database: Database, act: str, identities: Sequence[int] = (), details: Mapping[str, Any] | None = None
) -> None:
    """Append to the log that something was done; call inside the transaction that does it.

    Args:
        database: of the gallery.
        act: what is done.
        identities: numbers of those it is done to; before they are deleted, because their pseudonyms are then, too.
        details: what else there is to say, ready for JSON; it must not name anybody.
    """
    subjects = pseudonyms(database, identities)
    for start in range(0, max(len(subjects), 1), _SUBJECTS):
        append(database, act, subjects[start : start + _SUBJECTS], details or {})


def append(database: Database, act: str, subjects: Sequence[str], details: Mapping[str, Any]) -> None:
    """Append one entry; call inside a writing transaction."""
    last, previous = _head(database)
    listed, told = _json(list(subjects)), _json(details)
    fields = (last + 1, now(), acting(database.actor), act, listed, told, previous)
    database.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*fields, _hash(fields)))


def pseudonyms(database: Database, identities: Sequence[int]) -> list[str]:
    """By what identities stand in the log, made where needed; call inside a writing transaction."""
    if not identities:
        return []
    if database.sealing.encrypted:
        return [one.hex() for one in database.sealing.pseudonyms(identities)]
    wanted = json.dumps([int(one) for one in identities])
    database.run("INSERT OR IGNORE INTO audit_subject SELECT value, randomblob(16) FROM json_each(?)", (wanted,))
    found = dict(
        database.run(
            "SELECT identity_id, lower(hex(pseudonym)) FROM audit_subject "
            "WHERE identity_id IN (SELECT value FROM json_each(?))",
            (wanted,),
        ).fetchall()
    )
    return [found[int(one)] for one in identities]


def held_policy(database: Database) -> AuditPolicy:
    """What is logged; call inside a transaction."""
    row = database.one("SELECT policy FROM audit_policy") if database.version() >= 4 else None
    return "searches" if row is not None and row[0] == "searches" else "acts"


def _head(database: Database) -> tuple[int, str]:
    row = database.one("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")
    return (0, NO_HASH) if row is None else (int(row[0]), str(row[1]))


# --- hashes -----------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _hash(fields: tuple[Any, ...]) -> str:
    """Of number, time, actor, act, subjects and details as JSON, and the hash before."""
    return hashlib.sha256(_json(list(fields)).encode("ascii")).hexdigest()


def _verdict(rows: Iterator[tuple[Any, ...]], head: str | None, at: int | None) -> AuditVerdict:
    count, previous, seen = 0, NO_HASH, head in (None, NO_HASH) and not at
    for *fields, own in rows:
        count += 1
        fault = None
        if fields[0] != count:
            fault = f"entry {count} is missing"
        elif fields[6] != previous:
            fault = f"entry {count} is not chained to the one before"
        elif _hash(tuple(fields)) != own:
            fault = f"entry {count} was changed"
        elif at == count and own != head:
            fault = f"entry {count} is another than the one that was noted"
        if fault is not None:
            return AuditVerdict(count, previous, count, fault)
        seen = seen or own == head
        previous = own
    if not seen:
        missing = "the entry that was noted is not there: the log was cut off, or written anew"
        return AuditVerdict(count, previous, count + 1, missing)
    return AuditVerdict(count, previous)
