"""`make check` fails on a circle of imports, wherever it is, and on nothing else."""

import os
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest
from grimp import ImportGraph
from hypothesis import given
from hypothesis import strategies as st
from tools.import_circles import import_circles

ROOT = Path(__file__).parents[2]
#: The project's own contract, on a package of the test's.
SETTINGS = """
[tool.importlinter]
root_package = "town"
exclude_type_checking_imports = true
contract_types = ["no_import_circles: tools.import_circles.NoImportCircles"]
[[tool.importlinter.contracts]]
name = "No circles"
type = "no_import_circles"
"""


def project(root, files):
    """A package `town` of these files; the exit code and the output of its check."""
    (root / "pyproject.toml").write_text(SETTINGS)
    for name in ("town/__init__.py", "town/port/__init__.py", *files):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files.get(name, ""))
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        pytest.param(
            {"town/a.py": "def f():\n    from town.port import b\n", "town/port/b.py": "from town import a\n"},
            "- town.a imports town.port.b (line 2) town.port.b imports town.a (line 1)",
            id="in a function",
        ),
        pytest.param(
            {"town/port/__init__.py": "from town.port.ship import sail\n", "town/port/ship.py": "import town.port\n"},
            "- town.port imports town.port.ship (line 1) town.port.ship imports town.port (line 1)",
            id="of a package and its own file",
        ),
        pytest.param(
            {f"town/port/{a}.py": f"from town.port import {b}\n" for a, b in ("ab", "bc", "ca")},
            "- town.port.a imports town.port.b (line 1) town.port.b imports town.port.c (line 1) "
            "town.port.c imports town.port.a (line 1)",
            id="of three",
        ),
    ],
)
def test_a_circle_that_is_put_in_is_reported_with_its_lines(tmp_path, files, circle):
    code, output = project(tmp_path, files)
    assert code == 1
    assert circle in output
    assert "0 kept, 1 broken" in output


def test_imports_for_type_checkers_and_one_way_imports_are_fine(tmp_path):
    files = {
        "town/a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from town.port import b\n",
        "town/port/b.py": "from town import a\n",
        "town/port/c.py": "from town import a\nfrom town.port import b\n",
    }
    code, output = project(tmp_path, files)
    assert code == 0, output
    assert "1 kept, 0 broken" in output


def test_the_projects_own_check_has_this_contract():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (own,) = [one for one in settings["contracts"] if one["type"] == "no_import_circles"]
    assert set(own) == {"name", "type"}  # nothing is left out of it
    assert tomllib.loads(SETTINGS)["tool"]["importlinter"]["contract_types"] == settings["contract_types"]


NAMES = st.sampled_from("abcdefg")


@given(st.lists(st.tuples(NAMES, NAMES).filter(lambda edge: edge[0] != edge[1]), max_size=14))
def test_circles_are_found_exactly_where_no_order_exists(edges):
    graph, sorter = ImportGraph(), TopologicalSorter()
    for importer, imported in edges:
        graph.add_import(importer=importer, imported=imported)
        sorter.add(importer, imported)
    circles = import_circles(graph)
    try:
        sorter.prepare()
    except CycleError:
        assert circles
    else:
        assert not circles
    for circle in circles:
        assert circle[0] == circle[-1]
        assert len(set(circle)) == len(circle) - 1
        assert set(pairwise(circle)) <= set(edges)
    members = [module for circle in circles for module in circle[1:]]
    assert len(members) == len(set(members))  # one for every group
