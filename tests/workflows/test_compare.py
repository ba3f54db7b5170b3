"""Methods side by side: what is learned from, calibrated on and asked about stays apart."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.datasets import NON_LANDMARK
from lookalike.errors import DatasetError, InputError
from lookalike.workflows.compare import (
    CompareFacesOptions,
    CompareLandmarksOptions,
    compare_faces,
    compare_landmarks,
)

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("one_thread")]


def test_faces_are_compared_on_people_that_no_method_learned_from(tmp_path, capsys):
    options = CompareFacesOptions(output=tmp_path, methods=("pixels, Euclidean", "eigenfaces, Mahalanobis"), seed=3)
    events = []
    found = compare_faces(options, events.append)
    assert [len(part.names) for part in (found.learn, found.measure, found.unseen)] == [24, 6, 10]
    assert len({*found.learn.names, *found.measure.names, *found.unseen.names}) == 40
    assert [method.name for method in found.methods] == list(found.results) == list(options.methods)
    for result in found.results.values():
        assert result.threshold is None  # nothing was measured for it
        assert result.verification.pictures == 100
        assert 0 <= result.verification.eer < 0.5
    assert [event.stage for event in events] == list(options.methods)
    assert all(event.detail.startswith("EER 0.") for event in events)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_a_trained_method_answers_by_a_threshold_of_other_people(tmp_path, some_people):
    people = some_people(6, 4)
    options = CompareFacesOptions(
        data=people, output=tmp_path / "out", methods=("softmax",), unseen=2, threshold_people=2, epochs=1
    )
    events = []
    found = compare_faces(options, events.append)
    (method,) = found.methods
    embedder = Embedder.load(tmp_path / "out" / "softmax")
    assert np.allclose(method.embeddings, embedder.embed(found.unseen.paths), atol=1e-5)
    assert found.results["softmax"].threshold == embedder.threshold().distance
    assert embedder.calibration.source == f"2 people of {people} that it never saw"
    assert {event.stage for event in events} == {"softmax"}
    assert events[-1].share == 1


def test_too_few_people(tmp_path, some_people):
    with pytest.raises(DatasetError, match="both parts need at least one identity"):
        compare_faces(CompareFacesOptions(data=some_people(3, 2), output=tmp_path))


@pytest.fixture
def photos(orl, tmp_path):
    """A CSV of photos for every purpose: of three "places", and of others that show none."""
    rows = ["path,identity,split"]
    for name in orl.names[:3]:
        mine = orl.of([name]).paths
        rows += [f"{path},{name},train" for path in mine[:4]] + [f"{mine[4]},{name},test"]
    others = {"train": orl.names[3:4], "calibration": orl.names[4:10], "test": orl.names[10:11]}
    rows += [f"{path},{NON_LANDMARK},{split}" for split, names in others.items() for path in orl.of(names).paths]
    path = tmp_path / "photos.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.slow
def test_landmarks_are_compared_with_one_promise(tmp_path, photos):
    (tmp_path / "places.csv").write_text("identity,name,latitude,longitude\ns01,The Gate,1.5,2.5\n")
    options = CompareLandmarksOptions(
        photos=photos,
        places=tmp_path / "places.csv",
        output=tmp_path / "out",
        methods=("pretrained",),
        centroids=("one centroid",),
        promise_fpr=0.05,
    )
    events = []
    found = compare_landmarks(options, events.append)
    (one,) = found.methods
    assert one.enrolled.promised.promise == 0.05
    assert one.enrolled.promised.photos == 60
    assert one.measured.measures.landmarks == 3
    assert found.places["s01"].name == "The Gate"
    assert one.gallery.parent == tmp_path / "out"
    assert events[-1].stage == "pretrained"
    assert events[-1].detail.startswith("top-1 ")


def test_an_unknown_method(photos):
    with pytest.raises(InputError, match="'magic' is not compared; choose pretrained"):
        compare_landmarks(CompareLandmarksOptions(photos=photos, methods=("magic",)))
