"""`lookalike people split`: templates that are somebody else's."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.identity_acts import SplitOptions
from lookalike.workflows.identity_acts import split as run

__all__ = ["split"]


@options_from(
    SplitOptions,
    name=Annotated[str, typer.Argument(help="Whose templates they are now.")],
    templates=Annotated[list[int], typer.Argument(help="Their numbers, as lookalike people templates lists them.")],
    into=Annotated[str, typer.Option("--into", metavar="NAME", help="Whose they are, known or new.")],
    gallery=GalleryPath,
)
def split(options: SplitOptions, as_json: AsJson = False) -> None:
    """Give some templates of a person to another one."""
    from lookalike.cli.people.act_lines import print_act

    print_act(run(options), options.gallery, as_json)
