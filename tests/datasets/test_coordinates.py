import numpy as np
import pytest

from lookalike.datasets import read_csv
from lookalike.datasets.coordinates import PlaceRow, header, read_located_pictures, read_place_rows
from lookalike.errors import DatasetError


@pytest.fixture
def written(touch, tmp_path):
    touch("1.jpg", "2.jpg", "3.jpg")

    def write(content):
        path = tmp_path / "x.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def test_pictures_with_positions_and_names(written):
    path = written(
        "name,path,identity,latitude,longitude,weather\n"
        "Sacré-Cœur,1.jpg,church,48.8867,2.3431,sun\n,2.jpg,church,,,rain\nTour,3.jpg,tower,-0.5,-179.25,\n"
    )
    found = read_located_pictures(path)
    assert found.pictures == read_csv(path)
    assert found.pictures.identities == ("church", "church", "tower")
    np.testing.assert_array_equal(found.positions, [[48.8867, 2.3431], [np.nan, np.nan], [-0.5, -179.25]])
    assert found.names == {"church": "Sacré-Cœur", "tower": "Tour"}


def test_without_names_with_repeated_rows_and_in_the_sea(written):
    rows = "path,identity,latitude,longitude\n1.jpg,a,1,2\n./1.jpg,a,1.0,2.0\n2.jpg,a,0,0\n3.jpg,a,0,7\n"
    found = read_located_pictures(written(rows))
    assert [path.name for path in found.pictures.paths] == ["1.jpg", "2.jpg", "3.jpg"]
    np.testing.assert_array_equal(found.positions, [[1, 2], [np.nan, np.nan], [0, 7]])
    assert found.names == {}
    assert found.pictures.notes == read_csv(written(rows)).notes != ()


def test_places(written):
    rows = "identity,name,latitude,longitude\nchurch,Sacré-Cœur,48.8867,2.3431\n7,,,\n8,Null,0.0,0\n"
    assert read_place_rows(written(rows)) == (
        PlaceRow("church", "Sacré-Cœur", (48.8867, 2.3431)), PlaceRow("7", "", None), PlaceRow("8", "Null", None)
    )  # fmt: skip


@pytest.mark.parametrize(
    "said",
    ["91,2", "-90.1,2", "48,180.5", "48,", ",2", "nan,2", "48,inf", '"48,8867",2', "48°,2", "north,east", "48 N,2 E"],
)
def test_what_is_no_position_names_its_line(written, said):
    for read, rows in (
        (read_located_pictures, f"path,identity,latitude,longitude\n1.jpg,a,1,2\n2.jpg,a,{said}\n"),
        (read_place_rows, f"identity,name,latitude,longitude\na,,1,2\nb,,{said}\n"),
    ):
        with pytest.raises(
            DatasetError, match=r"x.csv, line 3: latitude .*expected degrees such as 48\.8867"
        ) as caught:
            read(written(rows))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("read", "rows", "message"),
    [
        (read_located_pictures, "path,identity,latitude,longitude\n1.jpg,a,1,2\n1.jpg,a,1,3\n", "line 3: 1.jpg is at"),
        (read_located_pictures, "path,identity,latitude,longitude\n1.jpg,a,1,2\n1.jpg,a,,\n", "line 3: 1.jpg is at"),
        (read_located_pictures, "path,identity,latitude,longitude\n1.jpg,a,1,2\n1.jpg,b,1,2\n", "has one identity"),
        (read_located_pictures, "path,identity,latitude,longitude\n9.jpg,a,1,2\n", "9.jpg does not exist"),
        (
            read_located_pictures,
            "path,identity,latitude\n1.jpg,a,1\n",
            "expected a header with path,identity,latitude,",
        ),
        (
            read_located_pictures,
            "path,identity,latitude,longitude\n1.jpg,a, b,1,2\n",
            r"line 2: '1.jpg,a, b,1,2' has 5 fields, the header 4",
        ),
        (
            read_located_pictures,
            "path,identity,latitude,longitude,name\n1.jpg,a,1,2,X\n2.jpg,a,1,2,Y\n",
            "line 3: a is 'Y' here and 'X' above",
        ),
        (read_place_rows, "identity,name,latitude,longitude\na,,1,2\na,,1,2\n", "line 3: a stands above already"),
        (read_place_rows, "identity,name,latitude,longitude\n,X,1,2\n", "line 2: identity ''"),
        (read_place_rows, "identity,name,latitude,longitude\n", "lists no places"),
        (read_place_rows, "identity,latitude,longitude\na,1,2\n", "expected a header with identity,name,latitude"),
    ],
)
def test_what_contradicts_itself(written, read, rows, message):
    with pytest.raises(DatasetError, match=message):
        read(written(rows))


def test_header(written, tmp_path):
    assert header(written("\ufeffPath, Identity ,x\n")) == ("path", "identity", "x")
    assert header(written("")) == ()
    with pytest.raises(DatasetError, match="cannot be read"):
        header(tmp_path / "none.csv")


def test_places_and_paths_in_another_spelling(written, tmp_path):
    (tmp_path / "Jose\u0301.jpg").touch()
    rows = "path,identity,latitude,longitude,name\nJosé.jpg,José,1,2,é\n1.jpg,Jose\u0301,3,4,e\u0301\n"
    found = read_located_pictures(written(rows))
    assert found.pictures.identities == ("José", "José")
    assert found.names == {"José": "é"}
    assert found.positions.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DatasetError, match="line 3: José stands above already"):
        read_place_rows(written("identity,name,latitude,longitude\nJosé,,,\nJose\u0301,,1,2\n"))
