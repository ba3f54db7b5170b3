"""`lookalike audit verify`: is the log of a gallery as it was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.audit.options import AuditedGallery
from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson
from lookalike.counted_nouns import how_many
from lookalike.workflows.audit import AuditVerifyOptions, verify_audit

__all__ = ["verify"]


@options_from(
    AuditVerifyOptions,
    gallery=AuditedGallery,
    head=Annotated[
        str | None,
        typer.Option("--head", metavar="HASH", help="A hash that an earlier verification printed; it must be there."),
    ],
    receipt=Annotated[
        Path | None,
        typer.Option("--receipt", metavar="FILE", help="A receipt of forget; the log must vouch for it."),
    ],
)
def verify(options: AuditVerifyOptions, as_json: AsJson = False) -> None:
    """Compute the hashes of the audit log anew. Exit code 1 where an entry was changed, taken out or put in.

    Only a hash that was noted elsewhere shows that the end of the log was cut off, or all of it written anew: note the
    one that is printed, and give it next time.
    """
    from lookalike.cli.terminal import print_json
    from lookalike.json_values import plain

    verdict = verify_audit(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(verdict))
    elif verdict.fault is None:
        typer.echo(f"{how_many(verdict.entries, 'entry', 'entries')}, as they were written; head {verdict.head}")
    else:
        typer.echo(verdict.fault)
    raise typer.Exit(0 if verdict.fault is None else 1)
