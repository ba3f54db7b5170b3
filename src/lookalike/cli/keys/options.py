"""Which file of keys is meant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli.service_extra import service_extra

if TYPE_CHECKING:
    from lookalike.service.api_keys import ApiKeys

__all__ = ["ConfigFile", "KeysFile", "keys_of"]

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings (TOML) that the service is started with.")
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        "--keys", metavar="FILE", help="The file of the keys.", show_default="api-keys.json, beside the gallery"
    ),
]


def keys_of(config: Path | None, gallery: str | None, keys: Path | None) -> ApiKeys:
    """The keys of the service that has these settings."""
    with service_extra():
        from lookalike.service.api_keys import ApiKeys
        from lookalike.service.settings import ServiceSettings
    return ApiKeys(ServiceSettings.load(config, gallery=gallery, keys=keys).keys_file)
