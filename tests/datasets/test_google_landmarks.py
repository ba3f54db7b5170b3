"""The layout of Google Landmarks v2, in every way it is downloaded, and damaged."""

import pytest

from lookalike.datasets.google_landmarks import GoogleLandmarks, LandmarkKind, category_name
from lookalike.errors import DatasetError

A, B, C, D = (f"{n:x}123456789abcdef" for n in (10, 11, 12, 13))


@pytest.fixture
def google(touch, tmp_path):
    def make(ids=(A, B, C), split="train", **csvs):
        for picture in ids:
            touch(f"{split}/{picture[0]}/{picture[1]}/{picture[2]}/{picture}.jpg")
        for name, content in csvs.items():
            path = tmp_path / name.replace("__", "/")
            path = path.with_name(f"{path.name}.csv")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return GoogleLandmarks(tmp_path)

    return make


def listed(pictures):
    return [(path.stem, name) for path, name in zip(pictures.paths, pictures.identities, strict=True)]


def test_train_from_either_list(google):
    made = google(
        train=f'id,url,landmark_id\n{A},http://x/a.jpg,7\n{B},"http://x/a,b.jpg",7\n{C},http://x/c.jpg,138982\n',
        train_clean=f"landmark_id,images\n7,{B} {A}\n",
    )
    assert listed(made.train(clean=False)) == [(A, "7"), (B, "7"), (C, "138982")]
    assert listed(made.train()) == listed(made.train(clean=True)) == [(B, "7"), (A, "7")]
    assert made.train().paths[1] == made.folder / "train" / "a" / "1" / "2" / f"{A}.jpg"
    assert made.train().notes == ()


def test_the_lists_lie_beside_the_pictures_or_where_the_repository_has_them(google, tmp_path):
    assert not GoogleLandmarks.is_one(tmp_path)
    made = google(metadata__train_clean=f"landmark_id,images\n7,{A}\n", ground_truth__x="")
    assert GoogleLandmarks.is_one(tmp_path)
    assert listed(made.train()) == [(A, "7")]
    with pytest.raises(DatasetError, match=r"holds no train.csv, nor do its metadata/ and ground_truth/"):
        made.train(clean=False)


def test_what_was_not_downloaded_is_counted(google):
    made = google((A,), train=f"id,url,landmark_id\n{A},x,7\n{B},x,7\n{A},x,7\n{C},x,8\n")
    found = made.train()
    assert listed(found) == [(A, "7")]
    assert found.notes == (
        "2 of 3 pictures of train.csv are not below train/ and left out",
        "1 picture is listed again in train.csv and counted once",
    )


def test_nothing_of_it_was_downloaded(google):
    made = google((D,), train=f"id,url,landmark_id\n{A},x,7\n{B},x,7\n", test=f"id\n{A}\n")
    with pytest.raises(
        DatasetError, match=r"none of the 2 pictures of .*train.csv is below .*train; each lies at a/b/c"
    ):
        made.train()
    with pytest.raises(DatasetError, match=r"none of the 1 pictures of .*test.csv is below .*test"):
        made.test()


def test_index_and_test(google):
    google((A, B), "test")
    made = google(
        (B, C),
        "index",
        index=f"id\n{B}\n{C}\n",
        index_image_to_landmark=f"id,landmark_id\n{B},5\n{C},6\n",
        test=f"id\n{B}\n{C}\n{A}\n",
    )
    assert listed(made.index()) == [(B, "5"), (C, "6")]
    found = made.test()
    assert (found.ids, found.missing, len(found)) == ((B, A), (C,), 2)
    assert [path.parts[-5:] for path in found.paths] == [("test", i[0], i[1], i[2], f"{i}.jpg") for i in (B, A)]


def test_test_pictures_from_the_solution_where_that_is_all_there_is(google):
    made = google((A,), "test", recognition_solution_v2_1=f"id,landmarks,Usage\n{A},7,Public\n")
    (made.folder / "recognition_solution_v2_1.csv").rename(made.folder / "recognition_solution_v2.1.csv")
    assert made.test().ids == (A,)


def test_names_and_kinds(google):
    wiki = "http://commons.wikimedia.org/wiki/Category:"
    hierarchical = (
        "landmark_id,category,supercategory,hierarchical_label,natural_or_human_made\n"
        f"1,{wiki}Matterhorn,mountain,natural / mountain,natural\n2,{wiki}X,,,\n"
    )
    made = google(
        train_label_to_category=f"landmark_id,category\n1,{wiki}Ch%C3%A2teau_d%27If\n2,\n3,{wiki}A:_B%5FC\n",
        index_label_to_hierarchical=hierarchical,
    )
    assert made.names() == {"1": "Château d'If", "2": "2", "3": "A: B_C"}
    assert made.names("index") == {"1": "Matterhorn", "2": "X"}
    assert made.kinds("index")["1"] == LandmarkKind("mountain", "natural / mountain", "natural")
    assert made.kinds("index")["2"] == LandmarkKind("", "", "")
    assert category_name("https://commons.wikimedia.org/wiki/Tower") == "Tower"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"id,url,landmark_id\n{A},x,7\n{B[:15]},x,7\n", f"line 3: '{B[:15]}' is no picture id; expected 16 hex"),
        (f"id,url,landmark_id\n{A.upper()},x,7\n", "line 2: 'A123456789ABCDEF' is no picture id"),
        ("id,url,landmark_id\n../../../../x,x,7\n", "line 2: '../../../../x' is no picture id"),
        (f"id,url,landmark_id\n{A},x,seven\n", "line 2: 'seven' is no landmark id; expected a whole number"),
        (f"id,url,landmark_id\n{A},x,7.0\n", "line 2: '7.0' is no landmark id"),
        (f"id,url,landmark_id\n{A},a,b,7\n", r"line 2: .* has 4 fields, the header 3; put"),
        (f"id,url,landmark_id\n{A},x\n", r"line 2: .* has 2 fields, the header 3; give the commas"),
        (f"id,url,landmark_id\n{A},x,7\n{A},x,8\n", f"line 3: {A} shows landmark 8 here and 7 above"),
        (f"id,landmark\n{A},7\n", "expected a header with id,landmark_id"),
        ("", "expected a header with id,landmark_id"),
        ("id,url,landmark_id\n", "none of the 0 pictures"),
    ],
)
def test_malformed_train_lists(google, content, message):
    with pytest.raises(DatasetError, match=message) as caught:
        google(train=content).train()
    assert "\n" not in str(caught.value)


def test_malformed_clean_lists(google):
    with pytest.raises(DatasetError, match=f"line 3: {A} shows landmark 8 here and 7 above"):
        google(train_clean=f"landmark_id,images\n7,{A} {B}\n8,{C} {A}\n").train()
    with pytest.raises(DatasetError, match="line 2: 'x' is no picture id"):
        google(train_clean=f"landmark_id,images\n7,{A} x\n").train()
    with pytest.raises(DatasetError, match="line 2: landmark_id '7', images ''"):
        google(train_clean="landmark_id,images\n7,\n").train()


def test_a_landmark_under_two_names(tmp_path):
    path = tmp_path / "train_label_to_category.csv"
    path.write_text("landmark_id,category\n1,Category:A\n1,Category:A\n01,Category:B\n")
    with pytest.raises(DatasetError, match="line 4: landmark 1 is 'B' here and 'A' above; choose one"):
        GoogleLandmarks(tmp_path).names()
