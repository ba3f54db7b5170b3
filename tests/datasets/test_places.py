import pytest

from lookalike.datasets import NON_LANDMARK, place_pictures, split_non_landmarks
from lookalike.errors import DatasetError


def test_a_subfolder_and_a_folder_of_non_landmarks(touch):
    root = touch(
        "places/tower/1.jpg", "places/bridge/2.jpg", "places/non-landmark/3.jpg", "others/cats/4.jpg", "others/5.png",
        "others/.6.png",
    )  # fmt: skip
    alone = place_pictures(root / "places")
    assert alone.identities == ("bridge", NON_LANDMARK, "tower")
    found = place_pictures(root / "places", root / "others")
    assert [path.name for path in found.paths] == ["2.jpg", "3.jpg", "1.jpg", "5.png", "4.jpg"]
    assert found.identities == ("bridge", NON_LANDMARK, "tower", NON_LANDMARK, NON_LANDMARK)


def test_split_keeps_order_and_notes(touch):
    root = touch("places/b/1.jpg", "places/a/2.jpg", "places/loose.jpg", "others/3.jpg")
    places, others = split_non_landmarks(place_pictures(root / "places", root / "others"))
    assert [path.name for path in places.paths] == ["2.jpg", "1.jpg"]
    assert places.notes[0].startswith("1 picture without an identity is left out, directly in")
    assert (others.identities, [path.name for path in others.paths]) == ((NON_LANDMARK,), ["3.jpg"])
    places, others = split_non_landmarks(places)
    assert (len(places), len(others)) == (2, 0)


def test_a_csv_of_places(touch):
    root = touch("1.jpg", "2.jpg", "others/3.jpg")
    (root / "x.csv").write_text("path,identity,latitude,longitude\n1.jpg,tower,48,2\n2.jpg,non-landmark,,\n")
    assert place_pictures(root / "x.csv", root / "others").identities == ("tower", NON_LANDMARK, NON_LANDMARK)


def test_non_landmarks_given_twice_count_once(touch):
    root = touch("places/tower/1.jpg", "places/non-landmark/3.jpg")
    assert len(place_pictures(root / "places", root / "places" / "non-landmark")) == 2


def test_google_landmarks_with_a_folder_of_non_landmarks_beside_the_train_set(touch):
    root = touch("train/0/1/2/0123456789abcdef.jpg", "non-landmark/a/1.jpg", "more/2.jpg")
    (root / "train.csv").write_text("id,url,landmark_id\n0123456789abcdef,x,7\n")
    assert place_pictures(root).identities == ("7", NON_LANDMARK)
    assert place_pictures(root, root / "more").identities == ("7", NON_LANDMARK, NON_LANDMARK)


def test_what_cannot_be(touch):
    root = touch("places/tower/1.jpg", "empty/notes.txt")
    (root / "others").mkdir()
    (root / "others/same.jpg").symlink_to(root / "places/tower/1.jpg")
    with pytest.raises(DatasetError, match=r"same\.jpg shows 'tower' in .* it is one or other"):
        place_pictures(root / "places", root / "others")
    with pytest.raises(DatasetError, match="holds no pictures; expected some that show no landmark"):
        place_pictures(root / "places", root / "empty")
    with pytest.raises(DatasetError, match="none is no folder"):
        place_pictures(root / "places", root / "none")
    with pytest.raises(DatasetError, match="does not exist"):
        place_pictures(root / "nowhere")


def test_non_landmarks_beside_folders_of_folders(touch):
    root = touch("France/Paris/1.png", "Italy/Rome/1.png", "non-landmark/food/1.png", "non-landmark/2.png")
    found = place_pictures(root, classes_at=2)
    assert found.identities == ("France/Paris", "Italy/Rome", NON_LANDMARK, NON_LANDMARK)
    assert found.notes == ()
