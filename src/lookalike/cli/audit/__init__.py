"""`lookalike audit`: who did what to a gallery, and whether the log of it is as it was written."""

from __future__ import annotations

import typer

from lookalike.cli.verb_groups import verb_group

__all__ = ["audit_verbs"]

#: Every verb in the order of the help, and where its function stands.
_VERBS = {
    "show": (None, "lookalike.cli.audit.show:show"),
    "verify": (None, "lookalike.cli.audit.verify:verify"),
    "export": (None, "lookalike.cli.audit.export:export"),
    "policy": (None, "lookalike.cli.audit.policy:policy"),
}


def audit_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike audit`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    return verb_group(
        "audit",
        _VERBS if with_verbs else {},
        help_text="Who enrolled, forgot and searched: show the audit log of a gallery, verify it, export it.",
        epilog="The log names nobody: identities stand there by pseudonyms, which forgetting makes meaningless.",
    )
