"""Nearest, mean or set: how many people are named, with 1, 2 and 5 templates a person, at an FPIR of 1%.

Four kinds of vectors: faces of ORL (40 people) through dlib's network, and as pixels; generated people whose pictures
lie around one centre; and generated people who look two ways (with and without glasses), so that their pictures lie
around two. The rule is chosen on half of the people, figures are of the other half; intervals are by bootstrap over
identities.

Further lines: what weights by quality are worth, where it is known which templates are poor; and how many identities,
sorted by their nearest template, must be scored again so that the best one by a rule is among them.

    python benchmarks/template_scoring.py                      # some minutes; the dlib vectors are kept in --cache
    python benchmarks/template_scoring.py --no-faces           # generated vectors only

And whether thresholds keep their promise: calibrated on 120 generated people, 3,000 strangers are searched among 500
others of 5 templates each, six times.

Prints one JSON object per line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lookalike.decisions.promise import Promise
from lookalike.decisions.scoring_rule import SCORINGS
from lookalike.decisions.template_scoring import TemplateSets
from lookalike.distances import MetricName
from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_sets
from lookalike.evaluation.identification.closed_and_open_set import open_set
from lookalike.evaluation.identification.template_scoring import compare_scorings
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.evaluation.verification.template_sets import equal_sets, verify_sets
from lookalike.gallery.scored_search import CANDIDATES

FPIR = 0.01
#: Templates a person.
SIZES = (1, 2, 5)
CANDIDATE_COUNTS = (CANDIDATES // 4, CANDIDATES // 2, CANDIDATES, 2 * CANDIDATES)


Line = dict[str, object]


def orl_vectors(cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of ORL's 400 pictures by dlib's network, and the person of each."""
    from lookalike.datasets import read_pictures

    pictures = read_pictures("bundled:orl")
    if not cache.exists():
        from lookalike.progress import Reporter
        from lookalike.workflows.labelled_pictures import embed_labelled
        from lookalike.workflows.loaded_model import load_model

        vectors, kept = embed_labelled(load_model("dlib", cropped=True), pictures, Reporter())
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, vectors=vectors, labels=kept.labels)
    held = np.load(cache)
    return held["vectors"], held["labels"]


def orl_pixels() -> tuple[np.ndarray, np.ndarray]:
    """The same pictures as 28 × 23 pixels of mean 0: real faces, and a model that tells them apart badly."""
    from PIL import Image

    from lookalike.datasets import read_pictures

    pictures = read_pictures("bundled:orl")
    small = []
    for path in pictures.paths:
        with Image.open(path) as image:
            small.append(np.asarray(image.convert("L").resize((23, 28), Image.Resampling.BOX), np.float64).ravel())
    pixels = np.stack(small)
    return pixels - pixels.mean(axis=1, keepdims=True), pictures.labels


def generated(identities: int, pictures: int, spread: float, apart: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """People in 64 dimensions; `apart` is the distance between the two ways that each looks."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(identities), pictures)
    vectors = rng.normal(size=(identities, 64))[labels] + spread * rng.normal(size=(len(labels), 64))
    ways = rng.normal(size=(identities, 64))
    ways *= apart / np.linalg.norm(ways, axis=1, keepdims=True)
    return vectors + ways[labels] * rng.choice([-0.5, 0.5], size=(len(labels), 1)), labels


def compared(name: str, vectors: np.ndarray, labels: np.ndarray, metric: MetricName, trials: int) -> Iterator[Line]:
    """A line for each number of templates and rule."""
    for size in SIZES:
        began = time.perf_counter()
        found = compare_scorings(vectors, labels, metric, size, trials=trials, fpir=FPIR)
        for one in found.reported:
            yield {
                "data": name,
                "templates": size,
                "rule": one.rule,
                "chosen": one.rule == found.chosen,
                "fpir": FPIR,
                "fnir": round(one.fnir, 4),
                "fnir_interval": [round(one.interval.low, 4), round(one.interval.high, 4)],
                "gain": round(one.gain, 4),
                "gain_interval": [round(one.gain_interval.low, 4), round(one.gain_interval.high, 4)],
                "tar_at_far_1%": round(one.tar, 4),
                "enough_strangers": found.sufficient,
                "seconds_all_rules": round(time.perf_counter() - began, 2),
            }


def weighted(size: int, seed: int) -> Iterator[Line]:
    """FNIR with and without weights, where a third of the templates are three times as noisy, and of quality 0.2."""
    rng = np.random.default_rng(seed)
    identities, noise, probes = 400, 1.2, 4
    centres = rng.normal(size=(2 * identities, 64))
    poor = rng.random((identities, size)) < 1 / 3
    spread = noise * np.where(poor, 3.0, 1.0)
    templates = centres[:identities, None] + spread[:, :, None] * rng.normal(size=(identities, size, 64))
    asked = np.repeat(np.arange(2 * identities), probes)
    vectors = centres[asked] + noise * rng.normal(size=(len(asked), 64))
    qualities = np.where(poor, 0.2, 1.0)
    for rule in SCORINGS:
        line: Line = {"data": "generated, a third of the templates poor", "templates": size, "rule": rule}
        for name, given in (("fnir_unweighted", None), ("fnir_weighted", qualities.tolist())):
            sets = TemplateSets.of(list(templates), given)
            found = open_set(
                None, np.arange(identities), None, asked, distances=sets.distances(vectors, "cosine", rule)
            )
            line[name] = round(found.fnir_at_fpir(FPIR).fnir, 4)
        yield line


def candidates_needed(seed: int) -> Iterator[Line]:
    """Where the best identity by a rule stands among all, sorted by their nearest templates."""
    for name, apart in (("one centre", 0.0), ("two centres", 8.0)):
        vectors, labels = generated(3000, 6, 1.2, apart, seed)
        gallery = np.arange(len(labels)).reshape(3000, 6)[:, :5]
        sets, probes = equal_sets(vectors, gallery), vectors[5::6][:1000]
        strangers = np.random.default_rng(seed + 1).normal(size=(500, 64)) * float(vectors.std())
        for kind, asked in (("mated", probes), ("strangers", strangers)):
            nearest = sets.distances(asked, "cosine", "nearest")
            for rule in SCORINGS[1:]:
                best = sets.distances(asked, "cosine", rule).argmin(axis=1)
                rank = (nearest < nearest[np.arange(len(asked)), best][:, None]).sum(axis=1) + 1
                line: Line = {
                    "data": f"generated, {name}, 3,000 identities of 5",
                    "searches": kind,
                    "rule": rule,
                    "best_among": {str(few): round(float((rank <= few).mean()), 4) for few in CANDIDATE_COUNTS},
                    "median_rank": int(np.median(rank)),
                    "largest_rank": int(rank.max()),
                }
                if kind == "mated":  # these probes are of the first identities, in order
                    right = best == np.arange(len(asked))
                    lost = {str(few): int((right & (rank > few)).sum()) for few in CANDIDATE_COUNTS}
                    line |= {"right_answers": int(right.sum()), "right_answers_lost": lost}
                yield line


def promise_kept(metric: MetricName, repeats: int = 6) -> Iterator[Line]:
    """The share of strangers who are named where at most 1% was promised, and FNIR of the enrolled, by rule."""
    promise = Promise("fpir", FPIR)
    for rule in SCORINGS:
        named, missed = [], []
        for repeat in range(repeats):
            vectors, labels = generated(120, 10, 1.0, 0.0, 10 + repeat)
            if rule == "nearest":
                pairs = verify_all_pairs(vectors, labels, metric)
                measured = calibrate(pairs, fingerprint="g", metric=metric, source="generated", replicates=50)
            else:
                apart = verify_sets(vectors, labels, metric, rule, 5)
                measured = calibrate_sets(apart, fingerprint="g", metric=metric, source="generated", replicates=50)
            threshold = measured.promised(promise, 2500 if rule == "nearest" else 500).threshold
            known = generated(500, 6, 1.0, 0.0, 100 + repeat)[0]
            sets = equal_sets(known, np.arange(3000).reshape(500, 6)[:, :5])
            strangers = generated(3000, 1, 1.0, 0.0, 1000 + repeat)[0]
            named.append(float((sets.distances(strangers, metric, rule).min(axis=1) <= threshold).mean()))
            own = sets.distances(known[5::6], metric, rule)
            missed.append(float(((own.argmin(axis=1) != np.arange(500)) | (own.min(axis=1) > threshold)).mean()))
        yield {
            "data": f"generated, one centre, {metric}: FPIR 1% promised among 500 identities of 5",
            "rule": rule,
            "fpir_realised": [round(rate, 4) for rate in named],
            "fnir": round(float(np.mean(missed)), 3),
        }


def main() -> None:
    """Print all lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cache", type=Path, default=Path("template_scoring_orl.npz"), help="where dlib vectors are kept"
    )
    parser.add_argument("--no-faces", action="store_true", help="generated vectors only")
    parser.add_argument("--trials", type=int, default=10, help="random enrolments that are averaged")
    asked = parser.parse_args()
    lines: list[Iterator[Line]] = []
    if not asked.no_faces:
        lines.append(compared("ORL through dlib", *orl_vectors(asked.cache), "euclidean", asked.trials))
        lines.append(compared("ORL, pixels", *orl_pixels(), "cosine", asked.trials))
    lines.append(compared("generated, one centre", *generated(300, 10, 1.2, 0.0, 1), "cosine", asked.trials))
    lines.append(compared("generated, two centres", *generated(300, 10, 0.9, 8.0, 2), "cosine", asked.trials))
    lines.append(weighted(5, 3))
    lines.append(candidates_needed(4))
    lines += [promise_kept("cosine"), promise_kept("euclidean")]
    for some in lines:
        for line in some:
            json.dump(line, sys.stdout)
            print(flush=True)


if __name__ == "__main__":
    main()
