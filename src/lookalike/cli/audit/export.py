"""`lookalike audit export`: the log of a gallery as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.workflows.audit import AuditExportOptions, export_audit

__all__ = ["export"]


@options_from(
    AuditExportOptions,
    output=Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, one JSON object a line.")],
    gallery=GalleryPath,
)
def export(options: AuditExportOptions, as_json: AsJson = False) -> None:
    """Write all entries of the audit log into a file, as JSON lines."""
    from lookalike.cli.terminal import print_json
    from lookalike.json_values import plain

    done = export_audit(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(done))
    else:
        typer.echo(f"{how_many(done.entries, 'entry', 'entries')} in {done.output}; head {done.head}")
