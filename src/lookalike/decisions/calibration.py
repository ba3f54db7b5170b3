"""`calibration.json`: the thresholds measured for a model, kept beside its weights.

A threshold is a *distance*: two pictures match when their distance is at most the threshold. It is
written by `lookalike.evaluation.calibration.thresholds.calibrate` and read by whoever answers with the model.

Besides a threshold per measured rate it holds, from version 2 on, what answers need for any promise and any gallery:
the tail of the impostor distances (`promise`), the misses at every threshold, and the odds of a match (`match_odds`).

All of this is of pairs: a probe and one template. A rule that makes one distance of all templates of an identity has
thresholds of its own, which are kept beside it, in version 3 (`of_identities`).
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lookalike.atomic_files import write_atomically
from lookalike.binomial_intervals import Z_ONE_SIDED_95, wilson_interval
from lookalike.decisions.misses import MissCurve
from lookalike.decisions.odds import MatchOdds
from lookalike.decisions.promise import Compared, Promise, PromisedThreshold, promise_text
from lookalike.decisions.scoring_rule import TemplateScoring, checked_scoring
from lookalike.decisions.tail import ImpostorTail
from lookalike.errors import ArtefactError, InputError

__all__ = ["FORMAT_VERSION", "Calibration", "OperatingPoint"]

#: The version of `calibration.json` this code writes.
FORMAT_VERSION = 2
#: In place of it where there are thresholds of identities, which an earlier Lookalike would not know.
WITH_IDENTITIES = 3
#: The versions it reads; version 1 has thresholds only.
READ_VERSIONS = (1, FORMAT_VERSION, WITH_IDENTITIES)

Rate = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class OperatingPoint(BaseModel):
    """A threshold chosen for a target false match rate, and what was measured at it.

    Attributes:
        target_fmr: the false match rate asked for, per comparison.
        threshold: a match is a distance of at most this.
        fmr: false match rate measured at the threshold; never above the target.
        fnmr: false non-match rate measured at the threshold.
        fnmr_low: lower end of the 95% interval of `fnmr`, bootstrapped over identities.
        fnmr_high: upper end of it.
        impostor_pairs: how many impostor pairs the rate was measured on.
        sufficient: whether they allow at least 10 errors at the target; without, the promise is a guess.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target_fmr: Annotated[float, Field(gt=0, le=1)]
    threshold: float
    fmr: Rate
    fnmr: Rate
    fnmr_low: Rate
    fnmr_high: Rate
    impostor_pairs: Count
    sufficient: bool


class Calibration(BaseModel):
    """What `calibration.json` holds.

    Attributes:
        format_version: of the file.
        fingerprint: of the model whose distances were measured.
        metric: name of the distance.
        source: one sentence for people: on what it was measured.
        identities: how many identities took part.
        pictures: how many pictures took part.
        genuine_pairs: pairs of one identity.
        impostor_pairs: pairs of two identities.
        eer: equal error rate.
        eer_threshold: the distance at which it is reached.
        points: one per target, loosest first.
        default_target_fmr: the target used when none is asked for; one of `points`.
        note: a warning about the default, or empty.
        tail: how often impostors come near, for promises that were not measured; None where too few pairs were.
        no_tail: why there is no tail; empty where there is one.
        misses: the false non-match rate at any threshold; None in a file of version 1.
        odds: how much a distance speaks for a match; None likewise.
        promise: what answers keep where nothing else is asked of them; None for `default_target_fmr`.
        template_scoring: the rule whose distances were measured; `nearest` is pairs of pictures.
        templates_each: templates of an identity that made one distance.
        of_identities: the same for identities, of another rule; answers about galleries are then given by that rule.

    Example:
        >>> point = OperatingPoint(target_fmr=0.01, threshold=0.4, fmr=0.008, fnmr=0.05, fnmr_low=0.02,
        ...                        fnmr_high=0.09, impostor_pairs=4500, sufficient=True)
        >>> calibration = Calibration(fingerprint="abc", metric="cosine", source="10 people of ORL", identities=10,
        ...     pictures=100, genuine_pairs=450, impostor_pairs=4500, eer=0.03, eer_threshold=0.45, points=(point,),
        ...     default_target_fmr=0.01)
        >>> calibration.threshold(0.01)
        0.4
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format_version: int = FORMAT_VERSION
    fingerprint: Annotated[str, Field(min_length=1)]
    metric: str
    source: str
    identities: Count
    pictures: Count
    genuine_pairs: Count
    impostor_pairs: Count
    eer: Rate
    eer_threshold: float
    points: Annotated[tuple[OperatingPoint, ...], Field(min_length=1)]
    default_target_fmr: float
    note: str = ""
    tail: ImpostorTail | None = None
    no_tail: str = ""
    misses: MissCurve | None = None
    odds: MatchOdds | None = None
    promise: Promise | None = None
    template_scoring: TemplateScoring = "nearest"
    templates_each: Annotated[int, Field(ge=1)] = 1
    of_identities: Calibration | None = None

    @model_validator(mode="after")
    def _identities_are_of_the_same_model(self) -> Calibration:
        other = self.of_identities
        if other is None:
            return self
        if self.template_scoring != "nearest" or other.template_scoring == "nearest" or other.of_identities:
            raise ValueError("of_identities belongs to thresholds of pairs, and is of the rule mean or set")
        if (other.fingerprint, other.metric) != (self.fingerprint, self.metric):
            raise ValueError("of_identities was measured with another model")
        return self

    @model_validator(mode="after")
    def _default_is_a_point(self) -> Calibration:
        if not any(_equal(point.target_fmr, self.default_target_fmr) for point in self.points):
            raise ValueError(f"default_target_fmr {self.default_target_fmr:g} is not the target of any point")
        return self

    def point(self, target_fmr: float | None = None) -> OperatingPoint:
        """The operating point of a target (default: `default_target_fmr`), or an `InputError` listing the targets."""
        wanted = self.default_target_fmr if target_fmr is None else target_fmr
        for point in self.points:
            if _equal(point.target_fmr, wanted):
                return point
        targets = ", ".join(f"{point.target_fmr:g}" for point in self.points)
        raise InputError(f"no threshold was measured for a false match rate of {wanted:g}; choose one of {targets}")

    def is_measured(self, target_fmr: float) -> bool:
        """Whether `points` hold a false match rate."""
        return any(_equal(point.target_fmr, target_fmr) for point in self.points)

    def threshold(self, target_fmr: float | None = None) -> float:
        """The distance up to which two pictures match, for a target false match rate (default: the model's own)."""
        return self.point(target_fmr).threshold

    @property
    def scorings(self) -> tuple[TemplateScoring, ...]:
        """The rules that there are thresholds of."""
        others = () if self.of_identities is None else (self.of_identities.template_scoring,)
        return (self.template_scoring, *others)

    @property
    def answering_scoring(self) -> TemplateScoring:
        """The rule that answers about galleries are given by where no other is asked for."""
        return self.scorings[-1]

    def for_scoring(self, rule: TemplateScoring | None = None) -> Calibration:
        """What was measured with a rule; None is `answering_scoring`.

        Raises:
            InputError: nothing was measured with it: thresholds of another rule do not hold for it.

        Example:
            >>> calibration.for_scoring("mean").promised(Promise("fpir", 0.01), 500)    # doctest: +SKIP
        """
        wanted = self.answering_scoring if rule is None else checked_scoring(rule)
        if wanted not in self.scorings:
            raise InputError(
                f"the thresholds ({self.source}) were measured with template scoring {' and '.join(self.scorings)}, "
                f"and {wanted} was asked for; measure them with `lookalike evaluate DATA --model MODEL --enrolled 5 "
                f"--template-scoring {wanted}`, or leave the rule out"
            )
        return self if self.of_identities is None or wanted == self.template_scoring else self.of_identities

    def in_words(self, point: OperatingPoint) -> str:
        """What an operating point stands for, in words: a promise, or an aim and what these pairs carry."""
        shortfall = ""
        if not point.sufficient:
            most = self._upper_fmr(point)
            carried = f"at most {100 * most:{'.2g' if most < 0.095 else '.0f'}}% with 95% confidence"
            shortfall = f"measured on too few pairs of {self.source} to promise it ({carried})"
        return promise_text(f"at most {point.target_fmr:g} of impostor pairs match", self.source, shortfall)

    def _upper_fmr(self, point: OperatingPoint) -> float:
        """Upper 95% bound of the false match rate at a point, the larger of two: the tail's, and Wilson's.

        Pairs of one two people are alike, so Wilson's counts pairs of people, of which some match as often.
        """
        trials = max(1, self.identities * (self.identities - 1) // 2)
        counted = wilson_interval(math.ceil(point.fmr * trials), trials, Z_ONE_SIDED_95)[1]
        return counted if self.tail is None else max(counted, self.tail.upper_rate(point.threshold))

    def promised(self, promise: Promise, templates: int = 1) -> PromisedThreshold:
        """The threshold that keeps a promise with 95% confidence, and what is to be expected there.

        Args:
            promise: a rate per comparison, or per search.
            templates: that a search compares; matters to a promise per search only. Identities, where the thresholds
                are of another rule than `nearest`.

        Raises:
            InputError: no tail was fitted, or the promise is too far beyond the data.
        """
        if self.tail is None or self.misses is None:
            reason = self.no_tail or "it was measured by an earlier version"
            raise InputError(
                f"{promise} cannot be promised by this calibration ({self.source}): {reason}; "
                "measure it again with `lookalike evaluate DATA --model MODEL --calibrate`"
            )
        if isinstance(templates, bool) or not isinstance(templates, int) or templates < 0:
            raise InputError(f"templates is {templates!r}; expected how many are compared in a search, such as 1000")
        compared = 1 if promise.kind == "fmr" else max(1, templates)
        counted: Compared = "templates" if self.template_scoring == "nearest" else "identities"
        threshold, likely = self.tail.threshold_for(promise, compared, counted)
        rate = promise.comparison_rate(compared)
        fnmr, low, high = self.misses.at(threshold)
        return PromisedThreshold(
            promise=promise,
            templates=compared,
            threshold=threshold,
            likely=likely,
            expected=self.tail.fpir(threshold, compared),
            bound=self.tail.upper_fpir(threshold, compared),
            extrapolation=1 / (rate * self.tail.impostor_pairs),
            sufficient=self.tail.is_sufficient(rate),
            fnmr=fnmr,
            fnmr_low=low,
            fnmr_high=high,
            counted=counted,
        )

    def threshold_for(self, *, fmr: float | None = None, fpir: float | None = None, gallery: int = 1) -> float:
        """The distance that keeps FMR per comparison, or FPIR per search of a gallery of so many templates.

        Args:
            fmr: at most this share of impostor pairs may match.
            fpir: at most this share of strangers' searches may name anybody.
            gallery: templates in the gallery, for `fpir`; identities where each has one.

        Raises:
            InputError: neither or both rates, or as `promised`.
        """
        if (fmr is None) == (fpir is None):
            raise InputError("give either fmr or fpir; for example threshold_for(fpir=0.001, gallery=10_000)")
        promise = Promise("fmr", fmr) if fmr is not None else Promise("fpir", fpir)  # type: ignore[arg-type]
        return self.promised(promise, gallery).threshold

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Calibration:
        """Read `calibration.json` of version 1 to 3; an `ArtefactError` when it is missing, damaged or newer."""
        path = Path(path)
        try:
            written = path.read_bytes()
        except FileNotFoundError as error:
            raise ArtefactError(f"{path} does not exist; run `lookalike evaluate` to measure the thresholds") from error
        except OSError as error:
            raise ArtefactError(
                f"{path} cannot be read as a calibration: {error.strerror}; measure it again"
            ) from error
        return cls.from_json(written, path)

    @classmethod
    def from_json(cls, written: bytes | str, path: str | os.PathLike[str]) -> Calibration:
        """Read what `to_json` wrote, of version 1 to 3; `path` is where it was, for messages.

        Raises:
            ArtefactError: it is damaged or newer.
        """
        try:
            content = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ArtefactError(f"{path} cannot be read as a calibration: it is not JSON; measure it again") from error
        if not isinstance(content, dict) or content.get("format_version") not in READ_VERSIONS:
            version = content.get("format_version") if isinstance(content, dict) else None
            raise ArtefactError(
                f"{path} has calibration format version {version!r}; this Lookalike reads versions 1 to 3: "
                "measure the thresholds again, or update"
            )
        try:
            return cls.model_validate(content | {"format_version": FORMAT_VERSION})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "calibration"
            raise ArtefactError(
                f"{path} is damaged at {where}: {first['msg']}; measure the thresholds again"
            ) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `calibration.json` atomically; a `StorageError` leaves what was there before."""
        write_atomically(path, self.to_json().encode())

    def to_json(self) -> str:
        """What `calibration.json` holds."""
        content = self.model_dump(mode="json")
        if self.of_identities is not None:
            content["format_version"] = WITH_IDENTITIES
        elif self.template_scoring == "nearest":  # the file is as earlier versions read it
            for name in ("template_scoring", "templates_each", "of_identities"):
                del content[name]
        return json.dumps(content, indent=2) + "\n"


def _equal(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9)
