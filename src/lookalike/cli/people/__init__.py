"""`lookalike people`: who is in a gallery; names put right."""

from __future__ import annotations

from pkgutil import resolve_name

import typer

from lookalike.cli.verb_help import ListingGroup, VerbCommand

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
    made = typer.Typer(
        name="people",
        cls=ListingGroup,
        add_completion=False,
        rich_markup_mode="rich",
        help="List the people in a gallery; rename, merge, split and tag them, and undo it.",
        epilog="Without a verb: lookalike people list.",
    )
    if with_verbs:
        for name, (panel, home) in _VERBS.items():
            made.command(name, cls=VerbCommand, rich_help_panel=panel)(resolve_name(home))
    return made
