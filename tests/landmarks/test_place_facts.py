import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lookalike.datasets import NON_LANDMARK
from lookalike.errors import DatasetError
from lookalike.landmarks.place import Place, middle_position
from lookalike.landmarks.place_facts import photographed_places, read_places


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "x.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_a_row_a_place(written):
    found = read_places(written("identity,name,latitude,longitude\nchurch,Sacré-Cœur,48.8867,2.3431\n7,,,\n"))
    assert found == {"church": Place("church", "Sacré-Cœur", 48.8867, 2.3431), "7": Place("7")}


def test_a_row_a_photo(written, tmp_path):
    for number in range(6):
        (tmp_path / f"{number}.jpg").touch()
    rows = "path,identity,latitude,longitude,name\n"
    rows += "0.jpg,church,48.8867,2.3431,Sacré-Cœur\n1.jpg,church,48.8868,2.3431,\n2.jpg,church,10,10,\n"
    rows += f"3.jpg,tower,,,\n4.jpg,{NON_LANDMARK},1,1,\n5.jpg,church,,,\n"
    found = read_places(written(rows))
    assert list(found) == ["church", "tower"]
    middle = middle_position([(48.8867, 2.3431), (48.8868, 2.3431), (10, 10)])
    assert found["church"] == Place("church", "Sacré-Cœur", *middle)
    assert found["tower"] == Place("tower")


def test_categories_of_google_landmarks(written):
    wiki = "http://commons.wikimedia.org/wiki/Category:Eiffel_Tower"
    assert read_places(written(f"landmark_id,category\n7,{wiki}\n8,\n")) == {
        "7": Place("7", "Eiffel Tower"),
        "8": Place("8"),
    }


def test_other_columns(written, tmp_path):
    with pytest.raises(DatasetError, match=r"has the columns \['a', 'b'\]; expected identity,name,latitude,longitude"):
        read_places(written("a,b\n1,2\n"))
    with pytest.raises(DatasetError, match="cannot be read"):
        read_places(tmp_path / "none.csv")


def test_photos_tell_where_their_place_is(tmp_path):
    exif = Image.Exif()
    exif[0x8825] = {1: "S", 2: (33.0, 51.0, 24.3), 3: "E", 4: (151.0, 12.0, 54.4)}
    paths = []
    for number, options in enumerate(({"exif": exif}, {}, {}, {"exif": exif})):
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path, **options)
        paths.append(path)
    found = photographed_places(paths, ["opera", "opera", "tower", NON_LANDMARK])
    assert (found["opera"].latitude, found["opera"].longitude) == pytest.approx((-33.85675, 151.21511), abs=1e-4)
    assert found["tower"] == Place("tower")
    assert set(found) == {"opera", "tower"}


def test_serving_knows_places_and_photos_without_data_sets():
    """Who answers needs `place` and `photo_position` alone."""
    code = (
        "import sys, lookalike.landmarks.photo_position, lookalike.landmarks.place;"
        "sys.exit(any(m.startswith(f'lookalike.{n}') for m in sys.modules for n in ('datasets', 'training', 'losses')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_landmark_under_two_names(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("landmark_id,category\n1,Category:A\n1,Category:B\n")
    with pytest.raises(DatasetError, match="line 3: landmark 1 is 'B' here and 'A' above; choose one"):
        read_places(path)
