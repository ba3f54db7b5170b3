"""Promises about false alarms, and the thresholds that keep them.

A promise is a rate *per comparison* (FMR), *per search* (FPIR: of the searches of people who are not enrolled, how many
name anybody), or *per photo of no landmark* (FPR: of the photos that show no landmark, how many are accepted as one).
The thresholds are found by `lookalike.evaluation.calibration`; what was found is kept with the model
(`calibration.json`) or with the gallery (its annex), and read without NumPy or SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lookalike.errors import InputError

__all__ = ["Compared", "Promise", "PromiseKind", "PromisedRate", "PromisedThreshold", "promise_text"]

PromiseKind = Literal["fmr", "fpir", "fpr"]
#: What a search compares its probe with: where all templates of an identity make one distance, identities.
Compared = Literal["templates", "identities"]
#: Of what each kind of rate is a share.
_SHARE_OF = {"fmr": "comparisons", "fpir": "searches", "fpr": "photos without a landmark"}
#: A usual rate of each kind, for messages.
_USUAL = {"fmr": 0.001, "fpir": 0.001, "fpr": 0.01}


def promise_text(aim: str, basis: str, shortfall: str = "") -> str:
    """What a threshold stands for, in words: a promise where the data carry it, otherwise an aim. Said nowhere else.

    Args:
        aim: the rate, such as "at most 0.001 of impostor pairs match".
        basis: what the promise rests on, such as "95% confidence".
        shortfall: why the data do not carry it; empty where they do.

    Example:
        >>> promise_text("at most 0.1 of impostor pairs match", "95% confidence")
        'at most 0.1 of impostor pairs match (95% confidence)'
        >>> promise_text("at most 0.1 of impostor pairs match", "95% confidence", "too few pairs to promise it")
        'aimed at: at most 0.1 of impostor pairs match; too few pairs to promise it'
    """
    return f"aimed at: {aim}; {shortfall}" if shortfall else f"{aim} ({basis})"


@dataclass(frozen=True)
class Promise:
    """What is asked for: a rate of at most `rate` false alarms.

    Attributes:
        kind: per comparison (`fmr`), per search (`fpir`), or per photo without a landmark (`fpr`).
        rate: above 0 and below 1.

    Raises:
        InputError: another kind, or a rate that is not above 0 and below 1.

    Example:
        >>> Promise.parse("fpir=0.001")
        Promise(kind='fpir', rate=0.001)
    """

    kind: PromiseKind
    rate: float

    def __post_init__(self) -> None:
        if self.kind not in get_args(PromiseKind):
            raise InputError(f"a promise of {self.kind!r} was asked for; expected {_listed(get_args(PromiseKind))}")
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 < self.rate < 1:
            raise InputError(
                f"{self.kind} is {self.rate!r}; expected a rate above 0 and below 1, for example {_USUAL[self.kind]:g}"
            )

    @classmethod
    def parse(cls, text: str, kinds: Sequence[PromiseKind] = ("fpir", "fmr")) -> Promise:
        """Read a promise such as `fpir=0.001`.

        Args:
            text: a kind, an equals sign and a rate.
            kinds: that may be asked for here; those about people by default.

        Raises:
            InputError: no promise, one of another kind, or a rate out of range.

        Example:
            >>> Promise.parse("fpr=0.01", kinds=["fpr"]).rate
            0.01
        """
        kind, _, rate = text.partition("=")
        try:
            value = float(rate)
        except ValueError:
            wanted = " or ".join(f"{one}=RATE" for one in kinds)
            raise InputError(
                f"{text!r} is no promise; expected {wanted}, for example {kinds[0]}={_USUAL[kinds[0]]:g}"
            ) from None
        named = kind.strip().lower()
        if named not in kinds:
            raise InputError(f"a promise of {named!r} was asked for; expected {_listed(kinds)}")
        return cls(named, value)  # type: ignore[arg-type]  # it is in kinds

    def comparison_rate(self, templates: int) -> float:
        """The false match rate per comparison that is low enough, whoever the probes are.

        Raises:
            InputError: a promise about photos without a landmark, whose threshold is counted on such photos.
        """
        if self.kind == "fpr":
            raise InputError(
                f"{self} is a promise about photos without a landmark, which no calibration on people can keep; "
                "ask for fpir or fmr"
            )
        if self.kind == "fmr":
            return self.rate
        return -math.expm1(math.log1p(-self.rate) / max(1, templates))

    def __str__(self) -> str:
        return f"{self.kind.upper()} {self.rate:g}"


def _listed(kinds: Sequence[str]) -> str:
    return " or ".join(f"{kind} ({_SHARE_OF[kind]})" for kind in kinds)


@dataclass(frozen=True)
class PromisedThreshold:
    """A distance, and what it promises.

    Attributes:
        promise: what was asked for.
        templates: compared in a search; 1 for a promise per comparison.
        threshold: a match is a distance of at most this. With 95% confidence the true rate is at most the promised.
        likely: the larger distance at which the rate is *expected* to reach the promised one. What lies between is
            neither safe to accept nor plainly to be refused.
        expected: the rate expected at `threshold`.
        bound: the upper 95% confidence bound of the rate there; at most the promised one.
        extrapolation: how many times below one error in all impostor pairs the tail was read; at most 1 within them.
        sufficient: whether the data carry the promise that far.
        fnmr: share of genuine pairs missed at `threshold`.
        fnmr_low: lower end of its 95% interval.
        fnmr_high: upper end of it.
        counted: what `templates` counts.
    """

    promise: Promise
    templates: int
    threshold: float
    likely: float
    expected: float
    bound: float
    extrapolation: float
    sufficient: bool
    fnmr: float
    fnmr_low: float
    fnmr_high: float
    counted: Compared = "templates"

    @property
    def source(self) -> str:
        """The promise in words, for people; an aim where the data do not carry it."""
        if self.templates == 1:
            aim = f"at most {self.promise.rate:g} of impostor pairs match"
        else:
            searched = f"{self.templates:,} {self.counted}"
            aim = f"at most {self.promise.rate:g} of strangers' searches among {searched} name anybody"
        beyond = f"{self.extrapolation:,.3g} times beyond the data" if self.extrapolation > 1 else ""
        if self.sufficient:
            return promise_text(aim, "95% confidence") + (f"; {beyond}" if beyond else "")
        few = "measured on too few pairs to promise it"
        return promise_text(aim, "", f"{few}, {beyond}" if beyond else few)


@dataclass(frozen=True)
class PromisedRate:
    """A threshold, and what it promises about photos without a landmark.

    Attributes:
        threshold: accepted is an adjusted distance of at most this (`decisions.rejection`).
        promise: at most this share of photos without a landmark is to be accepted.
        confidence: that the true rate is at most the promise; None where only the measured rate is.
        photos: without a landmark it was measured on.
        errors: of these are accepted at `threshold`.
        rate: their share; never above the promise.
        upper: upper bound of the true rate with `confidence` (95% where that is None).
        basis: `counted`, or `tail` where the promise was read beyond the data.
        sufficient: whether the photos allow at least 10 errors at the promised rate. Without, a counted promise still
            holds, but the threshold rests on few photos and may be much stricter than it needs to be.
        note: a warning for people, or empty.
    """

    threshold: float
    promise: float
    confidence: float | None
    photos: int
    errors: int
    rate: float
    upper: float
    basis: Literal["counted", "tail"]
    sufficient: bool
    note: str = ""

    @property
    def source(self) -> str:
        """The promise in words, for people; an aim where it was read beyond the data."""
        how = "as measured" if self.confidence is None else f"{self.confidence:.0%} confidence"
        aim = f"at most {self.promise:g} of photos without a landmark are accepted"
        counted = f"{self.photos:,} photos, {self.errors} accepted"
        if self.basis == "tail":
            return promise_text(aim, "", f"{counted}: too few to promise it, so it was read beyond the data")
        return promise_text(aim, f"{how}; {counted}")
