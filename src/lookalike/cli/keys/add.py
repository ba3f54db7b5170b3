"""`lookalike keys add`: make a key."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.keys.options import ConfigFile, KeysFile, keys_of
from lookalike.cli.options import AsJson, GalleryOfService

__all__ = ["add"]


def add(
    name: Annotated[str, typer.Argument(help="Whose key it is; the audit log names it.")],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            metavar="[reader|operator|admin]",
            help="reader: asks about pictures; operator: also enrolls and forgets people; admin: may do all.",
        ),
    ] = "reader",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DATE", help="Refuse it from this day or moment on (ISO 8601).")
    ] = None,
    gallery: GalleryOfService = None,
    config: ConfigFile = None,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key, and show it, this once."""
    from lookalike.cli.terminal import note, print_json

    held = keys_of(config, gallery, keys)
    text, key = held.add(name, role, expires)  # type: ignore[arg-type]  # checked there
    if as_json:
        print_json({"key": text, "id": key.id, "name": key.name, "role": key.role, "expires_at": key.expires_at})
        return
    note(f"a key of the role {key.role} for {key.name}, id {key.id}, in {held.file}; it is shown only now")
    typer.echo(text)
