"""`lookalike doctor`: can this machine serve?"""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli.keys.options import ConfigFile, KeysFile
from lookalike.cli.options import AsJson, CalibrationFile, GalleryOfService, ModelOfService, TargetFpir

__all__ = ["doctor"]

_MARKS = {"ok": "[green]ok[/green]", "warning": "[yellow]look[/yellow]", "fault": "[bold red]fault[/bold red]"}


def doctor(
    model: ModelOfService = None,
    gallery: GalleryOfService = None,
    calibration: CalibrationFile = None,
    fpir: TargetFpir = None,
    config: ConfigFile = None,
    keys: KeysFile = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not read all of the gallery's file and of its audit log.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at what a service needs: versions, memory, clock, disks, model, gallery, thresholds, keys, address.

    Changes nothing. Takes the options and the settings of lookalike serve. Exit code 1 where something does not work.
    What is wrong in what a gallery holds, such as one person under two names, lookalike people doctor finds.
    """
    from rich.table import Column, Table

    from lookalike.cli.service_extra import service_extra
    from lookalike.cli.terminal import escape, print_json, print_table, show_progress
    from lookalike.workflows.doctor import examine

    with service_extra():
        from lookalike.service.checks import looked_at, service_checks
        from lookalike.service.settings import ServiceSettings
    settings = ServiceSettings.load(config, model=model, gallery=gallery, calibration=calibration, fpir=fpir, keys=keys)
    with show_progress() as progress:
        result = examine(looked_at(settings, whole=not quick), service_checks(settings), progress)
    if as_json:
        print_json({"faults": result.faults, "warnings": result.warnings, "findings": result.findings})
    else:
        table = Table(Column("What"), Column(""), Column("Found", overflow="fold", ratio=1))
        for one in result.findings:
            advice = f"\n[dim]{escape(one.advice)}[/dim]" if one.advice else ""
            table.add_row(one.check, _MARKS[one.verdict], escape(one.said) + advice)
        print_table(table)
    raise typer.Exit(1 if result.faults else 0)
