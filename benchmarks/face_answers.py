"""How many photographs of enrolled people are named rightly, and how many strangers are named: dlib's faces.

    lookalike evaluate bundled:orl --model dlib --cropped --promise fpir=0.01 --output measured/
    python benchmarks/face_answers.py --photos FOLDER --calibration measured/calibration.json

FOLDER: a folder of photographs for each person (Labeled Faces in the Wild). Everybody: three photographs of each person
are enrolled, the others asked about. Half: the same of the first half of the people by name, and all photographs of the
other half are strangers'; then of random halves. Thresholds: dlib's documented one, and those of a calibration that was
measured on other people, at a false match rate of 0.001 and at a promise of at most 1% of strangers named. Prints a
JSON line for each: counts, and of a single draw the rates with Wilson's intervals.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from peak_memory import machine

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.binomial_intervals import wilson_interval
from lookalike.datasets import PictureSet, read_pictures

ENROLLED = 3
COUNTED = ("asked", "right first", "named rightly", "named wrongly", "strangers", "strangers named")


def answers(
    embedder: Embedder, pictures: PictureSet, vectors: np.ndarray, known: set[str], options: dict[str, Any]
) -> dict[str, int]:
    """Counts: enrolled people's photographs and strangers', and what was answered about them."""
    names = np.array(pictures.identities)
    first = np.concatenate([mine[:ENROLLED] for _, mine in pictures.groups()])
    counts = dict.fromkeys(COUNTED, 0)
    with tempfile.TemporaryDirectory() as folder, open_gallery(Path(folder) / "people.gallery") as gallery:
        recognizer = Recognizer(embedder, gallery, **options)
        gallery.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
        for name in sorted(known):
            mine = [at for at in first if names[at] == name]
            gallery.enroll(name, vectors[mine], [str(pictures.paths[at]) for at in mine])
        asked = np.setdiff1d(np.arange(len(pictures)), [at for at in first if names[at] in known])
        found = recognizer.identify_vectors(vectors[asked], k=1)
    for name, one in zip(names[asked], found, strict=True):
        if name not in known:
            counts["strangers"] += 1
            counts["strangers named"] += one.identity is not None
            continue
        counts["asked"] += 1
        counts["right first"] += one.candidates[0].identity == name
        counts["named rightly"] += one.identity == name
        counts["named wrongly"] += one.identity not in (None, name)
    return counts


def rates(counts: dict[str, int]) -> dict[str, list[float]]:
    """Shares with their 95% intervals, which take photographs for independent: those of one person are not."""
    found = {}
    for name in COUNTED:
        total = counts["strangers" if name == "strangers named" else "asked"]
        if total and name not in ("asked", "strangers"):
            interval = wilson_interval(counts[name], total)
            found[name] = [round(float(value), 4) for value in (counts[name] / total, *interval)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--calibration", type=Path, help="of dlib, measured on other people")
    parser.add_argument("--draws", type=int, default=20)
    given = parser.parse_args()
    pictures = read_pictures(given.photos)
    embedder = Embedder.load("dlib")
    vectors = embedder.embed(pictures.paths)
    settings: list[tuple[str, dict[str, Any]]] = [("documented", {})]
    if given.calibration is not None:
        settings += [("measured, fmr=0.001", {"target_fmr": 0.001}), ("measured, fpir=0.01", {"promise": "fpir=0.01"})]
    names, draw = sorted(set(pictures.identities)), np.random.default_rng(0)
    half = len(names) // 2
    halves = [set(draw.permutation(names)[:half]) for _ in range(given.draws)]
    for setting, options in settings:
        if options:
            embedder.use_calibration(given.calibration)
        for who, groups in {"all": [set(names)], "first half": [set(names[:half])], "random halves": halves}.items():
            total: dict[str, int] = {}
            for known in groups:
                for key, value in answers(embedder, pictures, vectors, known, options).items():
                    total[key] = total.get(key, 0) + value
            line = {"threshold": setting, "enrolled": who, "draws": len(groups), **total}
            print(json.dumps(line | ({"rates": rates(total)} if len(groups) == 1 else {})), flush=True)
    print(json.dumps({"machine": machine()}))


if __name__ == "__main__":
    main()
