"""`lookalike forget`: remove a person from a gallery, for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.workflows.forget import ForgetOptions
from lookalike.workflows.forget import forget as run

__all__ = ["forget"]


@options_from(
    ForgetOptions,
    name=Annotated[str, typer.Argument(help="Who is to be forgotten, as lookalike people spells it.")],
    gallery=GalleryPath,
    receipt=Annotated[
        Path | None,
        typer.Option(
            "--receipt",
            metavar="FILE",
            help="Write an erasure receipt (JSON): what was overwritten, and that no file of the gallery holds it.",
        ),
    ],
)
def forget(options: ForgetOptions, as_json: AsJson = False) -> None:
    """Delete a person and all their templates; the bytes are overwritten on the disk."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    done = run(options)
    if as_json:
        shown = {"gallery": options.gallery} | plain(done)
        print_json(shown if options.receipt else {name: one for name, one in shown.items() if name != "found_in"})
        return
    console.print(
        f"[green]forgot[/green] {escape(done.forgotten)} ({how_many(done.templates, 'template')}); "
        f"{escape(str(options.gallery))} knows {how_many(done.identities, 'person', 'people')}",
        soft_wrap=True,
    )
    if done.found_in:
        console.print(
            f"[yellow]but[/yellow] {escape(', '.join(done.found_in))} still holds the same bytes: somebody else was "
            "enrolled with the same picture",
            soft_wrap=True,
        )
