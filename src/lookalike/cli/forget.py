"""`lookalike forget`: remove a person from a gallery, or everything older than a date, for good."""

from __future__ import annotations

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
    as_json: AsJson = False,
) -> None:
    """Delete a person and all their templates, or templates by age; the bytes are overwritten on the disk."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    if (name is None) == (before is None):
        raise InputError("give the name of one person, or --before DATE for everybody's older templates")
    if name is not None:
        done = run(ForgetOptions(name=name, gallery=gallery))
        what, left = f"{done.forgotten} ({how_many(done.templates, 'template')})", done.identities
        document = plain(done)
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
