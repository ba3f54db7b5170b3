"""What is printed of an act."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.counted_nouns import how_many

if TYPE_CHECKING:
    from lookalike.gallery import Act

__all__ = ["act_line", "names_line", "print_act"]

_DONE = {"rename": "renamed", "merge": "merged", "split": "split"}


def names_line(act: Act) -> str:
    """Who became whom."""
    before = [name for name, after in act.identities.items() if name != after] or list(act.identities)
    return f"{' and '.join(before)} -> {next(iter(act.identities.values()))}"


def act_line(act: Act) -> str:
    """What was done, and what takes it back."""
    moved = how_many(act.templates, "template")
    if act.undone:
        return f"undid act {act.id}: {names_line(act)}"
    return f"{_DONE[act.kind]} {names_line(act)} ({moved}); lookalike people undo {act.id} takes it back"


def print_act(act: Act, gallery: str | Path, as_json: bool) -> None:
    """Print an act that was just done or undone."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    if as_json:
        print_json({"gallery": gallery, "act": plain(act)})
    else:
        console.print(escape(act_line(act)), soft_wrap=True)
