"""The table of a plan over several hosts that `lookalike index plan` prints, and how its figures come about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from lookalike.cli.terminal import escape, print_line, print_table

if TYPE_CHECKING:
    from lookalike.index.planning.hosts.hosted_index import HostedIndex
    from lookalike.index.planning.hosts.plan import HostsPlan

__all__ = ["print_hosts"]


def print_hosts(plan: HostsPlan, explain: bool) -> None:
    """One row a type of index, the recommended one marked; with `explain` every term of each."""
    print_line("")
    print_line(plan.title)
    heads, rows = plan.rows()
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, head in enumerate(heads):
        left = place < 2 or place == len(heads) - 1
        table.add_column(head, justify="left" if left else "right", no_wrap=place < len(heads) - 1)
    for row in rows:
        table.add_row(*(f"[bold]{escape(cell)}[/bold]" if row[0] else escape(cell) for cell in row))
    print_table(table)
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
