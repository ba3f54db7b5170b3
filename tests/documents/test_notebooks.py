"""The notebooks run from the first cell to the last, and are kept without outputs.

Their cells are plain Python, so they are read from the JSON and run one after the other by this Python; nbclient would
do the same through a Jupyter kernel, with some twenty packages more.
"""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: Runs the cells of a notebook in one namespace; an error names the cell.
RUNNER = """
import json, warnings

warnings.simplefilter("ignore")
cells = json.load(open({path!r}, encoding="utf-8"))["cells"]
names = {{"__name__": "__main__"}}
for number, cell in enumerate(cells, 1):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {{number}}", "exec"), names)
"""
#: What each prints, whatever the networks answer.
SHOWN = {
    "faces": (
        r"400 pictures of 40 people",
        r"\(1, 128\) one picture is one row",
        r"6 people, 12 templates, of model 'dlib'",
        r"match: distance 0\.\d+, threshold 0\.6",
        r"\d+ of 10 right",
        r"5 people, 10 templates",
    ),
    "landmarks": (
        r"4 places, \d+ centroids from 20 photos",
        r"at most 0\.1 of photos without a landmark are accepted",
        r"\d of 8 photos of places named, \d of 6 photos without a place",
        r"at most 0\.3 of photos without a landmark are accepted",
    ),
}


def cells(path, kind):
    return [
        "".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_explains_itself(path):
    document = json.loads(path.read_text("utf-8"))
    assert (document["nbformat"], document["metadata"]["kernelspec"]["name"]) == (4, "python3")
    assert len({cell["id"] for cell in document["cells"]}) == len(document["cells"])
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert document["cells"][0]["cell_type"] == "markdown"
    for text in cells(path, "code"):
        ast.parse(text)  # plain Python: no magics
        assert max(map(len, text.splitlines())) <= 120
    for text in cells(path, "markdown"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert (path.parent / target).exists(), target


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, forking_interpreter):
    env = {"MPLBACKEND": "Agg", "TMPDIR": str(tmp_path)}
    done = forking_interpreter.run(RUNNER.format(path=str(path)), folder=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    for shown in SHOWN[path.stem]:
        assert re.search(shown, done.stdout), done.stdout


def test_there_is_a_notebook_for_each_application():
    assert [path.stem for path in NOTEBOOKS] == sorted(SHOWN)
