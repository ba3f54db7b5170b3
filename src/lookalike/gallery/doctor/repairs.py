"""Proposals that somebody confirmed, carried out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery.doctor.findings import Proposal
from lookalike.gallery.gallery import Gallery

__all__ = ["Repaired", "repair"]


@dataclass(frozen=True)
class Repaired:
    """What became of a proposal.

    Attributes:
        finding: its id.
        done: what was done, in words; empty where it was refused.
        act: the number by which `Gallery.undo` takes it back; None where that cannot be, or nothing was done.
        refused: why nothing was done, in words; empty where it was done.
    """

    finding: str
    done: str
    act: int | None = None
    refused: str = ""


def repair(
    gallery: Gallery, confirmed: Iterable[tuple[str, Proposal]], before: Iterable[Proposal] = ()
) -> list[Repaired]:
    """Carry out proposals, one after the other.

    A proposal is refused where the templates of its identities are no longer those that were found, but for what
    earlier ones of the same call, and those of `before`, have changed.

    Args:
        gallery: that was examined.
        confirmed: id of the finding, and its proposal.
        before: proposals of the same diagnosis that were carried out since, in order, and not taken back.

    Returns:
        what became of each, in order.

    Raises:
        StorageError: the disk is full or failing; what was done before it stays.

    Example:
        >>> repair(gallery, [("one-person-1", finding.proposal)])[0].done    # doctest: +SKIP
        'Ada L. is Ada now'
    """
    ours = _OwnChanges(gallery)
    for one in before:
        ours.note(one)
    results: list[Repaired] = []
    for finding, proposal in confirmed:
        reason = ours.objection(proposal)
        if not reason:
            try:
                results.append(_carried_out(gallery, finding, proposal))
                ours.note(proposal)
                continue
            except (InputError, UnknownIdentityError) as error:  # changed by another program a moment ago, for example
                reason = str(error)
        results.append(Repaired(finding, "", refused=reason))
    return results


def _carried_out(gallery: Gallery, finding: str, proposal: Proposal) -> Repaired:
    ids, into = list(proposal.templates), proposal.into
    if proposal.act == "merge":
        act = gallery.merge(list(proposal.identities), into)
        gone = [name for name in proposal.identities if name != into]
        return Repaired(finding, f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} {into} now", act.id)
    if proposal.act == "split":
        act = gallery.split(proposal.identities[0], ids, into)
        return Repaired(
            finding, f"{how_many(len(ids), 'template')} moved from {proposal.identities[0]} to {into}", act.id
        )
    deleted = gallery.forget_templates(ids)
    return Repaired(finding, f"{how_many(deleted, 'template')} of {proposal.identities[0]} deleted for good")


class _OwnChanges:
    """What a gallery should hold, were nobody else changing it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._gained: dict[str, set[int]] = defaultdict(set)
        self._lost: dict[str, set[int]] = defaultdict(set)

    def objection(self, proposal: Proposal) -> str:
        """Why a proposal cannot be carried out; empty where it can."""
        for name in proposal.expected:
            held = self._held(name)
            if held != self._expected(proposal, name):
                return f"the templates of {name} have changed since the diagnosis; run it again"
            if not held:
                return f"{name} is no longer there, by what was confirmed before this; run the diagnosis again"
        name = proposal.identities[0]
        if not self._held(name).issuperset(proposal.templates):
            return f"{name} has lost the template, by what was confirmed before this; run the diagnosis again"
        if proposal.act != "merge" and self._held(name) == set(proposal.templates):
            return f"{name} would have no template left, by what was confirmed before this; run the diagnosis again"
        return ""

    def note(self, proposal: Proposal) -> None:
        """Remember what a proposal has changed."""
        if proposal.act == "merge":
            moves = {name: self._expected(proposal, name) for name in proposal.identities if name != proposal.into}
        else:
            moves = {proposal.identities[0]: set(proposal.templates)}
        for name, ids in moves.items():
            self._lost[name] |= ids
            self._gained[name] -= ids
            if proposal.into:
                self._gained[proposal.into] |= ids
                self._lost[proposal.into] -= ids

    def _expected(self, proposal: Proposal, name: str) -> set[int]:
        return (set(proposal.expected[name]) - self._lost[name]) | self._gained[name]

    def _held(self, name: str) -> set[int]:
        try:
            return {one.id for one in self._gallery.templates(name)}
        except UnknownIdentityError:
            return set()
