"""What helps to recognise landmarks? Pretrained features, three losses, one and several centroids, over several seeds.

A seed changes the buildings, their photos, and the networks. Every method is asked about viewpoints that it has not
seen and about photos that show no landmark; the promise is set on others still. The pictures are synthetic (rendered
once, then kept), so the figures compare methods and say nothing of real places. Prints one JSON line per seed, method
and number of centroids, then one per method with mean and standard deviation over the seeds, and its difference from
pretrained features with one centroid, seed by seed. False acceptances are also summed over the seeds.

    python benchmarks/landmark_losses.py --seeds 0 1 2
    python benchmarks/landmark_losses.py --seeds 0 --places 6 --epochs 1    # does it run?

Each line is kept in `--cache` as soon as it is measured; the same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.atomic_files import write_atomically
from lookalike.evaluation.statistics.intervals import Rate
from lookalike.landmarks.atlas import AtlasSettings
from lookalike.landmarks.comparison import METHODS, PRETRAINED, RECIPE, ComparisonSettings, compare_methods
from lookalike.landmarks.photo_splits import PhotoSplits, read_splits
from lookalike.landmarks.recipe import landmark_recipe
from lookalike.progress import Progress
from lookalike.samples.buildings import PhotoSetOptions, cache_folder, render_landmarks

MEASURES = ("gap", "top_1", "right_answers")


def rendered(seed: int, given: argparse.Namespace) -> PhotoSplits:
    """The set of a seed."""
    printed = 0.0

    def show(event: Progress) -> None:
        nonlocal printed
        if time.monotonic() - printed > 10:
            printed = time.monotonic()
            say(f"seed {seed}: rendered {event.done} of {event.total}")

    options = PhotoSetOptions(landmarks=given.places, non_landmarks=tuple(given.non_landmarks), seed=seed)
    made = render_landmarks(options, progress=show)
    return read_splits(made.photos_csv)


def measure(seed: int, method: str, photos: PhotoSplits, given: argparse.Namespace) -> list[dict[str, Any]]:
    """A line for each number of centroids; models and galleries are thrown away."""
    printed = 0.0

    def show(name: str, p: Progress) -> None:
        nonlocal printed
        if time.monotonic() - printed > 10:
            printed = time.monotonic()
            say(f"seed {seed}: {name}: {p.stage} {p.done} of {p.total}")

    settings = ComparisonSettings(
        methods=[method], seed=seed, epochs=given.epochs, enrolment=AtlasSettings(promise_fpr=given.promise)
    )
    folder = Path(tempfile.mkdtemp())
    try:
        found = compare_methods(photos, folder, settings, progress=show)
        return [{"seed": seed} | one.to_json() for one in found]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def summaries(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and standard deviation over seeds, and how much better than pretrained features with one centroid."""
    plain = {
        row["seed"]: row for row in rows if row["method"] == "pretrained" and row["centroids_setting"] == "one centroid"
    }
    found = []
    for name in dict.fromkeys((row["method"], row["centroids_setting"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["centroids_setting"]) == name]
        summary: dict[str, Any] = {"method": name[0], "centroids": name[1], "seeds": [row["seed"] for row in mine]}
        for key in MEASURES:
            values = np.array([row[key] for row in mine])
            summary[key] = {"mean": float(values.mean()), "std": float(values.std(ddof=1)) if len(values) > 1 else None}
            summary[f"{key}_gained"] = [row[key] - plain[row["seed"]][key] for row in mine if row["seed"] in plain]
        accepted = sum(row["outcomes"]["falsely accepted"] for row in mine)
        others = sum(row["non_landmarks"] for row in mine)
        rate = Rate.of(accepted, others)
        summary["false_positives"] = {
            "rate": rate.value, "low": rate.low, "high": rate.high, "of": others,
            "by_seed": [row["false_positives"]["value"] for row in mine], "promised": mine[0]["promise"]["fpr"],
        }  # fmt: skip
        summary["centroids_mean"] = float(np.mean([row["centroids"] for row in mine]))
        found.append(summary)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The same for people, as Markdown."""
    lines = ["| network | centroids | GAP | top-1 | right answers | falsely accepted |", "|---|---|---|---|---|---|"]
    for one in found:
        numbers = [
            f"{one[key]['mean']:.3f}" + ("" if one[key]["std"] is None else f" ± {one[key]['std']:.3f}")
            for key in MEASURES
        ]
        wrong = one["false_positives"]
        share = f"{wrong['rate']:.2%} ({wrong['low']:.2%}–{wrong['high']:.2%}), promised {wrong['promised']:.0%}"
        lines.append(f"| {one['method']} | {one['centroids']} | {' | '.join(numbers)} | {share} |")
    return "\n".join(lines)


def recipe_of(method: str) -> str:
    """A short name of all that decides the network of a method, for the cache."""
    loss = METHODS[method]
    text = PRETRAINED if loss is None else json.dumps(landmark_recipe(RECIPE, loss).model_dump(mode="json"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--places", type=int, default=48)
    parser.add_argument(
        "--non-landmarks", type=int, nargs=3, default=[300, 1000, 600], help="to learn from, to calibrate, to test"
    )
    parser.add_argument("--promise", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=None, help="fewer than the recipe's, for a quick look")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "landmark-losses.jsonl")
    given = parser.parse_args()

    # A line counts where everything that decides it is the same.
    setting = {key: getattr(given, key) for key in ("places", "non_landmarks", "promise", "epochs")}
    given.cache.parent.mkdir(parents=True, exist_ok=True)
    kept = [json.loads(line) for line in given.cache.read_text("utf-8").splitlines()] if given.cache.exists() else []
    rows: list[dict[str, Any]] = []
    for seed in given.seeds:
        photos = None
        for method in given.methods:
            own = setting | {"recipe": recipe_of(method)}
            mine = [row for row in kept if (row["setting"], row["seed"], row["method"]) == (own, seed, method)]
            if not mine:
                photos = photos or rendered(seed, given)
                mine = [{"setting": own} | row for row in measure(seed, method, photos, given)]
                kept += mine
                write_atomically(given.cache, "".join(json.dumps(row) + "\n" for row in kept).encode())
            for row in mine:
                print(json.dumps(_rounded({key: value for key, value in row.items() if key != "setting"})), flush=True)
            rows += mine
    found = summaries(rows)
    for summary in found:
        print(json.dumps(_rounded(summary)))
    say(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
