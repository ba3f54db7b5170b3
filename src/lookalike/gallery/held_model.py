"""The model whose vectors a gallery holds, as a transaction sees it: an upgrade may have put another in its place."""

from __future__ import annotations

from pathlib import Path

from lookalike.errors import FingerprintError
from lookalike.gallery.database import Database
from lookalike.gallery.gallery import Model

__all__ = ["check_model", "held_model", "in_words", "other_model", "same_model", "switched_at"]

_COLUMNS = "fingerprint, name, metric, dimension"


def held_model(database: Database) -> Model | None:
    """The gallery's model; None before the first `bind`. Call inside a transaction."""
    row = database.one(f"SELECT {_COLUMNS} FROM model")
    return Model(*row) if row else None


def other_model(database: Database) -> tuple[Model, bool] | None:
    """The second model of an upgrade, and whether the gallery's replaced it. Call inside a transaction."""
    if database.version() < 4:
        return None
    row = database.one(f"SELECT {_COLUMNS}, replaced FROM other_model")
    return (Model(*row[:4]), bool(row[4])) if row else None


def switched_at(database: Database) -> int:
    """The change at which the model last became another; 0 where it never did. Call inside a transaction."""
    row = database.one("SELECT change_id FROM model_switch") if database.version() >= 4 else None
    return 0 if row is None else int(row[0])


def same_model(one: Model, other: Model) -> bool:
    """Whether vectors of both may be compared; the name is for people only."""
    return (one.fingerprint, one.metric, one.dimension) == (other.fingerprint, other.metric, other.dimension)


def check_model(database: Database, held: Model | None, given: Model) -> None:
    """Refuse a model that is not the gallery's. Call inside a transaction.

    Args:
        database: of the gallery.
        held: its model.
        given: the model whose vectors come in.

    Raises:
        FingerprintError: the message names both, and says where an upgrade put one in the place of the other.
    """
    if held is not None and same_model(held, given):
        return
    second = other_model(database)
    path, known = Path(database.folder), f"{in_words(given)} was given"
    if second is None or not same_model(second[0], given):
        raise FingerprintError(
            f"{path} belongs to {in_words(held)}, but {known}; "
            "use the gallery's own model, or enroll the pictures again into a new gallery"
        )
    if second[1]:
        raise FingerprintError(
            f"{path} was switched to {in_words(held)} by an upgrade, but {known}, which it had before; "
            "load the new model and open the gallery again, or roll the upgrade back"
        )
    raise FingerprintError(
        f"{path} belongs to {in_words(held)} until its upgrade is switched, but {known}; "
        "use the present model until then, or switch"
    )


def in_words(model: Model | None) -> str:
    """A model as messages name it."""
    if model is None:
        return "no model"
    return f"model {model.name!r} ({model.fingerprint[:16]}, {model.metric}, {model.dimension} dimensions)"
