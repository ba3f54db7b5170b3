"""`lookalike audit`: who did what to a gallery, and whether the log of it is as it was written."""

from __future__ import annotations

from pkgutil import resolve_name

import typer

from lookalike.cli.verb_help import VerbCommand, VerbGroup

__all__ = ["audit_verbs"]

#: Every verb in the order of the help, and where its function stands.
_VERBS = {
    "show": "lookalike.cli.audit.show:show",
    "verify": "lookalike.cli.audit.verify:verify",
    "export": "lookalike.cli.audit.export:export",
    "policy": "lookalike.cli.audit.policy:policy",
}


def audit_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike audit`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    made = typer.Typer(
        name="audit",
        cls=VerbGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        help="Who enrolled, forgot and searched: show the audit log of a gallery, verify it, export it.",
        epilog="The log names nobody: identities stand there by pseudonyms, which forgetting makes meaningless.",
    )
    if with_verbs:
        for name, home in _VERBS.items():
            made.command(name, cls=VerbCommand)(resolve_name(home))
    return made
