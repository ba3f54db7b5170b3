"""Splits of photos: each photo serves one purpose, and a listing says which."""

from dataclasses import replace

import pytest

from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.errors import DatasetError
from lookalike.landmarks.photo_splits import PhotoSplits, read_azimuths, read_splits

LISTING = """path,identity,split,azimuth
train/a/0.jpg,a,train,10.5
train/b/0.jpg,b,train,20
test/a/0.jpg,a,test,300
other/0.jpg,non-landmark,train,
other/1.jpg,non-landmark,calibration,
other/2.jpg,non-landmark,test,
"""


@pytest.fixture
def listing(tmp_path):
    path = tmp_path / "photos.csv"
    path.write_text(LISTING)
    return path


def changed(listing, old, new):
    listing.write_text(LISTING.replace(old, new))
    return listing


def test_every_photo_goes_where_the_listing_says(listing):
    photos = read_splits(listing)
    assert photos.places.identities == ("a", "b")
    assert photos.places.paths[0] == listing.parent / "train/a/0.jpg"
    assert [len(part) for part in (photos.test, photos.learn_others, photos.calibration, photos.test_others)] == [1] * 4
    assert photos.learn.identities == ("a", "b", NON_LANDMARK)
    assert photos.truth == ("a", None)
    assert [path.name for path in photos.questions] == ["0.jpg", "2.jpg"]


def test_azimuths_of_those_that_have_one(listing):
    found = read_azimuths(listing)
    assert found == {
        str(listing.parent / name): degrees
        for name, degrees in (("train/a/0.jpg", 10.5), ("train/b/0.jpg", 20.0), ("test/a/0.jpg", 300.0))
    }


@pytest.mark.parametrize("said", ["north", "nan"])
def test_an_azimuth_that_is_no_number(listing, said):
    with pytest.raises(DatasetError, match=r"line 2: the azimuth is '(north|nan)'; expected degrees"):
        read_azimuths(changed(listing, "10.5", said))


def test_an_unknown_split(listing):
    with pytest.raises(DatasetError, match=r"line 2: a has the split 'calibration'; expected train, test"):
        read_splits(changed(listing, "a,train", "a,calibration"))


def test_no_photos_of_a_kind(listing):
    with pytest.raises(DatasetError, match="calibration holds no photos"):
        read_splits(changed(listing, "other/1.jpg,non-landmark,calibration,\n", ""))


def test_a_photo_that_would_serve_twice(listing):
    with pytest.raises(DatasetError, match=r"line 7: other/0.jpg stands above already; a photo has one row"):
        read_splits(changed(listing, "other/2.jpg", "other/0.jpg"))
    photos = read_splits(changed(listing, "a", "a"))
    with pytest.raises(DatasetError, match=r"other/0.jpg is in learn_others and in test_others"):
        replace(photos, test_others=photos.learn_others)


def test_a_photo_of_two_places(listing):
    with pytest.raises(DatasetError, match=r"line 3: train/a/0.jpg stands above already"):
        read_splits(changed(listing, "train/b/0.jpg", "train/a/0.jpg"))


def test_places_in_another_spelling(listing):
    listing.write_text(LISTING.replace(",a,train", ",Jose\u0301,train").replace(",a,test", ",José ,test"))
    assert read_splits(listing).test.names == ("José",)


def test_two_azimuths_of_a_photo(listing):
    with pytest.raises(DatasetError, match=r"line 3: train/a/0.jpg has another azimuth above"):
        read_azimuths(changed(listing, "train/b/0.jpg", "train/a/0.jpg"))


def test_a_place_that_is_only_tested(listing):
    with pytest.raises(DatasetError, match="'c' is tested and has no photo to learn from"):
        read_splits(changed(listing, "0.jpg,a,test", "0.jpg,c,test"))


def test_splits_made_by_hand(tmp_path):
    parts = [PictureSet((tmp_path / f"{name}.jpg",), (name,)) for name in "abcde"]
    with pytest.raises(DatasetError, match="'b' is tested"):
        PhotoSplits(*parts)
