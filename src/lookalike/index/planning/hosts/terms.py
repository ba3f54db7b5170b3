"""A figure of a plan with the formula it comes from, the numbers put in, and what the numbers rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lookalike.index.quantities import size_text

__all__ = ["Basis", "Term", "TermSheet", "number"]

#: measured: by us, here or for `Kind.costs.measured`. documented: by the makers of the database. counted: bytes of a
#: structure, or arithmetic. assumed: by us, unmeasured. asked: by the user.
Basis = Literal["measured", "documented", "counted", "assumed", "asked"]


@dataclass(frozen=True)
class Term:
    """One figure.

    Attributes:
        name: what it is.
        formula: in words and symbols.
        numbers: the same with numbers put in: an expression of `+ - × / ( )`, `ceil`, `floor`, `max` and `min`, which
            comes to `value`.
        value: what it comes to.
        unit: of `value`; `"bytes"` are printed in GiB.
        basis: what the numbers rest on; those that are terms themselves stand before.
        source: where they can be looked up, or what was measured.

    Example:
        >>> print(Term("segments", "vectors / rows", "ceil(1,000 / 300)", 4, "", ("counted",), "").line())
        segments = ceil(1,000 / 300) = 4
    """

    name: str
    formula: str
    numbers: str
    value: float
    unit: str
    basis: tuple[Basis, ...]
    source: str

    @property
    def shown(self) -> str:
        """The value for people, with its unit."""
        if self.unit == "bytes":
            return size_text(int(self.value)) if self.value >= 1 else "0"
        return f"{number(self.value)} {self.unit}".rstrip()

    def line(self) -> str:
        """Name, numbers and value, on one line."""
        return f"{self.name} = {self.shown}" if not self.numbers else f"{self.name} = {self.numbers} = {self.shown}"


class TermSheet:
    """Terms in the order in which they are calculated."""

    def __init__(self) -> None:
        self.terms: list[Term] = []

    def put(
        self, name: str, value: float, formula: str, numbers: str, *basis: Basis, unit: str = "", source: str = ""
    ) -> float:
        """Keep a term, and return its value."""
        self.terms.append(Term(name, formula, numbers, value, unit, basis, source))
        return value


def number(value: float) -> str:
    """A number to be read and put into a formula: whole from 100 on, else four digits.

    Example:
        >>> number(2064888), number(3.14159), number(0.000123456)
        ('2,064,888', '3.142', '0.0001235')
    """
    if value == int(value) or abs(value) >= 1000:
        return f"{round(value):,}"
    digits = f"{value:.4g}"
    return f"{value:.7f}".rstrip("0") if "e" in digits else digits
