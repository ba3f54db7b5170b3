"""The model that a gallery belongs to: stored at first use, compared with afterwards, replaced by an upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from lookalike.distances import MetricName
from lookalike.errors import FingerprintError, InputError
from lookalike.gallery.database import Database
from lookalike.gallery.records import Model

__all__ = [
    "check_held",
    "check_model",
    "check_same",
    "held_model",
    "in_words",
    "other_model",
    "same_model",
    "store_model",
    "switched_at",
]

_COLUMNS = "fingerprint, name, metric, dimension"


def held_model(database: Database) -> Model | None:
    """The model; None before the first one. Call inside a transaction."""
    row = database.one(f"SELECT {_COLUMNS} FROM model")
    return Model(*row) if row else None


def other_model(database: Database) -> tuple[Model, bool] | None:
    """The second model of an upgrade, and whether the gallery's replaced it; None where there is none, or it is being
    discarded. Call inside a transaction.
    """
    if database.version() < 4:
        return None
    row = database.one(f"SELECT {_COLUMNS}, state FROM other_model WHERE state <> 'discarded'")
    return (Model(*row[:4]), row[4] == "replaced") if row else None


def switched_at(database: Database) -> int:
    """The change at which the model last became another; 0 where it never did. Call inside a transaction."""
    row = database.one("SELECT change_id FROM model_switch") if database.version() >= 4 else None
    return 0 if row is None else int(row[0])


def same_model(one: Model, other: Model) -> bool:
    """Whether vectors of both may be compared; the name is for people only."""
    return (one.fingerprint, one.metric, one.dimension) == (other.fingerprint, other.metric, other.dimension)


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


def check_same(held: Model | None, given: Model, path: Path | str) -> None:
    """Make sure that a gallery belongs to this model.

    Raises:
        FingerprintError: it belongs to another; the message names both.
    """
    if held is None or not same_model(held, given):
        raise FingerprintError(
            f"{path} belongs to {in_words(held)}, but {in_words(given)} was given; "
            "use the gallery's own model, or enroll the pictures again into a new gallery"
        )


def check_held(database: Database, held: Model | None, given: Model) -> None:
    """As `check_same`, with an error that says so where an upgrade put one model in the place of the other.

    Args:
        database: of the gallery; call inside a transaction.
        held: the gallery's model.
        given: the model whose vectors come in.

    Raises:
        FingerprintError: the gallery belongs to another; the message names both.
    """
    if held is not None and same_model(held, given):
        return
    second = other_model(database)
    if second is None or not same_model(second[0], given):
        check_same(held, given, database.folder)
    elif second[1]:
        raise FingerprintError(
            f"{database.folder} was switched to {in_words(held)} by an upgrade, but {in_words(given)} was given, which "
            "it had before; load the new model and open the gallery again, or roll the upgrade back"
        )
    else:
        raise FingerprintError(
            f"{database.folder} belongs to {in_words(held)} until its upgrade is switched, but {in_words(given)} was "
            "given; use the present model until then, or switch"
        )


def in_words(model: Model | None) -> str:
    """A model as messages name it."""
    if model is None:
        return "no model"
    return f"model {model.name!r} ({model.fingerprint[:16]}, {model.metric}, {model.dimension} dimensions)"
