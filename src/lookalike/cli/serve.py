"""`lookalike serve`: an HTTP service over a model and a gallery."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lookalike.cli.keys.options import ConfigFile, KeysFile
from lookalike.cli.options import AsJson, CalibrationFile, GalleryOfService, ModelOfService, TargetFpir
from lookalike.cli.service_extra import service_extra

__all__ = ["serve"]


def serve(
    model: ModelOfService = None,
    gallery: GalleryOfService = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on.", show_default="127.0.0.1, only this machine")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="TCP port; 0 for a free one.", show_default="8765")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that answer.", show_default="1")] = None,
    calibration: CalibrationFile = None,
    fpir: TargetFpir = None,
    cropped: Annotated[
        bool | None, typer.Option("--cropped", help="Pictures are face crops; where no face is found, take the whole.")
    ] = None,
    keys: KeysFile = None,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", metavar="[text|json]", help="Of the log on stderr.", show_default="text"),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Answer over HTTP who is in a picture; every request needs an API key (lookalike keys)."""
    from lookalike.cli.terminal import note, print_json

    with service_extra():
        from lookalike.service.run import Started
        from lookalike.service.run import serve as run
        from lookalike.service.settings import ServiceSettings
    settings = ServiceSettings.load(
        config,
        model=model,
        gallery=gallery,
        host=host,
        port=port,
        workers=workers,
        calibration=calibration,
        fpir=fpir,
        cropped=cropped,
        keys=keys,
        log_format=log_format,
    )

    def started(service: Started) -> None:
        if as_json:
            print_json(service)
            sys.stdout.flush()  # a program waits for it while the service goes on
            return
        if service.first_key is not None:
            note("there was no API key, so one of the role admin was made; it is shown only now:")
            note(f"    {service.first_key}")
        note(f"Lookalike answers at {service.address} (keys: {service.keys}); Ctrl-C ends it")

    run(settings, started)
