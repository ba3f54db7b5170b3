"""What a diagnosis found: each finding with its evidence, and what is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["KINDS", "Action", "Finding", "FindingKind", "Proposal"]

#: `one-person`: names of one person. `undecided`: one person or look-alikes, the pictures have to tell. `wrong-name`:
#: a template that belongs to another identity. `twice`: one picture enrolled several times. `poor-picture`: a template
#: far from all others of its identity, or of low quality. `look-alikes`: different people, whom a search may confuse.
FindingKind = Literal["one-person", "undecided", "wrong-name", "twice", "poor-picture", "look-alikes"]
KINDS: tuple[FindingKind, ...] = get_args(FindingKind)
#: What is proposed: names become one, templates move to another name, templates are deleted.
Action = Literal["merge", "split", "forget"]


@dataclass(frozen=True)
class Proposal:
    """What would repair a finding. Nothing is done until somebody confirms it.

    Attributes:
        act: `merge`, `split` (templates move to another identity) or `forget` (templates are deleted for good).
        identities: to merge; or the one identity from which templates are moved or deleted.
        into: the name that stays, or that gets the templates; empty where templates are deleted.
        templates: ids moved or deleted; none of a merge, which moves all.
        expected: ids of all templates of every identity involved, as they were found: changed ones are not repaired.
    """

    act: Action
    identities: tuple[str, ...]
    into: str
    templates: tuple[int, ...]
    expected: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Finding:
    """One thing that may be wrong.

    Attributes:
        id: such as `one-person-1`; by kind and rank, so it is of one diagnosis only.
        kind: what it is.
        identities: the names it is about.
        templates: ids of the templates it is about.
        shown: pairs of template ids whose pictures tell most, side by side.
        distance: what it rests on: the typical distance between two identities, or a template's to another identity, or
            to the nearest of its own.
        nearest: the smallest distance that was found.
        agreeing: pairs of templates within the threshold.
        compared: pairs that were compared.
        probability: that it is true; None where distances were measured nowhere, or cannot tell.
        quality: of the template, 0 to 1; None where it is not known.
        reason: all of this in one sentence.
        proposal: None where nothing can be done, or pictures have to be seen first.
    """

    id: str
    kind: FindingKind
    identities: tuple[str, ...]
    templates: tuple[int, ...]
    shown: tuple[tuple[int, int], ...]
    distance: float
    nearest: float
    agreeing: int
    compared: int
    probability: float | None
    quality: float | None
    reason: str
    proposal: Proposal | None = None

    @property
    def telling(self) -> float:
        """The distance that tells: of look-alikes the smallest, by which they are confused; else `distance`."""
        return self.nearest if self.kind == "look-alikes" else self.distance
