"""`lookalike people undo`: a renaming, merging or splitting taken back."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, GalleryPath
from lookalike.workflows.identity_acts import UndoOptions
from lookalike.workflows.identity_acts import undo as run

__all__ = ["undo"]


@options_from(
    UndoOptions,
    act=Annotated[int, typer.Argument(help="Its number, as lookalike people acts lists it.")],
    gallery=GalleryPath,
)
def undo(options: UndoOptions, as_json: AsJson = False) -> None:
    """Take an act back; who was forgotten meanwhile stays forgotten."""
    from lookalike.cli.people.act_lines import print_act

    print_act(run(options), options.gallery, as_json)
