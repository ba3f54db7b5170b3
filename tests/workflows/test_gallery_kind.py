"""People or places; and options that would do nothing are refused."""

from dataclasses import dataclass

import pytest

from lookalike.errors import InputError
from lookalike.workflows.gallery_kind import asks_for_places, refuse_options


def test_the_recipe_says_places():
    assert asks_for_places("landmarks")
    assert not asks_for_places(None)
    for recipe in ("mountains", ""):
        with pytest.raises(InputError, match="give landmarks, or leave it out"):
            asks_for_places(recipe)


@dataclass
class Options:
    skip_bad: bool | None = None
    fmr: float | None = None


def test_options_are_refused_whatever_their_value():
    refuse_options(Options(), "skip_bad", "fmr", why="is for people")
    for options in (Options(skip_bad=False), Options(skip_bad=True, fmr=0.0)):
        with pytest.raises(InputError, match=r"^--skip-bad is for people$"):
            refuse_options(options, "fmr" if options.fmr is None else "skip_bad", "skip_bad", why="is for people")
