"""What an evaluation of people is asked to measure. Nothing is imported here: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DEFAULT_PROMISE", "EvaluationOptions"]

#: What a report tells of where no promise is asked for.
DEFAULT_PROMISE = "fpir=0.01"


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What to measure, and on whom. Evaluators read it; each ignores what is not its own.

    Attributes:
        data: a folder per identity, or a CSV of path,identity; people that the model was not trained on.
        classes_at: of a folder per identity: at which depth the identities' folders lie, such as 2; goes for `data` and
            `trained_on`.
        enrolled: pictures enrolled per identity, in identification.
        trials: random enrolments that are averaged.
        template_scoring: how `enrolled` templates of an identity become one distance: `nearest`, `mean` or `set`; or
            `auto` for the one that names most people at the promised rate. Another than `nearest` has thresholds of its
            own in the calibration.
        promise: what answers shall keep, such as `fpir=0.001` (per search) or `fmr=0.001` (per comparison); goes into
            the calibration. None tells of `DEFAULT_PROMISE`, and promises nothing.
        distractors: whose pictures or vectors are searched among: pictures as `data`, `.npy`, or a `vectors/` folder;
            None takes some of the people themselves.
        groups: a CSV of identity,group or path,group; None compares no groups.
        pairs: a list of pairs in LFW's format, of pictures below `data`; None measures no listed pairs.
        existing_pairs: leave out listed pairs whose pictures are not all there, in place of an error.
        trained_on: what the model was trained on, as `data`: nobody of it may be tested. None is not known.
        seed: of enrolments, samples and the bootstrap.
    """

    data: str | Path
    classes_at: int | None = None
    enrolled: int = 1
    trials: int = 20
    template_scoring: str = "nearest"
    promise: str | None = None
    distractors: str | Path | None = None
    groups: str | Path | None = None
    pairs: str | Path | None = None
    existing_pairs: bool = False
    trained_on: str | Path | None = None
    seed: int = 0
