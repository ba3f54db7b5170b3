"""`lookalike forget`: remove a person from a gallery, or everything older than a date, for good."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import AsJson, GalleryPath
from lookalike.counted_nouns import how_many
from lookalike.errors import InputError
from lookalike.workflows.forget import ForgetBeforeOptions, ForgetOptions, forget_before
from lookalike.workflows.forget import forget as run

__all__ = ["forget"]


def forget(
    name: Annotated[str | None, typer.Argument(help="Who is to be forgotten, as lookalike people spells it.")] = None,
    gallery: GalleryPath = str(ForgetOptions.gallery),
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="DATE",
            help="In place of a name: delete what was enrolled before this date, such as 2025-01-31, of everybody.",
        ),
    ] = None,
    receipt: Annotated[
        Path | None,
        typer.Option(
            "--receipt",
            metavar="FILE",
            help="Write an erasure receipt (JSON): what was overwritten, and that no file of the gallery holds it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Delete a person and all their templates, or templates by age; the bytes are overwritten on the disk."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    if (name is None) == (before is None):
        raise InputError("give the name of one person, or --before DATE for everybody's older templates")
    if receipt is not None and name is None:
        raise InputError("--receipt is for one person; give the name")
    found_in: tuple[str, ...] | None = None
    if name is not None:
        done = run(ForgetOptions(name=name, gallery=gallery, receipt=receipt))
        found_in = done.found_in
        what, left = f"{done.forgotten} ({how_many(done.templates, 'template')})", done.identities
        document = {key: one for key, one in plain(done).items() if receipt is not None or key != "found_in"}
    else:
        assert before is not None
        old = forget_before(ForgetBeforeOptions(before=before, gallery=gallery))
        gone = how_many(old.forgotten, "person", "people")
        what, left = f"{how_many(old.templates, 'template')} from before {before}, and {gone}", old.identities
        document = plain(old)
    if as_json:
        print_json({"gallery": gallery} | document)
        return
    console.print(
        f"[green]forgot[/green] {escape(what)}; {escape(gallery)} knows {how_many(left, 'person', 'people')}",
        soft_wrap=True,
    )
    if found_in:
        console.print(
            f"[yellow]but[/yellow] {escape(', '.join(found_in))} still holds the same bytes: somebody else was "
            "enrolled with the same picture",
            soft_wrap=True,
        )
