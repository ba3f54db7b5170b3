"""`lookalike people doctor`: what is wrong in a gallery, and the repairs that were confirmed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.dataclass_options import options_from
from lookalike.cli.options import (
    AsJson,
    CalibrationFile,
    Detector,
    Device,
    GalleryPath,
    Precision,
    TargetFmr,
    ThresholdDistance,
    refuse_given,
)
from lookalike.errors import InputError
from lookalike.workflows.people_doctor import DoctorOptions, Examined
from lookalike.workflows.people_repairs import RepairOptions

__all__ = ["doctor"]


@dataclass(frozen=True, kw_only=True)
class DoctorVerbOptions(DoctorOptions):
    """What is told of a diagnosis or of repairs.

    Attributes:
        apply: a `findings.json` whose confirmed proposals are carried out, in place of a diagnosis.
        confirm: ids of findings, besides those that the file confirms.
    """

    apply: Path | None = None
    confirm: list[str] = field(default_factory=list)


#: Options of a diagnosis only.
_DIAGNOSIS = tuple(one.name for one in fields(DoctorOptions) if one.name not in ("gallery", "model"))


@options_from(
    DoctorVerbOptions,
    gallery=GalleryPath,
    model=Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            envvar="LOOKALIKE_MODEL",
            metavar="MODEL",
            show_default=False,
            help="The gallery's model: its threshold decides. Not needed with --threshold.",
        ),
    ],
    output=Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for report.html and findings.json.")
    ],
    apply=Annotated[
        Path | None,
        typer.Option("--apply", metavar="FILE", help="Carry out what is confirmed in this findings.json."),
    ],
    confirm=Annotated[
        list[str],
        typer.Option("--confirm", metavar="ID", help="With --apply: also confirm this finding, such as one-person-1."),
    ],
    threshold=ThresholdDistance,
    fmr=TargetFmr,
    fpir=Annotated[
        float | None,
        typer.Option(
            "--fpir", metavar="RATE", help="Use the threshold at which this share of strangers is named at most."
        ),
    ],
    calibration=CalibrationFile,
    repeated_share=Annotated[
        float,
        typer.Option(
            "--repeated-share",
            metavar="SHARE",
            help="How many names are expected to be of a person who has another name, too.",
        ),
    ],
    neighbours=Annotated[
        int, typer.Option("--neighbours", min=1, help="How many other people are looked at around each template.")
    ],
    most=Annotated[int, typer.Option("--most", min=1, help="Findings listed of each kind; all are counted.")],
    measure_quality=Annotated[
        bool, typer.Option("--measure-quality", help="Measure the quality of every picture that can be read.")
    ],
    device=Device,
    precision=Precision,
    detector=Detector,
)
def doctor(context: typer.Context, options: DoctorVerbOptions, as_json: AsJson = False) -> None:
    """Find what is wrong in a gallery: one person under two names, wrong names, poor pictures, look-alikes."""
    if options.apply is None:
        if options.confirm:
            raise InputError("--confirm is about a findings.json; give --apply with it")
        _examine(options, as_json)
        return
    refuse_given(context, *_DIAGNOSIS, why="is about a diagnosis; leave it out with --apply")
    _repair(RepairOptions(findings=options.apply, gallery=options.gallery, confirm=options.confirm), as_json)


def _examine(options: DoctorVerbOptions, as_json: bool) -> None:
    from lookalike.cli.terminal import print_json, show_progress
    from lookalike.json_values import plain
    from lookalike.workflows.people_doctor import examine_people

    with show_progress() as progress:
        done = examine_people(
            DoctorOptions(**{one.name: getattr(options, one.name) for one in fields(DoctorOptions)}), progress
        )
    if not as_json:
        _print(done, options)
        return
    found = plain(done.diagnosis)
    print_json(
        {
            "gallery": options.gallery,
            "threshold": done.by.threshold.distance,
            "threshold_source": done.by.threshold.source,
            "odds_source": done.by.odds_source,
            **{name: found[name] for name in ("identities", "templates", "single", "totals", "findings")},
            "notes": done.notes,
            "report": done.report,
            "findings_file": done.findings,
        }
    )


def _print(done: Examined, options: DoctorVerbOptions) -> None:
    from rich.table import Column, Table

    from lookalike.cli.terminal import print_line, print_table
    from lookalike.counted_nouns import how_many
    from lookalike.workflows.people_doctor_report import HEADINGS

    found = done.diagnosis
    people, templates = how_many(found.identities, "person", "people"), how_many(found.templates, "template")
    print_line(f"{people} with {templates} in {options.gallery}; threshold {done.by.threshold.distance:.4g}")
    table = Table(Column("What", no_wrap=True), Column("Found", justify="right"), Column("Proposals", justify="right"))
    for kind, (heading, _) in HEADINGS.items():
        proposed = sum(1 for one in found.findings if one.kind == kind and one.proposal is not None)
        table.add_row(heading, str(found.totals[kind]), str(proposed))
    table.add_row("People with one template", str(found.single), "")
    print_table(table)
    print_line(f"report: {done.report}")
    print_line(f"proposals: {done.findings}")


def _repair(options: RepairOptions, as_json: bool) -> None:
    from lookalike.cli.terminal import note, print_json, print_line
    from lookalike.workflows.people_repairs import repair_people

    done = repair_people(options)
    if as_json:
        print_json({"gallery": options.gallery, "results": done.results})
    else:
        for one in done.results:
            if one.refused:
                note(f"{one.finding} was refused: {one.refused}")
                continue
            undo = "" if one.act is None else f" (act {one.act}; lookalike people undo {one.act} takes it back)"
            print_line(f"{one.finding}: {one.done}{undo}")
    if any(one.refused for one in done.results):
        raise typer.Exit(1)
