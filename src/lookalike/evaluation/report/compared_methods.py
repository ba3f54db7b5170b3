"""Methods that were measured on the same pictures, as a report compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lookalike.errors import InputError
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.summary import MethodResult, MethodSummary, summarise

__all__ = ["ComparedMethods"]

#: The FAR of the summary table.
FAR_TARGET = 0.01


@dataclass(frozen=True, eq=False)
class ComparedMethods:
    """One method or several, measured on the same pictures.

    Attributes:
        results: by name.
        featured: the method whose look-alikes, maps and facts are shown; empty for the first.
        replicates: of the bootstrap over identities.
        seed: of the bootstrap and the maps.

    Raises:
        InputError: no methods, or `featured` is not one of them.
    """

    results: Mapping[str, MethodResult]
    featured: str = ""
    replicates: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.results:
            raise InputError("no methods were given; give at least one name with its results")
        if not self.featured:
            object.__setattr__(self, "featured", next(iter(self.results)))
        if self.featured not in self.results:
            raise InputError(
                f"the featured method {self.featured!r} was not measured; choose one of "
                f"{', '.join(map(repr, self.results))}"
            )

    @property
    def several(self) -> bool:
        """Whether there is anything to compare."""
        return len(self.results) > 1

    @property
    def featured_result(self) -> MethodResult:
        """Of the featured method."""
        return self.results[self.featured]

    @cached_property
    def summaries(self) -> dict[str, MethodSummary]:
        """The numbers of every method, by name."""
        return {
            name: summarise(result, (FAR_TARGET,), self.replicates, self.seed) for name, result in self.results.items()
        }

    @cached_property
    def colours(self) -> dict[str, str]:
        """`#rrggbb` of every method, by name."""
        return figure_style.method_colours(
            list(self.results), {name: result.colour for name, result in self.results.items()}
        )
