"""The evidence of a finding in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.counted_nouns import how_many
from lookalike.gallery.doctor.identity_pairs import IdentityPair
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.wrong_names import WrongName

__all__ = ["likely_text", "of_copies", "of_look_alikes", "of_one_person", "of_poor", "of_undecided", "of_wrong_name"]


def of_one_person(pairs: Sequence[IdentityPair]) -> str:
    """Why names are of one person: the least sure of their pairs."""
    least = max(pairs, key=lambda pair: pair.typical)
    each = "" if len(pairs) == 1 else "of any two of the names, "
    return (
        f"{each}most pairs of templates match: {_agreement(least)}, typically {least.typical:.3g} apart{_sure(least)}"
    )


def of_undecided(pair: IdentityPair, chained: bool) -> str:
    """Why pictures have to tell.

    Args:
        pair: of the two identities.
        chained: they match, but one of them is one person with a third name that the other does not match.
    """
    if chained:
        return f"{_agreement(pair)}; but one of the names is of one person with a name that the other does not match"
    if pair.compared == 1:
        return f"one template each, {pair.nearest:.3g} apart{_sure(pair)}: one distance cannot tell them apart"
    return f"{_agreement(pair)}, typically {pair.typical:.3g} apart{_sure(pair)}: too little to be sure"


def of_look_alikes(pair: IdentityPair, rules: Rules) -> str:
    """Why two people may be confused."""
    where = "within the threshold" if pair.nearest <= rules.threshold else "just beyond the threshold"
    return (
        f"the nearest templates are {pair.nearest:.3g} apart, {where}; {_agreement(pair)}, "
        f"typically {pair.typical:.3g} apart{_sure(pair)}"
    )


def of_wrong_name(one: WrongName, names: Sequence[str]) -> str:
    """Why a template belongs to another identity."""
    sure = "" if one.probability is None else f"; {likely_text(one.probability)} likely"
    return (
        f"{one.agreeing} of {how_many(one.compared, 'template')} of {names[one.code]} match it, typically "
        f"{one.distance:.3g} away; the others of its own name are typically {one.own:.3g} away{sure}"
    )


def of_copies(count: int, names: Sequence[str]) -> str:
    """What one picture was enrolled as."""
    if len(names) == 1:
        return f"{count} templates have all but the same vector: one picture, enrolled {count} times"
    return f"one picture is enrolled under {len(names)} names"


def of_poor(nearest: float, threshold: float, others: int, quality: float | None, poor: bool) -> str:
    """Why a template is a poor one.

    Args:
        nearest: distance to the nearest of the others of its identity; infinite where there are none.
        threshold: up to which templates match.
        others: of its identity.
        quality: 0 to 1, or None.
        poor: whether that is low.
    """
    said = []
    if others and nearest > threshold:
        whom = how_many(others, "other template")
        said.append(f"it matches none of the {whom} of its name: the nearest is {nearest:.3g} away")
    if quality is not None:
        said.append(f"its quality is {quality:.2g}{', which is low' if poor else ''}")
    return "; ".join(said)


def _agreement(pair: IdentityPair) -> str:
    return f"{pair.agreeing} of {how_many(pair.compared, 'pair')} of templates within the threshold"


def _sure(pair: IdentityPair) -> str:
    return "" if pair.probability is None else f", {likely_text(pair.probability)} likely one person"


def likely_text(probability: float) -> str:
    """A probability as text that never claims certainty."""
    if probability > 0.99:
        return "over 99%"
    return "under 1%" if probability < 0.01 else f"{probability:.0%}"
