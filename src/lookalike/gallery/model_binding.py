"""The model that a gallery belongs to: stored at first use, and compared with afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from lookalike.distances import MetricName
from lookalike.errors import FingerprintError, InputError
from lookalike.gallery.database import Database
from lookalike.gallery.records import Model

__all__ = ["check_model", "check_same", "held_model", "store_model"]


def held_model(database: Database) -> Model | None:
    """The model; None before the first one. Call inside a transaction."""
    row = database.one("SELECT fingerprint, name, metric, dimension FROM model")
    return Model(*row) if row else None


def check_model(model: Model) -> None:
    """Refuse what no model can be.

    Raises:
        InputError: no fingerprint, an unknown metric, or no dimension.
    """
    if not model.fingerprint or model.metric not in get_args(MetricName) or model.dimension < 1:
        raise InputError(
            f"fingerprint {model.fingerprint!r}, metric {model.metric!r}, dimension {model.dimension}: give a model's "
            f"fingerprint, one of {', '.join(get_args(MetricName))}, and at least 1 dimension"
        )


def store_model(database: Database, model: Model) -> None:
    """Bind the gallery to a model, where it has none yet; call inside a writing transaction."""
    database.run(
        "INSERT INTO model VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (model.fingerprint, model.name, model.metric, model.dimension),
    )


def check_same(held: Model | None, given: Model, path: Path) -> None:
    """Make sure that a gallery belongs to this model.

    Raises:
        FingerprintError: it belongs to another; the message names both.
    """
    if held is None or (held.fingerprint, held.metric, held.dimension) != (
        given.fingerprint,
        given.metric,
        given.dimension,
    ):
        raise FingerprintError(
            f"{path} belongs to {_named(held)}, but {_named(given)} was given; "
            "use the gallery's own model, or enroll the pictures again into a new gallery"
        )


def _named(model: Model | None) -> str:
    if model is None:
        return "no model"
    return f"model {model.name!r} ({model.fingerprint[:16]}, {model.metric}, {model.dimension} dimensions)"
