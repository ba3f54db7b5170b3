"""The comparison: real networks on a small town; what is learned, calibrated and asked about stays apart."""

import json
from pathlib import Path

import pytest

from lookalike import open_gallery
from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.errors import InputError, StorageError
from lookalike.json_values import plain
from lookalike.landmarks.atlas import AtlasSettings
from lookalike.landmarks.comparison import METHODS, ComparisonSettings, compare_methods, gallery_of
from lookalike.landmarks.photo_splits import PhotoSplits


def settings(**changes):
    return ComparisonSettings(enrolment=AtlasSettings(promise_fpr=0.05), **changes)


@pytest.fixture(scope="module")
def photos(town, tmp_path_factory):
    root = tmp_path_factory.mktemp("comparison")
    others = [(NON_LANDMARK, pixels) for pixels in town.others]
    return PhotoSplits(
        town.files(root / "places", [(name, town.photo(name, n)) for name in town.LOOKS for n in range(8)]),
        town.files(root / "test", [(name, town.photo(name, 100 + n)) for name in town.LOOKS for n in range(4)]),
        town.files(root / "learn", others[:10]),
        town.files(root / "calibration", others[10:70]),
        town.files(root / "others", others[80:90]),
    )


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.usefixtures("one_thread")
def test_pretrained_features_with_one_and_several_centroids(photos, tmp_path):
    seen = []
    pretrained = settings(methods=["pretrained"])
    one, several = compare_methods(photos, tmp_path, pretrained, progress=lambda name, p: seen.append((name, p)))
    assert (one.name, several.name) == ("pretrained, one centroid", "pretrained, several")
    assert one.enrolled.centroids == 3 <= several.enrolled.centroids
    assert set(one.centroid_of) == {str(path) for path in photos.places.paths}
    assert set(one.centroid_of.values()) <= {-1, 0}
    m = one.measured.measures
    assert (m.landmarks, m.non_landmarks, m.places) == (12, 10, 3)
    assert m.top_1 > 1 / 3  # 10 of 12; by chance 4
    assert one.enrolled.promised.photos == 60
    with open_gallery(several.gallery, create=False) as gallery:
        assert gallery.model.name == "efficientnet_lite0"
    embedded = [p.done for name, p in seen if p.stage == "Embedding"]
    assert embedded[-1] == 24 + 60 + 22  # once for both; what is learned from is not needed
    document = json.loads(json.dumps(plain(several.to_json())))
    assert sum(document["outcomes"].values()) == 22
    assert document["promise"]["fpr"] == 0.05


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.usefixtures("one_thread")
def test_a_trained_method_leaves_its_model_and_galleries_and_may_be_run_again(photos, tmp_path):
    for _ in range(2):
        center = settings(methods=["center loss"], epochs=1, recipe={"batch_size": 16})
        found = list(compare_methods(photos, tmp_path, center))
        assert [Path(one.model) for one in found] == [tmp_path / "center"] * 2
        assert [one.gallery for one in found] == [tmp_path / "center-1.gallery", tmp_path / "center-8.gallery"]
        assert all(one.gallery.is_dir() for one in found)
    assert "efficientnet" in (tmp_path / "center" / "model.toml").read_text()


def test_somebody_elses_folder_is_left_alone(photos, tmp_path):
    where = gallery_of(tmp_path, "pretrained", "one centroid")
    where.mkdir()
    (where / "holiday.txt").write_text("x")
    small = PhotoSplits(**{name: part.select([*range(3)]) for name, part in vars(photos).items()
                           if isinstance(part, PictureSet)})  # fmt: skip
    with pytest.raises(StorageError, match=r"holds no gallery.sqlite3"):
        next(compare_methods(small, tmp_path, settings(methods=["pretrained"])))
    assert (where / "holiday.txt").read_text() == "x"


@pytest.mark.parametrize(("methods", "centroids"), [(["magic"], ["several"]), (["pretrained"], ["magic"])])
def test_an_unknown_method(methods, centroids):
    with pytest.raises(InputError, match="'magic' is not compared; choose"):
        ComparisonSettings(methods=methods, centroids=centroids)


def test_methods_are_the_recipes_losses():
    from lookalike.landmarks.recipe import landmark_recipe

    for loss in METHODS.values():
        assert loss is None or landmark_recipe("landmarks", loss).loss == loss
