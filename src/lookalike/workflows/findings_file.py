"""`findings.json`: what a diagnosis found and proposes, and what somebody confirmed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.gallery import Gallery
    from lookalike.gallery.doctor import Diagnosis, Proposal
    from lookalike.workflows.people_doctor import ExaminedBy
    from lookalike.workflows.template_pictures import TemplatePictures

__all__ = ["FORMAT_VERSION", "FindingsFile", "read_findings", "write_findings"]

#: The version of `findings.json` that this code writes and reads.
FORMAT_VERSION = 1


@dataclass(frozen=True)
class FindingsFile:
    """What of a `findings.json` is carried out.

    Attributes:
        fingerprint: of the gallery's model.
        proposals: by the id of their finding, in the order of the file.
        confirmed: ids of those that are marked ``"confirm": true``.
    """

    fingerprint: str
    proposals: dict[str, Proposal]
    confirmed: tuple[str, ...]


def write_findings(path: Path, found: Diagnosis, by: ExaminedBy, gallery: Gallery, pictures: TemplatePictures) -> None:
    """Write the file; nothing is confirmed in it yet.

    Raises:
        StorageError: the disk is full, read-only or failing; an older file is unharmed.
    """
    from lookalike.atomic_files import write_atomically
    from lookalike.json_values import plain

    findings: list[dict[str, Any]] = []
    for one in found.findings:
        content = plain(one)
        content["pictures"] = {
            str(template): pictures.source(template) for pair in one.shown for template in dict.fromkeys(pair)
        }
        findings.append(content | ({} if one.proposal is None else {"confirm": False}))
    document = {
        "format_version": FORMAT_VERSION,
        "model": None if gallery.model is None else gallery.model.fingerprint,
        "threshold": by.threshold.distance,
        "threshold_source": by.threshold.source,
        "odds_source": by.odds_source,
        "identities": found.identities,
        "templates": found.templates,
        "single": found.single,
        "usual": found.usual,
        "change": found.change,
        "totals": found.totals,
        "findings": findings,
    }
    text = json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, (text + "\n").encode("utf-8", "replace"))


def read_findings(path: Path) -> FindingsFile:
    """Read the proposals of a file, and which are confirmed.

    Raises:
        ArtefactError: it is missing, damaged or of another version; the message names what is wrong.

    Example:
        >>> read_findings(Path("doctor/findings.json")).confirmed    # doctest: +SKIP
        ('one-person-1',)
    """
    from lookalike.errors import ArtefactError

    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ArtefactError(
            f"{path} cannot be read: {error.strerror}; `lookalike people doctor` writes findings.json"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is not JSON ({error}); correct it, or run the diagnosis again") from None
    version = document.get("format_version") if isinstance(document, dict) else None
    if version != FORMAT_VERSION:
        raise ArtefactError(
            f"{path} has format version {version!r}, this Lookalike reads {FORMAT_VERSION}; run it again"
        )
    proposals: dict[str, Proposal] = {}
    confirmed: list[str] = []
    try:
        for one in document["findings"]:
            if one.get("proposal") is None:
                continue
            proposals[str(one["id"])] = _proposal(one["proposal"])
            if one.get("confirm", False) not in (True, False):
                raise ValueError(f"confirm of {one['id']} is {one['confirm']!r}, not true or false")
            if one.get("confirm"):
                confirmed.append(str(one["id"]))
        return FindingsFile(str(document["model"]), proposals, tuple(confirmed))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"{path} is damaged ({error}); correct it, or run the diagnosis again") from None


def _proposal(content: dict[str, Any]) -> Proposal:
    from typing import get_args

    from lookalike.gallery.doctor import Proposal
    from lookalike.gallery.doctor.findings import Action

    if content["act"] not in get_args(Action):
        raise ValueError(f"act is {content['act']!r}; expected one of {', '.join(get_args(Action))}")
    expected = {str(name): tuple(int(one) for one in ids) for name, ids in content["expected"].items()}
    identities = tuple(str(one) for one in content["identities"])
    if not identities or not set(identities) <= set(expected):
        raise ValueError("a proposal names identities whose templates are not listed")
    return Proposal(
        content["act"], identities, str(content["into"]), tuple(int(one) for one in content["templates"]), expected
    )
