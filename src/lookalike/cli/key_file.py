"""`--key-file`: an option of every verb that opens a gallery, the key of an encrypted one."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer

__all__ = ["KEY_FILE_HELP", "add_key_file"]

KEY_FILE_HELP = "The key of an encrypted gallery: a file of 32 random bytes or of base64 of them, outside the gallery."
#: Parameters that name a gallery.
_GALLERIES = {"gallery", "source", "target"}


def add_key_file(command: Any) -> None:
    """Give every verb of a command that opens a gallery the option `--key-file`, where it has none of its own.

    Args:
        command: as `typer.main.get_command` makes it.
    """
    for verb in getattr(command, "commands", {}).values():
        add_key_file(verb)
    named = {str(one.name) for one in command.params}
    if named & _GALLERIES and not any("--key-file" in one.opts for one in command.params):
        command.params.append(_option())


def _use(context: typer.Context, file: str | None) -> None:
    if file is not None:
        from lookalike.gallery.master_key import default_key

        context.with_resource(default_key(f"file:{file}"))


def _only(
    key_file: Annotated[
        str | None,
        typer.Option("--key-file", metavar="FILE", callback=_use, expose_value=False, help=KEY_FILE_HELP),
    ] = None,
) -> None:
    """A verb with this option alone."""


@cache
def _option() -> Any:
    """The option as Typer makes it of a verb's parameter; its value goes to its callback alone. All verbs share it."""
    made = typer.Typer(add_completion=False)
    made.command()(_only)
    return typer.main.get_command(made).params[0]
