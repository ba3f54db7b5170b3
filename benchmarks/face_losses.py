"""The demo's comparison over several seeds: which method tells unseen people apart, and by how much more than chance?

A seed changes the split into people (24 learned from, 6 for thresholds, 10 tested), the networks and the batches.
Prints one JSON line per method and seed, then one per method with mean and standard deviation over the seeds, then
the ratio of every method's EER to that of pixels, seed by seed. With `--whole-photographs FOLDER` it also measures dlib
on a folder per identity of whole photographs: verification over all pairs, and rank-1 leave-one-out.

    python benchmarks/face_losses.py --seeds 0 1 2 --whole-photographs ../shared/data/lfw_10x10
    python benchmarks/face_losses.py --methods "pixels, Euclidean" cosface ntxent center  # any loss of a recipe
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np

from lookalike.datasets import read_image_folder
from lookalike.embedder import Embedder
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.faces.comparison import METHODS, compare_methods, divide_people
from lookalike.samples.orl_faces import orl_faces
from lookalike.training import LossName


def compare(seeds: list[int], methods: list[str]) -> list[dict[str, Any]]:
    """Measure every method on every seed, printing as they come."""
    rows = []
    for seed in seeds:
        learn, _, unseen = divide_people(orl_faces(), seed)
        with tempfile.TemporaryDirectory() as folder:
            for method in compare_methods(learn, unseen, Path(folder), seed=seed, methods=methods):
                verified = verify_all_pairs(None, unseen.identities, distances=method.distances)
                found = identify_trials(None, unseen.identities, distances=method.distances, seed=seed)
                point = verified.tar_at_far(0.01)
                row = {
                    "method": method.name,
                    "seed": seed,
                    "eer": verified.eer,
                    "auc": verified.auc,
                    "tar_at_far_0.01": point.tar,
                    "impostor_pairs": point.impostor_pairs,
                    "rank_1": found.rank_1.mean,
                    "dir_at_fpir_0.1": found.dir_at_fpir[1].dir.mean,
                    "seconds": method.seconds,
                }
                rows.append(row)
                print(json.dumps(_rounded(row)), flush=True)
    return rows


def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, and EER relative to pixels on the same people."""
    pixels = {row["seed"]: row["eer"] for row in rows if row["method"].startswith("pixels")}
    found = []
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        summary: dict[str, Any] = {"method": name, "seeds": [row["seed"] for row in mine]}
        for key in ("eer", "auc", "tar_at_far_0.01", "rank_1", "dir_at_fpir_0.1"):
            values = np.array([row[key] for row in mine])
            summary[key] = {"mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else None}
        summary["eer_over_pixels"] = [row["eer"] / pixels[row["seed"]] for row in mine if row["seed"] in pixels]
        found.append(summary)
    return found


def whole_photographs(folder: Path) -> dict[str, Any]:
    """Photographs as they come, by dlib: detection, alignment, embedding."""
    pictures = read_image_folder(folder)
    embedder = Embedder.load("dlib")
    started = time.perf_counter()
    left_out: list[str] = []
    notes: list[str] = []
    vectors = embedder.embed(
        pictures.paths,
        unusable=lambda position, error: left_out.append(f"{pictures.paths[position].name}: {error}"),
        notes=lambda position, note: notes.append(f"{pictures.paths[position].name}: {note}"),
    )
    names = {line.split(":")[0] for line in left_out}
    kept = [identity for path, identity in zip(pictures.paths, pictures.identities, strict=True)
            if path.name not in names]  # fmt: skip
    verified = verify_all_pairs(vectors, kept, embedder.metric)
    return {
        "method": "dlib on whole photographs",
        "data": str(folder),
        "pictures": len(vectors),
        "left_out": left_out,
        "eer": verified.eer,
        "auc": verified.auc,
        "tar_at_far_0.01": verified.tar_at_far(0.01).tar,
        "fmr_at_0.6": verified.fmr(0.6),
        "fnmr_at_0.6": 1 - float(np.searchsorted(verified.genuine, 0.6, side="right")) / len(verified.genuine),
        "rank_1_leave_one_out": self_retrieval(vectors, kept, embedder.metric, [1]).recall[1],
        "several_faces": len(notes),
        "seconds": time.perf_counter() - started,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=[*METHODS, *get_args(LossName)], default=list(METHODS))
    parser.add_argument("--whole-photographs", type=Path, default=None, help="folder per identity, for dlib")
    given = parser.parse_args()
    for row in summaries(compare(given.seeds, given.methods)):
        print(json.dumps(_rounded(row)))
    if given.whole_photographs is not None:
        print(json.dumps(_rounded(whole_photographs(given.whole_photographs))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
