"""A verb that has verbs of its own, made of their names and of where their functions stand."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name

import typer

from lookalike.cli.verb_help import VerbCommand, VerbGroup

__all__ = ["verb_group"]


def verb_group(
    name: str,
    verbs: Mapping[str, tuple[str | None, str]],
    *,
    help_text: str,
    epilog: str,
    cls: type[VerbGroup] = VerbGroup,
    groups: tuple[str, ...] = (),
) -> typer.Typer:
    """The group, with its verbs, whose modules are imported.

    Args:
        name: of the group.
        verbs: in the order of the help: the panel there, or None, and where the function stands.
        help_text: what the group is for.
        epilog: what stands below its help.
        cls: `ListingGroup` where it does something without a verb; others show their help then.
        groups: verbs that have verbs of their own; their functions make the group.
    """
    made = typer.Typer(
        name=name,
        cls=cls,
        no_args_is_help=cls is VerbGroup,
        add_completion=False,
        rich_markup_mode="rich",
        help=help_text,
        epilog=epilog,
    )
    for verb, (panel, home) in verbs.items():
        if verb in groups:
            made.add_typer(resolve_name(home)(), rich_help_panel=panel)
        else:
            made.command(verb, cls=VerbCommand, rich_help_panel=panel)(resolve_name(home))
    return made
