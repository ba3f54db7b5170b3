"""Proposals of a diagnosis that somebody confirmed, carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.gallery import Gallery
    from lookalike.gallery.doctor import Repaired
    from lookalike.workflows.findings_file import FindingsFile

__all__ = ["PeopleRepaired", "RepairOptions", "refuse_other_model", "repair_people"]


@dataclass(frozen=True, kw_only=True)
class RepairOptions:
    """Which proposals are carried out.

    Attributes:
        findings: the `findings.json` that `examine_people` wrote.
        gallery: that was examined; its address, such as a folder.
        confirm: ids of findings, besides those that the file marks ``"confirm": true``.
    """

    findings: Path
    gallery: str | Path = "people.gallery"
    confirm: Sequence[str] = ()


@dataclass(frozen=True)
class PeopleRepaired:
    """What became of the proposals.

    Attributes:
        results: of each that was confirmed, in the order of the file: what was done and the act that takes it back, or
            why it was refused.
    """

    results: tuple[Repaired, ...]


def repair_people(options: RepairOptions) -> PeopleRepaired:
    """Carry out the confirmed proposals of a diagnosis; what has changed since then is refused.

    Raises:
        ArtefactError: there is no gallery or no such file, or it is damaged.
        FingerprintError: the findings are of a gallery of another model.
        InputError: nothing is confirmed, or a finding without a proposal.
        StorageError: the disk is full or failing; what was done before it stays.

    Example:
        >>> options = RepairOptions(findings=Path("doctor/findings.json"), confirm=["one-person-1"])
        >>> repair_people(options).results[0].act    # doctest: +SKIP
        7
    """
    from lookalike.errors import InputError
    from lookalike.gallery import open_gallery
    from lookalike.gallery.doctor import repair
    from lookalike.workflows.findings_file import read_findings

    file = read_findings(options.findings)
    for one in options.confirm:
        if one not in file.proposals:
            raise InputError(
                f"{options.findings} proposes nothing for {one!r}; give the id of a finding that it proposes"
            )
    confirmed = [one for one in file.proposals if one in {*file.confirmed, *options.confirm}]
    if not confirmed:
        raise InputError(
            f'nothing is confirmed in {options.findings}; mark a finding there with "confirm": true, or give its id '
            "with --confirm"
        )
    with open_gallery(options.gallery, create=False) as gallery:
        refuse_other_model(gallery, file, f"{options.findings}", f"{options.gallery}")
        return PeopleRepaired(tuple(repair(gallery, [(one, file.proposals[one]) for one in confirmed])))


def refuse_other_model(gallery: Gallery, file: FindingsFile, findings: str, name: str) -> None:
    """Refuse findings of a gallery of another model.

    Args:
        gallery: whose people are to be repaired.
        file: the findings.
        findings: what messages call them.
        name: what messages call the gallery.

    Raises:
        FingerprintError: the models are two.
    """
    from lookalike.errors import FingerprintError

    model = gallery.model
    if model is None or model.fingerprint != file.fingerprint:
        raise FingerprintError(
            f"{findings} is of a gallery of model {file.fingerprint}, and {name} belongs to "
            f"{'no model' if model is None else model.fingerprint}; give the gallery that was examined"
        )
