"""docs/faces.md says what is true."""

import re
import shutil
from pathlib import Path

import pytest

from lookalike.embedder.face_detection import smallest_face

TEXT = (Path(__file__).parents[2] / "docs" / "faces.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("row", "size"),
    [("600 pixels on the long side", (600, 450)), ("5 megapixels", (2582, 1936)), ("12 megapixels", (4032, 3024)),
     ("22 megapixels", (5420, 4060))],
)  # fmt: skip
def test_the_smallest_faces_are_those_of_the_table(row, size):
    (pixels,) = re.findall(rf"^\| .*{row}.* \| (\d+) pixels \|$", TEXT, re.MULTILINE)
    assert smallest_face(*size) == int(pixels)


def test_the_python_runs(orl, tmp_path, monkeypatch, capsys):
    pytest.importorskip("dlib", reason="the extra faces is not installed")
    shutil.copy(orl.paths[2], tmp_path / "ada-1.png")
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(program, {})
    assert "(1, 128)" in capsys.readouterr().out
