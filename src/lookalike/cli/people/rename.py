"""`lookalike people rename`: another name for a person."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.identity_acts import RenameOptions
from lookalike.workflows.identity_acts import rename as run

__all__ = ["rename"]


@options_from(
    RenameOptions,
    name=Annotated[str, typer.Argument(help="Who, as lookalike people spells the name.")],
    new=Annotated[str, typer.Argument(help="The name that they get.")],
    gallery=GalleryPath,
)
def rename(options: RenameOptions, as_json: AsJson = False) -> None:
    """Give a person another name."""
    from lookalike.cli.people.act_lines import print_act

    print_act(run(options), options.gallery, as_json)
