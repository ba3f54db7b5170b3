"""The protocol of evaluations: each measures one thing, for a section of the report and for `metrics.json`.

An evaluator is one file, which holds its measurement and its section, and one line in a list: `evaluators.EVALUATORS`
for people, `landmarks.evaluators.PLACE_EVALUATORS` for places. What several evaluators need is measured by a function
under `measured_once`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from lookalike.errors import InputError
from lookalike.evaluation.report.page import Section

__all__ = ["Evaluator", "Measurement", "Measurements", "measure_all", "measured_once"]

T = TypeVar("T")


@dataclass(frozen=True)
class Measurement:
    """What an evaluator found.

    Attributes:
        section: of the report; None where a figure has no section of its own.
        metrics: entries of `metrics.json`: what can be written as JSON (`json_values.plain`).
    """

    section: Section | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)


C_contra = TypeVar("C_contra", contravariant=True)


class Evaluator(Protocol[C_contra]):
    """Measures one thing on a context, such as an `EvaluationContext`."""

    def measure(self, context: C_contra) -> Measurement | None:
        """Measure; None where this was not asked for, or cannot be measured on these data."""


@dataclass(frozen=True)
class Measurements:
    """What all evaluators of a list found, in its order."""

    sections: tuple[Section, ...]
    metrics: dict[str, Any]


def measure_all(evaluators: Iterable[Evaluator[T]], context: T) -> Measurements:
    """Let every evaluator measure, one after the other.

    Raises:
        InputError: two evaluators write the same entry of `metrics.json`.

    Example:
        >>> class Pictures:
        ...     def measure(self, context: list[str]) -> Measurement:
        ...         return Measurement(Section("Pictures"), {"pictures": len(context)})
        >>> measure_all([Pictures()], ["a.png", "b.png"]).metrics
        {'pictures': 2}
    """
    sections: list[Section] = []
    metrics: dict[str, Any] = {}
    for evaluator in evaluators:
        found = evaluator.measure(context)
        if found is None:
            continue
        if found.section is not None:
            sections.append(found.section)
        if twice := sorted(found.metrics.keys() & metrics.keys()):
            raise InputError(f"two evaluators measure {twice[0]!r}; give {type(evaluator).__name__} a name of its own")
        metrics.update(found.metrics)
    return Measurements(tuple(sections), metrics)


class _Cached(Protocol):
    """A context that keeps what was measured on it."""

    @property
    def measured(self) -> dict[Any, Any]: ...


X = TypeVar("X", bound=_Cached)


def measured_once(measure: Callable[[X], T]) -> Callable[[X], T]:
    """Decorate a function of a context: it runs when first called with it; further calls return the same result."""

    @functools.wraps(measure)
    def once(context: X) -> T:
        if once not in context.measured:
            context.measured[once] = measure(context)
        result: T = context.measured[once]
        return result

    return once
