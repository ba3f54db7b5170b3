"""`lookalike keys revoke`: take a key out."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.keys.options import ConfigFile, KeysFile, keys_of
from lookalike.cli.options import AsJson, GalleryOfService

__all__ = ["revoke"]


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Of the key, as lookalike keys list shows it.")],
    gallery: GalleryOfService = None,
    config: ConfigFile = None,
    keys: KeysFile = None,
    as_json: AsJson = False,
) -> None:
    """Revoke an API key: a running service refuses it from its next request on."""
    from lookalike.cli.terminal import print_json

    key = keys_of(config, gallery, keys).revoke(key_id)
    if as_json:
        print_json({"revoked": key.id, "name": key.name, "role": key.role})
    else:
        typer.echo(f"revoked {key.id}, the {key.role} key of {key.name}")
