"""`lookalike people tag`: what is known of a person besides the name."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.identity_acts import TagOptions
from lookalike.workflows.identity_acts import tag as run

__all__ = ["tag"]


@options_from(
    TagOptions,
    name=Annotated[str, typer.Argument(help="Who, as lookalike people spells the name.")],
    tags=Annotated[list[str], typer.Argument(help="KEY=VALUE sets a tag, KEY= takes it away.")],
    gallery=GalleryPath,
)
def tag(options: TagOptions, as_json: AsJson = False) -> None:
    """Set tags of a person, such as site=Berlin, by which lists and searches can be limited (--where)."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    done = run(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(done))
        return
    tags = ", ".join(f"{key}={value}" for key, value in done.tags.items()) or "no tags"
    console.print(f"[green]tagged[/green] {escape(done.name)}: {escape(tags)}", soft_wrap=True)
