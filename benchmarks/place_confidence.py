"""Are places as often right as their confidence says? The measured probability beside the formula that was used before.

Buildings are rendered (once, then kept) and embedded with ImageNet's features. In each draw two thirds of them are
enrolled; photos of all of them and photos without a landmark are asked about. The formula was the logistic function of
``(threshold - distance) / scale`` with a tenth of the median density as the scale. Prints a JSON line for each, over
all draws: of the answers stated with more than 0.9 how many were right, and the calibration error, Brier score, log
loss and GAP; photos weigh so that half of them show enrolled places, a quarter others, and a quarter none.

    python benchmarks/place_confidence.py --seeds 0 1 --draws 6
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lookalike.training  # noqa: F401  # torch before VTK: loading it afterwards crashes the process
from lookalike import Embedder, open_gallery
from lookalike.evaluation.calibration.reliability import measure_reliability
from lookalike.evaluation.retrieval.landmark_metrics import measure_recognition
from lookalike.landmarks.atlas import AtlasSettings
from lookalike.landmarks.enrolment import NewPhotos, enroll_places
from lookalike.landmarks.photo_splits import read_splits
from lookalike.landmarks.recognition import PlaceRecognition
from lookalike.samples.buildings import PhotoSetOptions, render_landmarks

#: Sure of an answer.
SURE = 0.9
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Photos:
    """Vectors of one rendered set: of places to enrol and to ask about, and of none, to set thresholds and to ask."""

    enrol: npt.NDArray[np.float32]
    enrol_places: npt.NDArray[np.str_]
    asked: npt.NDArray[np.float32]
    asked_places: npt.NDArray[np.str_]
    calibration: npt.NDArray[np.float32]
    others: npt.NDArray[np.float32]


def photos_of(seed: int, places: int) -> Photos:
    """Rendered and embedded."""
    options = PhotoSetOptions(
        landmarks=places, photos=(6, 14), test_photos=10, non_landmarks=(5, 320, 200), size=160, seed=seed
    )
    split, embedder = read_splits(render_landmarks(options).photos_csv), Embedder.load("efficientnet_lite0")
    parts = (split.places, split.test, split.calibration, split.test_others)
    enrol, asked, calibration, others = (embedder.embed(part.paths) for part in parts)
    return Photos(enrol, np.array(split.places.identities), asked, np.array(split.test.identities), calibration, others)


def draw(photos: Photos, number: int) -> tuple[dict[str, Floats], npt.NDArray[np.bool_], Floats, dict[str, float]]:
    """Confidences by method, whether right, weights, and GAP by method, with some of the places enrolled."""
    names = np.random.default_rng(number).permutation(np.unique(photos.enrol_places))
    known = names[: round(2 / 3 * len(names))]
    kept = np.isin(photos.enrol_places, known)
    with tempfile.TemporaryDirectory() as folder, open_gallery(Path(folder) / "places.gallery") as gallery:
        gallery.bind("0123456789abcdef", "features", "cosine", photos.enrol.shape[1])
        new = NewPhotos(
            vectors=photos.enrol[kept],
            places=photos.enrol_places[kept].tolist(),
            non_landmarks=photos.calibration,
        )
        enroll_places(gallery, new, settings=AtlasSettings(promise_fpr=0.05))
        recognition = PlaceRecognition(gallery)
        answers = recognition.identify(np.concatenate([photos.asked, photos.others]))
        scale = 0.1 * float(np.median([-one for one in recognition.atlas.rejection.densities.values()]))
    truth = [*photos.asked_places.tolist(), *[None] * len(photos.others)]
    guesses = [answer.candidates[0].identity for answer in answers]
    right = np.array([place is not None and guess == place for guess, place in zip(guesses, truth, strict=True)])
    kind = np.array([2 if place is None else int(place not in known) for place in truth])
    stated = {
        "formula": np.array([1 / (1 + np.exp((a.distance - a.threshold) / scale)) for a in answers]),
        "measured": np.array([answer.confidence for answer in answers]),
    }
    given = [answer.decision == "match" for answer in answers]
    gaps = {
        name: measure_recognition(guesses, values.tolist(), truth, given, replicates=2).gap
        for name, values in stated.items()
    }
    return stated, right, np.array([0.5, 0.25, 0.25])[kind] / np.bincount(kind)[kind], gaps


def measured(seeds: list[int], places: int, draws: int) -> list[dict[str, Any]]:
    """A line for each method."""
    found = []
    for seed in seeds:
        photos = photos_of(seed, places)
        found += [draw(photos, number) for number in range(draws)]
    lines = []
    right, weights = (np.concatenate([one[at] for one in found]) for at in (1, 2))
    for name in ("formula", "measured"):
        stated = np.concatenate([one[0][name] for one in found])
        sure, worth = stated > SURE, measure_reliability(stated, right, weights=weights)
        lines.append(
            {
                "confidence": name, "seeds": seeds, "draws": draws, "photos": len(stated), "sure": int(sure.sum()),
                "stated_where_sure": float(np.average(stated[sure], weights=weights[sure])) if sure.any() else None,
                "right_where_sure": float(np.average(right[sure], weights=weights[sure])) if sure.any() else None,
                "calibration_error": worth.error, "brier": worth.brier, "log_loss": worth.log_loss,
                "gap": float(np.mean([one[3][name] for one in found])),
                "bins": [[round(one.stated, 3), round(one.right, 3), one.answers] for one in worth.bins],
            }
        )  # fmt: skip
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--places", type=int, default=24)
    parser.add_argument("--draws", type=int, default=6, help="of the places that are enrolled, for each seed")
    given = parser.parse_args()
    for line in measured(given.seeds, given.places, given.draws):
        print(json.dumps({key: round(one, 4) if isinstance(one, float) else one for key, one in line.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
