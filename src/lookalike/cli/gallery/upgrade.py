"""`lookalike gallery upgrade`: another model for a gallery of people: start, status, switch, rollback, discard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import AsJson, Cropped, Detector, Device, GalleryPath, Model, Precision
from lookalike.cli.verb_groups import verb_group
from lookalike.counted_nouns import how_many
from lookalike.workflows.gallery_upgrade import (
    UpgradedGallery,
    UpgradeOptions,
    discard_upgrade,
    roll_back_upgrade,
    switch_upgrade,
    upgrade_gallery,
    upgrade_status,
)

if TYPE_CHECKING:
    from lookalike.gallery.model_upgrade import UpgradeStatus
    from lookalike.workflows.gallery_upgrade import GalleryUpgrade

__all__ = ["discard", "rollback", "start", "status", "switch", "upgrade_verbs"]


def upgrade_verbs() -> typer.Typer:
    """The verbs of `lookalike gallery upgrade`."""
    return verb_group(
        "upgrade",
        {verb: (None, f"{__name__}:{verb}") for verb in ("start", "status", "switch", "rollback", "discard")},
        help_text="Change the model of a gallery of people, while everybody goes on using it.",
        epilog="In order: start, which embeds all templates again; switch; and rollback, or discard to be rid of what "
        "is no longer needed.",
    )


@options_from(
    UpgradeOptions,
    model=Model,
    gallery=GalleryPath,
    pictures=Annotated[
        Path | None,
        typer.Option("--pictures", metavar="FOLDER", help="A folder per person: pictures for templates without any."),
    ],
    check_sources=Annotated[
        str | None,
        typer.Option(
            "--check-sources",
            metavar="MODEL",
            help="The present model: take a picture from where it came from only where it still gives the template's "
            "vector.",
        ),
    ],
    calibrate_on=Annotated[
        Path | None,
        typer.Option(
            "--calibrate-on",
            metavar="FOLDER",
            help="Measure the new thresholds on these people, a folder for each, not on the gallery's own.",
        ),
    ],
    model_thresholds=Annotated[
        bool, typer.Option("--model-thresholds", help="Measure no thresholds: answer with the new model's own.")
    ],
    promise=Annotated[
        str | None,
        typer.Option("--promise", metavar="KIND=RATE", help="What the new thresholds keep, such as fpir=0.01."),
    ],
    output=Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for a report on both models, and calibration.json of the new one."),
    ],
    switch=Annotated[bool, typer.Option("--switch", help="Switch as soon as all templates are embedded.")],
    cropped=Cropped,
    device=Device,
    precision=Precision,
    detector=Detector,
)
def start(options: UpgradeOptions, as_json: AsJson = False) -> None:
    """Embed a gallery's templates with another model, from the pictures it keeps, and measure thresholds.

    Pictures that the gallery does not keep are read from where they came from, or from --pictures. Killed, the same
    command goes on. The present model answers until lookalike gallery upgrade switch.
    """
    from lookalike.cli.terminal import console, escape, print_json, show_progress

    with show_progress() as progress:
        done = upgrade_gallery(options, progress)
    if as_json:
        print_json({"gallery": str(options.gallery)} | _plain(done))
        return
    _print_status(str(options.gallery), done.status)
    if done.compared is not None:
        _print_compared(done)
    for path in done.written:
        console.print(f"[green]wrote[/green] {escape(str(path))}", soft_wrap=True)


@options_from(UpgradedGallery, gallery=GalleryPath)
def status(options: UpgradedGallery, as_json: AsJson = False) -> None:
    """Say how far the change of a gallery's model is."""
    _show(options, upgrade_status(options), as_json)


@options_from(UpgradedGallery, gallery=GalleryPath)
def switch(options: UpgradedGallery, as_json: AsJson = False) -> None:
    """Let the new model answer, in one step. Who still asks with the model from before gets an error that says so."""
    _show(options, switch_upgrade(options), as_json)


@options_from(UpgradedGallery, gallery=GalleryPath)
def rollback(options: UpgradedGallery, as_json: AsJson = False) -> None:
    """Let the model from before the switch answer again."""
    _show(options, roll_back_upgrade(options), as_json)


@options_from(UpgradedGallery, gallery=GalleryPath)
def discard(options: UpgradedGallery, as_json: AsJson = False) -> None:
    """Give up the model that does not answer: its vectors are deleted and overwritten."""
    from lookalike.cli.terminal import console, escape, print_json
    from lookalike.json_values import plain

    done = discard_upgrade(options)
    if as_json:
        print_json({"gallery": options.gallery} | plain(done))
        return
    console.print(
        f"[green]discarded[/green] {how_many(done.vectors, 'vector')} of {escape(done.model)} in "
        f"{escape(str(options.gallery))}",
        soft_wrap=True,
    )


def _show(options: UpgradedGallery, found: UpgradeStatus, as_json: bool) -> None:
    from lookalike.cli.terminal import print_json
    from lookalike.json_values import plain

    if as_json:
        print_json({"gallery": options.gallery} | plain(found) | {"remaining": found.remaining})
    else:
        _print_status(str(options.gallery), found)


def _print_status(gallery: str, found: UpgradeStatus) -> None:
    from lookalike.cli.terminal import print_line

    lines = [f"{gallery} answers with {found.model.name}"]
    if found.other is None:
        lines.append("no upgrade is under way")
    else:
        other, count = found.other.name, f"{found.embedded:,} of {how_many(found.templates, 'template')}"
        said = {
            "embedding": f"{other}: {count} embedded; start it again to go on",
            "ready": f"{other}: {count} embedded; switch when you like",
            "replaced": f"{other} answered before: it has {count}; roll back, or discard it",
        }
        lines.append(said[found.state or "embedding"])
    print_line("; ".join(lines))


def _print_compared(done: GalleryUpgrade) -> None:
    from rich.table import Column, Table

    from lookalike.cli.terminal import print_table
    from lookalike.workflows.upgrade_thresholds import measured_rows

    assert done.compared is not None
    present, other = done.compared.present.name, done.compared.other.name
    typer.echo(
        f"on {how_many(done.compared.people, 'person', 'people')} of the gallery "
        f"({how_many(done.compared.templates, 'template')}):"
    )
    table = Table(
        "False matches allowed",
        Column(f"FNMR of {present}", overflow="fold"),
        Column(f"FNMR of {other}", overflow="fold"),
        Column(f"Threshold of {other}", overflow="fold"),
        "Enough data",
    )
    for row in measured_rows(done.compared):
        table.add_row(
            f"{row['target_fmr']:g}",
            f"{row['present']['fnmr']:.2%}",
            f"{row['other']['fnmr']:.2%}",
            f"{row['other']['threshold']:.4g}",
            "yes" if row["sufficient"] else "no: a guess",
        )
    print_table(table)


def _plain(done: GalleryUpgrade) -> dict[str, Any]:
    from lookalike.json_values import plain
    from lookalike.workflows.upgrade_thresholds import measured_rows

    compared = done.compared
    return {
        "status": plain(done.status) | {"remaining": done.status.remaining},
        "embedded": done.embedded,
        "unusable": plain(done.unusable),
        "people": None if compared is None else compared.people,
        "points": [] if compared is None else list(measured_rows(compared)),
        "thresholds": None if done.thresholds is None else done.thresholds.source,
        "written": [str(path) for path in done.written],
    }
