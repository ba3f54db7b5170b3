"""Whether a job is about people or about places, and the options that would do nothing then."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.errors import InputError

if TYPE_CHECKING:
    from lookalike.gallery import Gallery

__all__ = ["LANDMARKS", "asked_about_places", "asks_for_places", "holds_places", "refuse_options"]

#: The recipe that says places.
LANDMARKS = "landmarks"


def asks_for_places(recipe: str | None) -> bool:
    """Whether a recipe says that places are meant.

    Raises:
        InputError: there is no such recipe here.
    """
    if recipe not in (None, LANDMARKS):
        raise InputError(f"--recipe is {recipe!r}; give {LANDMARKS}, or leave it out for people")
    return recipe is not None


def holds_places(gallery: Gallery | None) -> bool:
    """Whether a gallery holds places; False where there is none yet.

    Raises:
        ArtefactError: what it keeps of its places is damaged.
    """
    from lookalike.gallery.annex import annex_of

    if gallery is None or gallery.kind != "landmarks":
        return False
    annex_of(gallery).annex()  # one that is damaged is refused before a model is loaded
    return True


def asked_about_places(recipe: str | None, gallery: str | Path) -> bool:
    """Whether an evaluation is about places: the recipe says so, or the gallery holds some.

    Args:
        recipe: None where none was given.
        gallery: its address; empty where none was given.

    Raises:
        InputError: there is no such recipe here.
        ArtefactError: the gallery is damaged.
    """
    from lookalike.gallery.existing import open_existing

    if asks_for_places(recipe) or not str(gallery):
        return recipe is not None
    held = open_existing(gallery)
    if held is None:
        return False
    with held:
        return holds_places(held)


def refuse_options(options: object, *names: str, why: str) -> None:
    """Refuse options that would do nothing.

    Args:
        options: a workflow's; None is its value where one is not given.
        *names: of the fields.
        why: what the message says after the option.

    Raises:
        InputError: one of them was given, whatever its value.
    """
    for name in names:
        if getattr(options, name) is not None:
            raise InputError(f"--{name.replace('_', '-')} {why}")
