"""`lookalike audit show`: the entries of the log of a gallery."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.audit.options import AuditedGallery
from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson
from lookalike.workflows.audit import AuditShowOptions, show_audit

__all__ = ["show"]

#: Digits of a pseudonym that the table shows.
_SHORT = 8


@options_from(
    AuditShowOptions,
    gallery=AuditedGallery,
    since=Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="From this day or time (UTC) on, such as 2026-05-31.")
    ],
    act=Annotated[str | None, typer.Option("--act", metavar="ACT", help="Only these, such as forget.")],
    name=Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Only what was done to this person, who must be enrolled."),
    ],
)
def show(options: AuditShowOptions, as_json: AsJson = False) -> None:
    """List who did what, and when. People stand there by pseudonyms; --name finds those of somebody enrolled."""
    import json

    from rich.table import Column, Table
    from rich.text import Text

    from lookalike.cli.terminal import print_json, print_table
    from lookalike.json_values import plain

    shown = show_audit(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(shown))
        return
    table = Table("N", Column("Time", no_wrap=True), "Actor", "Act", "Whom", Column("Details", overflow="fold"))
    for entry in shown.entries:
        whom = ", ".join(one[:_SHORT] for one in entry.subjects[:3]) + (", ..." if len(entry.subjects) > 3 else "")
        table.add_row(
            str(entry.n), entry.at, Text(entry.actor), Text(entry.act), whom, Text(json.dumps(dict(entry.details)))
        )
    print_table(table)
