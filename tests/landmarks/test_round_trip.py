"""A folder in the format of Google Landmarks v2 through all verbs: train, enroll, identify, submit, score.

The places are synthetic and few, and the model is one whose answers are known: what is tested is that every file is
read as it was written, and that the same answers have the same worth, however they reach the one who measures.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from lookalike import Embedder, LandmarkRecognizer, open_gallery
from lookalike.datasets import NON_LANDMARK, PictureSet, read_pictures
from lookalike.datasets.google_landmarks_folder import write_google_landmarks
from lookalike.datasets.image_folder import pictures_below
from lookalike.datasets.landmark_solutions import (
    read_recognition_solution,
    read_recognition_submission,
    read_retrieval_solution,
    write_retrieval_submission,
)
from lookalike.distances import nearest
from lookalike.errors import MissingDependencyError
from lookalike.evaluation.retrieval.landmark_metrics import measure_recognition
from lookalike.samples.buildings import PhotoSetOptions, render_landmarks

pytestmark = [pytest.mark.slow, pytest.mark.network]

PLACES = 5
#: One model for what needs no training: ImageNet's features.
PRETRAINED = "efficientnet_lite0"


@pytest.fixture(scope="module")
def lookalike(threads):
    """Run a verb in a process of its own, as a user does."""
    environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "OMP_NUM_THREADS": str(threads)}

    def run(*arguments):
        command = [sys.executable, "-m", "lookalike", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A small set of synthetic places."""
    try:
        options = PhotoSetOptions(landmarks=PLACES, photos=(7, 9), test_photos=3, non_landmarks=(16, 40, 8), size=96)
        return render_landmarks(options, tmp_path_factory.mktemp("drawn") / "set")
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def gldv2(drawn, tmp_path_factory):
    """The set in Google's format: of each place two photos to be found, the others to learn from."""
    photos, asked = read_pictures(drawn.train), read_pictures(drawn.test)
    index = np.concatenate([mine[:2] for _, mine in photos.groups()])
    others = tuple(pictures_below(drawn.non_landmarks("test")))
    return write_google_landmarks(
        tmp_path_factory.mktemp("google") / "gldv2",
        photos.select(np.setdiff1d(np.arange(len(photos)), index)),
        photos.select(index),
        PictureSet(asked.paths + others, asked.identities + (NON_LANDMARK,) * len(others)),
    )


def test_a_google_landmarks_folder_trains_a_model(drawn, gldv2, lookalike, tmp_path):
    model = tmp_path / "model"
    lookalike(
        "train", gldv2.folder, "--recipe", "landmarks", "--epochs", "1", "--output", model,
        "--non-landmarks", drawn.non_landmarks("train"),
    )  # fmt: skip
    embedder = Embedder.load(model)
    assert embedder.card.training["identities"] == PLACES + 1  # and the class of those that show none
    assert embedder.card.training["pictures"] == len(gldv2.train()) + 16
    assert embedder.embed(gldv2.test().paths[:2]).shape == (2, embedder.dimension)
    assert len(embedder.seen_non_landmarks) == 16


@pytest.fixture(scope="module")
def truth(gldv2):
    """The place of each photo asked about, by its id; None of those that show none."""
    solution = read_recognition_solution(gldv2.csv("recognition_solution_v2.1.csv"))
    return {name: right[0] if right else None for name, right in solution.right.items()}


@pytest.fixture(scope="module")
def model(drawn, gldv2, truth, linear_model, tmp_path_factory):
    """A model to which place `i` is axis `i`, near which its photos lie; photos that show none are far from all.

    Of those asked about three are hard: a photo of the first place lies by the second, one of the third is far from it,
    and one that shows nothing is near the fourth.
    """
    found = read_retrieval_solution(gldv2.csv("retrieval_solution_v2.1.csv")).right
    indexed = {image: truth[asked] for asked, images in found.items() for image in images}
    learned, index, asked = gldv2.train(), gldv2.index(), gldv2.test()
    shown = dict(zip(learned.paths, learned.identities, strict=True))
    shown |= {path: indexed[path.stem] for path in index.paths}
    shown |= {path: truth[path.stem] for path in asked.paths}
    shown |= dict.fromkeys(pictures_below(drawn.non_landmarks("calibration")))
    places = learned.names
    one_of = {place: next(path for path in asked.paths if shown[path] == place) for place in (*places, None)}
    hard = {
        one_of[places[0]]: (places[1], 0.60),
        one_of[places[2]]: (places[2], 0.50),
        one_of[None]: (places[3], 0.70),
    }
    draw, vectors = np.random.default_rng(0), []
    for path, place in shown.items():
        near, cosine = hard.get(path, (place, 0.98))
        lean = np.concatenate([np.zeros(PLACES), draw.standard_normal(32 - PLACES)])
        axis = np.zeros(32) if near is None else np.eye(32)[places.index(near)]
        cosine = 0.0 if near is None else cosine
        vectors.append(cosine * axis + np.sqrt(1 - cosine**2) * lean / np.linalg.norm(lean))
    return linear_model(tmp_path_factory.mktemp("known") / "model", list(shown), np.array(vectors), "known")


def test_a_google_landmarks_folder_makes_the_round_trip(drawn, gldv2, truth, model, lookalike, tmp_path):
    gallery, submission = tmp_path / "places.gallery", tmp_path / "submission.csv"
    enrolled = json.loads(
        lookalike(
            "enroll", gldv2.folder, "--recipe", "landmarks", "--model", model, "--gallery", gallery, "--json",
            "--non-landmarks", drawn.non_landmarks("calibration"), "--promise", "fpr=0.1",
        )
    )  # fmt: skip
    assert enrolled["places"] == sorted(gldv2.names())
    assert enrolled["photos"] == len(gldv2.train())
    assert enrolled["non_landmarks"] == 40
    lookalike("identify", gldv2.folder / "test", "--model", model, "--gallery", gallery, "--submission", submission)

    asked = gldv2.test()
    said = read_recognition_submission(submission)
    assert sorted(said) == sorted(asked.ids)
    with open_gallery(gallery) as opened:
        recognizer = LandmarkRecognizer(Embedder.load(model), opened)
        answers = dict(zip(asked.ids, recognizer.identify_many(asked.paths), strict=True))
        names = {place: recognizer.atlas.place(place).name for place in recognizer.atlas.places}
    assert names == gldv2.names()  # from the categories' addresses
    assert {name: place for name, (place, _) in said.items()} == {name: a.best.place for name, a in answers.items()}
    assert [said[name][1] for name in asked.ids] == pytest.approx([a.confidence for a in answers.values()], abs=1e-4)

    scored = json.loads(lookalike("evaluate", gldv2.folder, "--submission", submission, "--json"))["recognition"]
    direct = measure_recognition(
        [said[name][0] for name in asked.ids],
        [said[name][1] for name in asked.ids],
        [truth[name] for name in asked.ids],
    )
    assert scored["gap"] == pytest.approx(direct.gap, abs=1e-12)
    # Thirteen of the fifteen are right and come first; then the one taken for another place and the one that shows
    # nothing, in whichever order, and then the one that is far from its place.
    assert scored["gap"] == pytest.approx((13 + 14 / 16) / 15)
    assert scored["top_1"] == direct.top_1 == pytest.approx(14 / 15)
    assert scored["landmarks"] == PLACES * 3
    assert scored["non_landmarks"] == 8

    measured = json.loads(
        lookalike("evaluate", gldv2.folder, "--recipe", "landmarks", "--model", model, "--gallery", gallery,
                  "--output", tmp_path / "evaluation", "--json")
    )  # fmt: skip
    assert measured["recognition"]["gap"] == pytest.approx(scored["gap"], abs=1e-12)
    assert measured["recognition"]["top_1"] == scored["top_1"]

    # Retrieval: the index set is searched, the ranking submitted, and scored as the search itself says.
    embedder, index = Embedder.load(model), gldv2.index()
    found = nearest(embedder.embed(asked.paths), embedder.embed(index.paths), 100, embedder.metric)[0]
    rankings = {name: [index.paths[at].stem for at in row] for name, row in zip(asked.ids, found, strict=True)}
    write_retrieval_submission(tmp_path / "ranked.csv", rankings)
    solution = read_retrieval_solution(gldv2.csv("retrieval_solution_v2.1.csv"))
    by_hand = []
    for name in solution.counted():
        hits = np.array([one in solution.right[name] for one in rankings[name]])
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        by_hand.append((precision * hits).sum() / len(solution.right[name]))
    assert sorted(by_hand)[1:] == pytest.approx([1] * 14)
    assert min(by_hand) < 1  # of the photo that lies by another place
    scored = json.loads(lookalike("evaluate", gldv2.folder, "--submission", tmp_path / "ranked.csv", "--json"))
    assert scored["retrieval"]["queries"] == PLACES * 3
    assert scored["retrieval"]["mean_average_precision"] == pytest.approx(np.mean(by_hand))


def test_real_photos_become_a_submission_by_their_names(drawn, shared_data, lookalike, tmp_path):
    photos = shared_data / "landmarks"
    if not (photos / "gldv2_sample").is_dir():
        pytest.skip(f"{photos} holds no sample of Google Landmarks v2")
    (tmp_path / "places").mkdir()
    (tmp_path / "places" / "138982").symlink_to(photos / "sacre_coeur", target_is_directory=True)
    run = ("--model", PRETRAINED, "--gallery", tmp_path / "places.gallery")
    lookalike(
        "enroll", tmp_path / "places", "--recipe", "landmarks", *run, "--promise", "fpr=0.1",
        "--non-landmarks", drawn.non_landmarks("calibration"),
    )  # fmt: skip
    lookalike("identify", photos / "gldv2_sample", *run, "--submission", tmp_path / "out.csv")
    found = read_recognition_submission(tmp_path / "out.csv")
    assert sorted(found) == sorted(path.stem for path in (photos / "gldv2_sample").iterdir())
    assert {said[0] for said in found.values()} == {"138982"}
    assert all(0 <= said[1] <= 1 for said in found.values())
