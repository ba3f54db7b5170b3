"""`lookalike forget`: remove a person from a gallery, for good."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.options import AsJson, GalleryPath

__all__ = ["forget"]


def forget(
    name: Annotated[str, typer.Argument(help="Who is to be forgotten, as `lookalike people` spells it.")],
    gallery: GalleryPath = "people.gallery",
    as_json: AsJson = False,
) -> None:
    """Delete a person and all their templates; the bytes are overwritten on the disk."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.gallery import open_gallery
    from lookalike.identity_names import checked_name

    with open_gallery(gallery, create=False) as opened:
        name = checked_name(name)
        removed = opened.forget(name)
        left = len(opened)
    if as_json:
        print_json({"gallery": gallery, "forgotten": name, "templates": removed, "identities": left})
    else:
        console.print(
            f"[green]forgot[/green] {escape(name)} ({removed} template(s)); {escape(gallery)} knows {left}",
            soft_wrap=True,
        )
