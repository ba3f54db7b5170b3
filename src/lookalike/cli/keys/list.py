"""`lookalike keys list`: which keys there are."""

from __future__ import annotations

import typer

from lookalike.cli.keys.options import ConfigFile, KeysFile, keys_of
from lookalike.cli.options import AsJson, GalleryOfService

__all__ = ["list_"]


def list_(
    gallery: GalleryOfService = None, config: ConfigFile = None, keys: KeysFile = None, as_json: AsJson = False
) -> None:
    """Show the API keys: id, role, whose, since when, until when."""
    from lookalike.cli.terminal import note, print_json

    held = keys_of(config, gallery, keys)
    found = held.listed()
    if as_json:
        shown = ("id", "name", "role", "created_at", "expires_at")
        print_json({"file": str(held.file), "keys": [{name: getattr(key, name) for name in shown} for key in found]})
        return
    if not found:
        note(f"{held.file} holds no key; `lookalike keys add NAME` makes one")
    for key in found:
        until = "" if key.expires_at is None else f", until {key.expires_at}{' (ended)' if key.expired else ''}"
        typer.echo(f"{key.id}  {key.role:8}  {key.name}, since {key.created_at[:10]}{until}")
