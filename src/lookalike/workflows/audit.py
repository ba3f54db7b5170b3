"""The audit log of a gallery: verified, shown, exported; and what goes into it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery.audit import AuditEntry, AuditVerdict

__all__ = [
    "AuditExport",
    "AuditExportOptions",
    "AuditPolicyOptions",
    "AuditPolicyResult",
    "AuditShowOptions",
    "AuditVerifyOptions",
    "ShownAudit",
    "audit_policy",
    "export_audit",
    "show_audit",
    "verify_audit",
]


@dataclass(frozen=True, kw_only=True)
class AuditVerifyOptions:
    """What is verified, and what was noted of it before.

    Attributes:
        gallery: its folder; no key is needed.
        head: a hash that was the log's head once, 64 hexadecimal digits.
        receipt: a file that `forget` wrote, which the log must vouch for.
    """

    gallery: str | Path = "people.gallery"
    head: str | None = None
    receipt: Path | None = None


def verify_audit(options: AuditVerifyOptions) -> AuditVerdict:
    """Compute the hashes of a gallery's audit log anew, and compare them with what was noted.

    Returns:
        what is wrong, if anything; the verdict of the first check that fails.

    Raises:
        ArtefactError: there is no gallery, or it is damaged, or of a version without a log.
        InputError: a head that is no hash, or a file that is no receipt.

    Example:
        >>> verify_audit(AuditVerifyOptions(gallery="people.gallery")).fault is None    # doctest: +SKIP
        True
    """
    from dataclasses import replace

    from lookalike.errors import InputError
    from lookalike.gallery.audit import open_audit_log
    from lookalike.gallery.erasure_receipt import read_receipt, receipt_fault

    head = None if options.head is None else options.head.strip().lower()
    if head is not None and (len(head) != 64 or set(head) - set("0123456789abcdef")):
        raise InputError(f"the head is {options.head!r}; give the 64 hexadecimal digits that `audit verify` printed")
    receipt = None if options.receipt is None else read_receipt(options.receipt)
    with open_audit_log(options.gallery) as log:
        verdict = log.verified(head)
        if verdict.fault is None and receipt is not None:
            n = receipt["audit"]["n"]
            verdict = log.verified(receipt["audit"]["hash"], n)
            fault = receipt_fault(log, receipt) if verdict.fault is None else None
            if fault is not None:
                verdict = replace(verdict, first_bad=n, fault=fault)
    return verdict


@dataclass(frozen=True, kw_only=True)
class AuditShowOptions:
    """Which entries are shown.

    Attributes:
        gallery: its folder.
        since: only entries from this day or moment on, ISO 8601, UTC.
        act: only these acts, such as `forget`.
        name: only what was done to this identity, which must be enrolled; an encrypted gallery needs its key for this.
    """

    gallery: str | Path = "people.gallery"
    since: str | None = None
    act: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class ShownAudit:
    """Entries of a log.

    Attributes:
        policy: what is logged, `acts` or `searches`.
        subject: the pseudonym of the identity that was asked for.
        entries: in order.
    """

    policy: str
    subject: str | None
    entries: tuple[AuditEntry, ...]


def show_audit(options: AuditShowOptions) -> ShownAudit:
    """Entries of a gallery's audit log.

    Raises:
        UnknownIdentityError: the name is not enrolled.
        ArtefactError: there is no gallery, or it is damaged, or of a version without a log.
        InputError: a moment that is none.

    Example:
        >>> [entry.act for entry in show_audit(AuditShowOptions(gallery="people.gallery")).entries]    # doctest: +SKIP
        ['enroll', 'forget']
    """
    from lookalike.gallery.audit import open_audit_log

    subject = None if options.name is None else _subject(options)
    with open_audit_log(options.gallery) as log:
        since = "" if options.since is None else _moment(options.since)
        return ShownAudit(log.policy, subject, tuple(log.entries(since, options.act, subject)))


def _subject(options: AuditShowOptions) -> str:
    from lookalike.gallery import open_gallery
    from lookalike.gallery.audit import audit_of

    with open_gallery(options.gallery, create=False) as gallery:
        return audit_of(gallery).pseudonym(options.name or "")


def _moment(text: str) -> str:
    """ISO 8601 in UTC, as entries have it."""
    from lookalike.errors import InputError
    from lookalike.gallery.moments import utc_moment

    try:
        return utc_moment(text)
    except InputError:
        raise InputError(f"the moment is {text!r}; give a day or a time, such as 2026-05-31T14:00") from None


@dataclass(frozen=True, kw_only=True)
class AuditExportOptions:
    """Where the log goes.

    Attributes:
        output: the file to write, one JSON object a line; an older one is replaced.
        gallery: its folder; no key is needed.
    """

    output: Path
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class AuditExport:
    """What was written.

    Attributes:
        output: the file.
        entries: lines in it.
        head: the hash of the last one.
    """

    output: Path
    entries: int
    head: str


def export_audit(options: AuditExportOptions) -> AuditExport:
    """Write a gallery's audit log into a file, whole or not at all.

    Raises:
        ArtefactError: there is no gallery, or it is damaged, or of a version without a log.
        StorageError: the file cannot be written.

    Example:
        >>> export_audit(AuditExportOptions(output=Path("audit.jsonl"))).entries    # doctest: +SKIP
        12
    """
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.gallery.audit import NO_HASH, open_audit_log
    from lookalike.json_values import plain

    with open_audit_log(options.gallery) as log:
        entries = log.entries()
    lines = [json.dumps(plain(entry), ensure_ascii=False) + "\n" for entry in entries]
    write_atomically(options.output, "".join(lines).encode("utf-8"))
    return AuditExport(options.output, len(entries), entries[-1].hash if entries else NO_HASH)


@dataclass(frozen=True, kw_only=True)
class AuditPolicyOptions:
    """What is to be logged.

    Attributes:
        policy: `acts`, or `searches` for these, too; None asks what it is.
        gallery: its folder.
    """

    policy: str | None = None
    gallery: str | Path = "people.gallery"


@dataclass(frozen=True)
class AuditPolicyResult:
    """What is logged.

    Attributes:
        policy: `acts` or `searches`.
    """

    policy: str


def audit_policy(options: AuditPolicyOptions) -> AuditPolicyResult:
    """Say what goes into a gallery's audit log, or ask; a change is logged itself.

    Raises:
        ArtefactError: there is no gallery, or it is damaged, or of a version without a log.
        InputError: there is no such policy, or the gallery is encrypted and there is no key.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> audit_policy(AuditPolicyOptions(policy="searches", gallery="people.gallery")).policy    # doctest: +SKIP
        'searches'
    """
    from lookalike.gallery import open_gallery
    from lookalike.gallery.audit import audit_of

    with open_gallery(options.gallery, create=False) as gallery:
        log = audit_of(gallery)
        if options.policy is not None:
            log.set_policy(options.policy)  # type: ignore[arg-type]  # it checks
        return AuditPolicyResult(log.policy)
