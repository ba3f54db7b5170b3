"""What a job `doctor` found and proposes, as the console shows it, and proposals carried out. In threads.

What was carried out stands in the job's folder, so that a page that is opened later knows it; whether it was taken back
since, the gallery knows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from lookalike.atomic_files import write_atomically
from lookalike.counted_nouns import how_many
from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.gallery import Gallery
from lookalike.gallery.doctor import Proposal, repair
from lookalike.gallery.file_locks import locked
from lookalike.service.jobs.job_store import JobStore
from lookalike.workflows.findings_file import read_findings
from lookalike.workflows.people_repairs import refuse_other_model

__all__ = ["Carried", "DoctorFindings", "Finding", "Picture", "proposal_words"]

#: Acts of the gallery that are looked through for those that were taken back.
_ACTS = 10_000
_FORMAT_VERSION = 1


@dataclass(frozen=True)
class Picture:
    """A picture of the report: a data address, and the words below it."""

    address: str
    words: str


@dataclass(frozen=True)
class Finding:
    """What may be wrong.

    Attributes:
        id: in its job.
        kind: as in `gallery.doctor.Finding`.
        identities: the names it is about.
        reason: why, in a sentence.
        proposal: None where nothing can be done, or pictures have to be seen first.
        pairs: pictures side by side; empty where the report has none of it.
    """

    id: str
    kind: str
    identities: tuple[str, ...]
    reason: str
    proposal: Proposal | None
    pairs: tuple[tuple[Picture, ...], ...]


@dataclass(frozen=True)
class Carried:
    """A proposal that was carried out.

    Attributes:
        finding: its id.
        done: what was done, in words.
        act: by which it is taken back; None where that cannot be.
        caller: who did it.
    """

    finding: str
    done: str
    act: int | None
    caller: str


def proposal_words(proposal: Proposal) -> str:
    """What is proposed, as a button says it.

    Example:
        >>> proposal_words(Proposal("merge", ("Bobby", "Bob"), "Bob", (), {"Bob": (1,), "Bobby": (2,)}))
        'Merge Bobby into Bob'
    """
    if proposal.act == "merge":
        return f"Merge {', '.join(name for name in proposal.identities if name != proposal.into)} into {proposal.into}"
    some = how_many(len(proposal.templates), "template")
    if proposal.act == "split":
        return f"Move {some} of {proposal.identities[0]} to {proposal.into}"
    return f"Delete {some} of {proposal.identities[0]}"


class DoctorFindings:
    """The findings of one job.

    Args:
        store: of the jobs.
        job_id: of a job `doctor` that has ended well.
        gallery: that was examined.

    Raises:
        UnknownIdentityError: there is no such job, or it wrote no findings.
    """

    def __init__(self, store: JobStore, job_id: str, gallery: Gallery) -> None:
        self._gallery = gallery
        self._path, self._report = store.file(job_id, "findings.json"), store.output(job_id) / "report.html"
        self._carried = store.folder / job_id / "carried_out.json"

    def findings(self) -> list[Finding]:
        """All of them, in the order of the report.

        Raises:
            ArtefactError: the file is damaged or of another version.
        """
        proposals = read_findings(self._path).proposals
        pictures = _pictures(self._report)
        document = json.loads(self._path.read_bytes())
        return [
            Finding(
                id=one["id"],
                kind=one["kind"],
                identities=tuple(one["identities"]),
                reason=one["reason"],
                proposal=proposals.get(one["id"]),
                pairs=tuple(pictures.get(one["id"], ())),
            )
            for one in document["findings"]
        ]

    def carried_out(self) -> dict[str, Carried]:
        """What was carried out and not taken back since, by the id of the finding."""
        undone = {act.id for act in self._gallery.acts(_ACTS) if act.undone}
        return {one.finding: one for one in self._written() if one.act not in undone}

    def carry_out(self, finding: str, caller: str) -> Carried:
        """Carry out what is proposed for a finding.

        Args:
            finding: its id.
            caller: who does it.

        Raises:
            InputError: it was done already, nothing is proposed, or somebody has changed what it is about.
            FingerprintError: the gallery belongs to another model now.
            StorageError: the disk is full or failing.
        """
        file = read_findings(self._path)
        if finding not in file.proposals:
            raise InputError(f"nothing is proposed for {finding!r}; choose a finding with a proposal")
        with locked(self._carried.with_suffix(".lock")):
            before = self.carried_out()
            if finding in before:
                raise InputError(f"{finding} was done already: {before[finding].done}")
            refuse_other_model(self._gallery, file, "the diagnosis", "the gallery")
            earlier = [file.proposals[one] for one in before if one in file.proposals]
            (repaired,) = repair(self._gallery, [(finding, file.proposals[finding])], earlier)
            if repaired.refused:
                raise InputError(f"nothing was done: {repaired.refused}")
            made = Carried(finding, repaired.done, repaired.act, caller)
            self._write([*(one for one in self._written() if one.finding != finding), made])
        return made

    def _written(self) -> list[Carried]:
        try:
            content: dict[str, Any] = json.loads(self._carried.read_bytes())
            if content["format_version"] != _FORMAT_VERSION:
                raise ValueError(f"version {content['format_version']}")
            return [Carried(**one) for one in content["carried_out"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(
                f"{self._carried.name} of the job cannot be read ({error}); run the doctor again"
            ) from None

    def _write(self, carried: Sequence[Carried]) -> None:
        content = {"format_version": _FORMAT_VERSION, "carried_out": [asdict(one) for one in carried]}
        write_atomically(self._carried, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def _pictures(report: Path) -> dict[str, list[tuple[Picture, ...]]]:
    """Pairs of pictures of the report by finding; none where there is no report."""
    reader = _ReportPairs()
    with suppress(OSError, UnknownIdentityError):
        reader.feed(report.read_text(encoding="utf-8"))
    return reader.pairs


class _ReportPairs(HTMLParser):
    """Reads the pairs of a report: `div.pair` with two pictures and a `div.verdict` that begins with the finding."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: dict[str, list[tuple[Picture, ...]]] = defaultdict(list)
        self._pair: list[Picture] = []
        self._verdict: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kinds = given.get("class", "").split()
        if tag == "div" and "pair" in kinds:
            self._pair = []
        elif tag == "div" and "verdict" in kinds:
            self._verdict = ""
        elif tag == "img" and given.get("src", "").startswith("data:image/"):
            self._pair.append(Picture(given["src"], given.get("alt", "")))

    def handle_data(self, data: str) -> None:
        if self._verdict is not None:
            self._verdict += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._verdict is not None:
            finding = self._verdict.partition(":")[0].strip()
            self.pairs[finding].append(tuple(one for one in self._pair if one.words))
            self._verdict, self._pair = None, []
