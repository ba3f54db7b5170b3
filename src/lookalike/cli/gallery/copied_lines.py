"""What `migrate` and `import` say of a copy that was verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike.counted_nouns import how_many

if TYPE_CHECKING:
    from lookalike.gallery.copying import Verified

__all__ = ["print_copied"]


def print_copied(verb: str, verified: Verified, holds: str) -> None:
    """Print what was copied, and what differs."""
    from lookalike.cli.terminal import console, escape, note

    people = f"{how_many(verified.identities, 'person', 'people')}, {how_many(verified.templates, 'template')}"
    console.print(f"[green]{verb}[/green] and verified: {people}; {escape(holds)}", soft_wrap=True)
    if verified.twice:
        note(f"{how_many(verified.twice, 'template')} that an identity has twice, bit for bit, went over once")
    if verified.differing:
        note(
            f"of {how_many(verified.differing, 'template')} that the target had before, source, time or quality stayed "
            "as they were there"
        )
    if verified.further:
        note(f"the target has {how_many(verified.further, 'template')} besides")
