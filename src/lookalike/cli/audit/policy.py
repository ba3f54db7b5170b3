"""`lookalike audit policy`: what goes into the log of a gallery."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.audit import AuditPolicyOptions, audit_policy

__all__ = ["policy"]


@options_from(
    AuditPolicyOptions,
    policy=Annotated[
        str | None,
        typer.Argument(metavar="[acts|searches]", help="acts: what changes the gallery; searches: these, too."),
    ],
    gallery=GalleryPath,
)
def policy(options: AuditPolicyOptions, as_json: AsJson = False) -> None:
    """Say whether searches are logged, too; without an argument, show what is logged."""
    from lookalike.cli.terminal import print_json
    from lookalike.json_values import plain

    found = audit_policy(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(found))
    else:
        typer.echo(f"{options.gallery} logs {found.policy}")
