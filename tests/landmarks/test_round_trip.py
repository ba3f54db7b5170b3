"""A folder in the format of Google Landmarks v2 through all verbs: train, enroll, identify, submit, score.

The places are synthetic and few, the training is short: what is tested is that every file is read as it was written,
and that the same answers have the same worth, however they reach the one who measures.
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
from lookalike.evaluation.landmark_measures import measure_recognition
from lookalike.landmarks.synthetic import render_landmarks

pytestmark = pytest.mark.slow

PLACES = 5
#: One model for what needs no training: ImageNet's features.
PRETRAINED = "efficientnet_lite0"


@pytest.fixture(scope="module")
def lookalike():
    """Run a verb in a process of its own, as a user does."""
    environment = os.environ | {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

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
        return render_landmarks(
            tmp_path_factory.mktemp("drawn") / "set",
            landmarks=PLACES,
            photos=(7, 9),
            test_photos=3,
            non_landmarks=(16, 40, 8),
            size=96,
        )
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


def test_a_google_landmarks_folder_makes_the_round_trip(drawn, gldv2, lookalike, tmp_path):
    model, gallery, submission = tmp_path / "model", tmp_path / "places.gallery", tmp_path / "submission.csv"
    lookalike(
        "train", gldv2.folder, "--recipe", "landmarks", "--epochs", "2", "--output", model,
        "--non-landmarks", drawn.non_landmarks("train"),
    )  # fmt: skip
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
    scored = json.loads(lookalike("evaluate", gldv2.folder, "--submission", submission, "--json"))["recognition"]

    truth = read_recognition_solution(gldv2.csv("recognition_solution_v2.1.csv"))
    with open_gallery(gallery) as opened:
        recognizer = LandmarkRecognizer(Embedder.load(model), opened)
        answers = recognizer.identify_many(asked.paths)
        names = {place: recognizer.atlas.place(place).name for place in recognizer.atlas.places}
    assert names == gldv2.names()  # from the categories' addresses
    direct = measure_recognition(
        [answer.best.place for answer in answers],
        [answer.confidence for answer in answers],
        [truth.right[name] or None for name in asked.ids],
    )
    assert scored["gap"] == pytest.approx(direct.gap, abs=1e-12)
    assert scored["top_1"] == direct.top_1
    assert scored["landmarks"] == PLACES * 3
    assert scored["non_landmarks"] == 8
    assert direct.top_1 > 0.3  # of five places by chance 0.2: it has learned, if little

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
