"""`lookalike people merge`: one person who is enrolled under several names."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.identity_acts import MergeOptions
from lookalike.workflows.identity_acts import merge as run

__all__ = ["merge"]


@options_from(
    MergeOptions,
    names=Annotated[list[str], typer.Argument(help="The names, as lookalike people spells them.")],
    into=Annotated[str, typer.Option("--into", metavar="NAME", help="The name of the one person, known or new.")],
    gallery=GalleryPath,
)
def merge(options: MergeOptions, as_json: AsJson = False) -> None:
    """Make one person of several names: they keep all templates and all tags."""
    from lookalike.cli.people.act_lines import print_act

    print_act(run(options), options.gallery, as_json)
