"""A library is imported when something of it is asked for, and not before."""

import subprocess
import sys

import pytest

from lookalike.index.core.engine_library import EngineLibrary


def test_nothing_is_imported_before_it_is_used():
    code = """
import sys
from lookalike.index.core.engine_library import EngineLibrary
library = EngineLibrary("colorsys")
assert not hasattr(library, "__wrapped__")  # what doctest and inspect ask of everything
before = "colorsys" in sys.modules
library.rgb_to_hsv
print(before, "colorsys" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.strip() == "False True"


def test_it_gives_what_the_library_has():
    import math

    library = EngineLibrary("math")
    assert library.sqrt is math.sqrt
    assert library.sqrt is math.sqrt  # kept
    with pytest.raises(AttributeError, match="no attribute 'cube'"):
        library.cube  # noqa: B018 - asking is the point


def test_a_library_that_is_not_there_is_said_when_it_is_used():
    library = EngineLibrary("no_such_engine")
    with pytest.raises(ModuleNotFoundError, match="no_such_engine"):
        library.anything  # noqa: B018 - asking is the point
