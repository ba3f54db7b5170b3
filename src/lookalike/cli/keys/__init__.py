"""`lookalike keys`: who may ask a service, and for what."""

from __future__ import annotations

import typer

from lookalike.cli.verb_groups import verb_group

__all__ = ["keys_verbs"]

#: Every verb in the order of the help, and where its function stands.
_VERBS = {
    "add": (None, "lookalike.cli.keys.add:add"),
    "list": (None, "lookalike.cli.keys.list:list_"),
    "revoke": (None, "lookalike.cli.keys.revoke:revoke"),
}


def keys_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike keys`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    return verb_group(
        "keys",
        _VERBS if with_verbs else {},
        help_text="API keys of a service: make them, list them, revoke them.",
        epilog="A key is shown once, when it is made; the file holds hashes. A running service follows at once.",
    )
