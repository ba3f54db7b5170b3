"""`lookalike people`: who is in a gallery; names put right."""

from __future__ import annotations

import typer

from lookalike.cli.verb_groups import verb_group
from lookalike.cli.verb_help import ListingGroup

__all__ = ["people_verbs"]

_SEE, _PUT_RIGHT = "See", "Put right"
#: Every verb in the order of the help: its panel there, and where its function stands.
_VERBS = {
    "list": (_SEE, "lookalike.cli.people.list:list_verb"),
    "templates": (_SEE, "lookalike.cli.people.templates:templates"),
    "acts": (_SEE, "lookalike.cli.people.acts:acts"),
    "rename": (_PUT_RIGHT, "lookalike.cli.people.rename:rename"),
    "merge": (_PUT_RIGHT, "lookalike.cli.people.merge:merge"),
    "split": (_PUT_RIGHT, "lookalike.cli.people.split:split"),
    "doctor": (_PUT_RIGHT, "lookalike.cli.people.doctor:doctor"),
    "undo": (_PUT_RIGHT, "lookalike.cli.people.undo:undo"),
    "tag": (_PUT_RIGHT, "lookalike.cli.people.tag:tag"),
}


def people_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike people`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    return verb_group(
        "people",
        _VERBS if with_verbs else {},
        help_text="List the people in a gallery; rename, merge, split and tag them, and undo it.",
        epilog="Without a verb: lookalike people list.",
        cls=ListingGroup,
    )
