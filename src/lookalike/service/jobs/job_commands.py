"""The command of each kind of job: a verb of the command line, which runs as a process of its own.

So the service never imports what trains, a crash costs the job alone, and a job does exactly what the verb does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike.errors import InputError
from lookalike.service.api_keys import Role
from lookalike.service.settings import ServiceSettings

__all__ = ["job_command", "needed_role"]


def job_command(asked: Mapping[str, Any], settings: ServiceSettings, output: Path) -> list[str]:
    """The verb and its options.

    Args:
        asked: a checked request of `schemas.jobs`.
        settings: of the service.
        output: folder for what it writes.

    Raises:
        InputError: a name that the settings do not have.

    Example:
        >>> job_command({"kind": "doctor", "measure_quality": False}, ServiceSettings(), Path("out"))[:2]
        ['people', 'doctor']
    """
    kind = asked["kind"]
    model = ["--model", settings.model]
    gallery = ["--gallery", settings.gallery]
    cropped = ["--cropped"] if settings.cropped else []
    if kind == "evaluate":
        data = _named("data", settings.data, asked["data"])
        calibrate = ["--calibrate"] if asked["calibrate"] else []
        enrolled = ["--enrolled", str(asked["enrolled"])]
        command = ["evaluate", data, *model, *cropped, *enrolled, *calibrate, "--output", str(output)]
    elif kind == "train":
        data = _named("data", settings.data, asked["data"])
        command = ["train", data, "--output", str(output / "model"), "--seed", str(asked["seed"])]
        command += ["--loss", asked["loss"]] if asked["loss"] is not None else []
        command += ["--epochs", str(asked["epochs"])] if asked["epochs"] is not None else []
    elif kind == "reembed":
        other = ["--model", _named("models", settings.models, asked["model"])]
        command = ["gallery", "upgrade", "start", *gallery, *other, *cropped, "--output", str(output)]
    else:
        quality = ["--measure-quality"] if asked["measure_quality"] else []
        limits = ["--threshold", repr(settings.threshold)] if settings.threshold is not None else []
        limits += ["--fpir", repr(settings.fpir)] if settings.fpir is not None else []
        limits += ["--calibration", str(settings.calibration)] if settings.calibration is not None else []
        command = ["people", "doctor", *gallery, *model, *limits, *quality, "--output", str(output)]
    return [*command, "--json"]


def needed_role(kind: str) -> Role:
    """Who may ask for a job of a kind, and end it."""
    return "operator" if kind == "doctor" else "admin"


def _named(setting: str, known: Mapping[str, str], name: str) -> str:
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise InputError(f"there is no {name!r} among the service's {setting}; there are: {listed}")
    return known[name]
