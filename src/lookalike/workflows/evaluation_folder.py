"""The folder that an evaluation writes: `report.html` and `metrics.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.atomic_files import write_atomically
from lookalike.workflows.output_folder import check_writable, output_folder

if TYPE_CHECKING:
    from lookalike.evaluation.report.page import Report

__all__ = ["check_output", "write_evaluation"]


def check_output(path: Path) -> None:
    """Refuse a folder that cannot be made or written into, before the work; nothing is left of it.

    Raises:
        StorageError: it cannot be made, or may not be written.
    """
    with output_folder(path):
        check_writable(path / "report.html")


def write_evaluation(path: Path, report: Report, metrics: dict[str, Any]) -> tuple[Path, Path]:
    """Write both files into a folder, each whole or not at all.

    Args:
        path: the folder, which is there.
        report: what `report.html` says.
        metrics: JSON types, for `metrics.json`.

    Returns:
        their paths.

    Raises:
        StorageError: the disk is full, read-only or failing; older files are unharmed.
        ImageError: a picture that the report shows cannot be read any more.
    """
    from lookalike.evaluation.report.page import write_report

    page, numbers = path / "report.html", path / "metrics.json"
    write_report(page, report)
    write_atomically(numbers, (json.dumps(metrics, indent=2) + "\n").encode())
    return page, numbers
