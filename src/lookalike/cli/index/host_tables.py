"""The table of a plan over several hosts that `lookalike index plan` prints, and the formulas of its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.cli.index.tables import print_options, titled_table
from lookalike.cli.terminal import print_line

if TYPE_CHECKING:
    from lookalike.index.planning.hosts.hosted_index import HostedIndex
    from lookalike.index.planning.hosts.plan import HostsPlan

__all__ = ["print_hosts"]


def print_hosts(plan: HostsPlan, explain: bool) -> None:
    """One row a type of index, the recommended one marked; with `explain` every term of each."""
    print_line("")
    heads, rows = plan.rows()
    table = titled_table(plan.title, heads, 2)
    for column in table.columns[:-1]:
        column.no_wrap = True
    print_options(table, rows)
    print_line(plan.legend)
    print_line(plan.advice)
    if not explain:
        print_line("--explain prints every figure's formula and what it rests on")
        return
    for option in plan.options:
        _explain(option)


def _explain(option: HostedIndex) -> None:
    print_line("")
    print_line(f"{option.name}: {option.stands_for}")
    for term in option.terms:
        print_line(f"  {term.line()}")
        rests = ", ".join(term.basis) + (f": {term.source}" if term.source else "")
        print_line(f"      {term.formula + '; ' if term.formula else ''}{rests}")
