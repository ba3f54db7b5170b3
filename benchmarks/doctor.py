"""What `lookalike people doctor` finds of defects planted into galleries of real faces, and how long it takes.

    python benchmarks/doctor.py faces --half report [--photos FOLDER] [--plantings 100]
    python benchmarks/doctor.py linkage --half choose
    python benchmarks/doctor.py worth --half choose
    python benchmarks/doctor.py time --templates 100000 [--per-identity 4]

faces: the ORL faces, and those of FOLDER (a folder for each person), embedded by dlib, as they are ("clear") or reduced
to a third and enlarged again ("small"). People are split into two halves: rules were chosen on the first (`choose`),
and the second is reported. The calibration is measured on the first half; "of the gallery" fits odds to the gallery
itself, as the verb does without a calibration. Each planting makes a gallery of the half's people, 2 to 5 templates
each, and plants: three people under two names and one under three, three templates under a wrong name, a copy under its
own name and one under another, and two pictures reduced to 12 pixels. Prints a JSON line for each kind of finding:
counts over all plantings, precision and recall with Wilson's intervals (plantings share people, so they are too short).
Look-alikes cannot be planted: of those found, it counts who are different people, and of all different people within
the threshold those that were found.

linkage: of pairs of names that are one person or two, which rule finds them, without odds: the nearest pair of
templates within the threshold, a majority, or all; where one template of one name may be a wrong one.

worth: how much more several templates on either side say than one comparison, as the slope of logistic regression on
the log likelihood ratio of the typical pair; null where no typical pair of one person lies beyond one of two people.

time: generated vectors in a gallery on disk; seconds of each stage. As many people as --planted are under two names,
and as many templates under a wrong name.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from peak_memory import machine
from PIL import Image

from lookalike import Embedder, open_gallery
from lookalike.binomial_intervals import wilson_interval
from lookalike.decisions.calibration import Calibration
from lookalike.distances import pairwise
from lookalike.evaluation.calibration.thresholds import calibrate
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.gallery.doctor import Diagnosis, Rules, StoredTemplates, diagnose
from lookalike.index.generated_vectors import generated_vectors
from lookalike.progress import Progress
from lookalike.samples.orl_faces import orl_faces
from lookalike.workflows.people_odds import odds_of_gallery

#: Pixels along the longer side of a picture that is planted as a poor one.
POOR_PIXELS = 12
#: A slope that only tells that both sides lie apart.
SEPARATED = 100
#: What "small" pictures are reduced by.
REDUCED = 3


@dataclass(frozen=True, eq=False)
class Faces:
    """Pictures of people, embedded; and the same pictures as poor ones."""

    names: np.ndarray
    vectors: np.ndarray
    poor: np.ndarray
    people: list[str]


@dataclass
class Planted:
    """A gallery with defects: vector, name and true person of every template, and what was planted."""

    vectors: list[np.ndarray] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)
    copies: set[frozenset[int]] = field(default_factory=set)
    poor: set[int] = field(default_factory=set)

    def add(self, name: str, person: str, vector: np.ndarray) -> int:
        """Enroll a person's template under a name; returns its number."""
        self.names.append(name)
        self.people.append(person)
        self.vectors.append(vector)
        return len(self.names) - 1


def embedded(given: argparse.Namespace, reduced: int) -> Faces:
    """All pictures by dlib; kept in a folder, where one is given."""
    kept = given.keep and given.keep / f"faces-{reduced}.npz"
    if kept and kept.is_file():
        held = np.load(kept)
        return Faces(held["names"], held["vectors"], held["poor"], sorted(set(held["names"].tolist())))
    faces = _embedded(given.photos, reduced)
    if kept:
        np.savez(kept, names=faces.names, vectors=faces.vectors, poor=faces.poor)
    return faces


def _embedded(photos: Path | None, reduced: int) -> Faces:
    embedder = Embedder.load("dlib", True)
    sets = [orl_faces()]
    if photos is not None:
        from lookalike.datasets import read_pictures

        sets.append(read_pictures(photos))
    paths = [path for one in sets for path in one.paths]
    names = np.array([name for one in sets for name in one.identities])
    good = [_smaller(path, reduced) for path in paths] if reduced > 1 else paths
    poor = [_smaller(path, max(Image.open(path).size) / POOR_PIXELS) for path in paths]
    return Faces(names, embedder.embed(good), embedder.embed(poor), sorted(set(names.tolist())))


def _smaller(path: Path, factor: float) -> Image.Image:
    """A picture that has lost detail, at its former size."""
    picture = Image.open(path).convert("RGB")
    width, height = (max(1, round(side / factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX).resize(picture.size, Image.Resampling.BICUBIC)


def half_of(faces: Faces, half: str) -> list[str]:
    """Every second person, by name."""
    return faces.people[0 if half == "choose" else 1 :: 2]


def calibration_of(faces: Faces) -> Calibration:
    """Measured on the half on which rules were chosen."""
    mine = np.isin(faces.names, half_of(faces, "choose"))
    result = verify_all_pairs(faces.vectors[mine], faces.names[mine], "euclidean")
    return calibrate(result, fingerprint="dlib", metric="euclidean", source="half of the people")


def planted(faces: Faces, people: list[str], rng: np.random.Generator) -> Planted:
    """A gallery with defects, by chance."""
    made = Planted()
    order = [str(one) for one in rng.permutation(people)]
    pictures = {person: list(rng.permutation(np.flatnonzero(faces.names == person))) for person in order}
    of: dict[str, list[int]] = {}
    for number, person in enumerate(order):
        aliases = 2 if number < 3 else 3 if number == 3 else 1
        for alias in range(aliases):
            name = f"{person} {alias}"
            count = int(rng.integers(1, 4) if aliases > 1 else rng.integers(2, 6))
            of[name] = [made.add(name, person, faces.vectors[pictures[person].pop()]) for _ in range(count)]
    single = [person for person in order[4:] if len(of[f"{person} 0"]) >= 2]
    for giver, taker in rng.permutation(single)[:6].reshape(3, 2).tolist():
        made.moved.add(made.add(f"{taker} 0", giver, faces.vectors[pictures[giver].pop()]))
    same, another, other = rng.permutation(single)[:3].tolist()
    for person, owner in ((same, same), (another, other)):
        first = of[f"{person} 0"][0]
        copy = made.vectors[first] + np.float32(1e-5)
        made.copies.add(frozenset((first, made.add(f"{owner} 0", person, copy))))
    for person in rng.permutation(single)[:2].tolist():
        made.poor.add(made.add(f"{person} 0", person, faces.poor[pictures[person].pop()]))
    return made


def examined(made: Planted, threshold: float, calibration: Calibration | None) -> tuple[Diagnosis, dict[int, int]]:
    """The diagnosis of a planted gallery, and the number of every template by its id."""
    numbers: dict[int, int] = {}
    with tempfile.TemporaryDirectory() as folder, open_gallery(Path(folder) / "people.gallery") as gallery:
        gallery.bind("dlib", "dlib", "euclidean", 128)
        rows = {name: [at for at, one in enumerate(made.names) if one == name] for name in dict.fromkeys(made.names)}
        for name, mine in rows.items():
            numbers |= dict(zip(gallery.enroll(name, [made.vectors[at] for at in mine]), mine, strict=True))
        templates = StoredTemplates.read(gallery)
        odds = odds_of_gallery(templates, threshold) if calibration is None else calibration.odds
        return diagnose(gallery, Rules(threshold=threshold, odds=odds), templates=templates), numbers


def score(made: Planted, found: Diagnosis, numbers: dict[int, int], threshold: float) -> Iterator[tuple[str, str]]:
    """(kind, outcome) of every finding and of everything that was planted and not found."""
    person_of = {name: name.rsplit(" ", 1)[0] for name in made.names}
    names = sorted(person_of)
    doubled = {frozenset(pair) for pair in combinations(names, 2) if person_of[pair[0]] == person_of[pair[1]]}
    pairs: dict[str, set[frozenset[str]]] = {"one-person": set(), "undecided": set(), "look-alikes": set()}
    moved, copies, poor = set(), set(), set()
    for one in found.findings:
        mine = [numbers[template] for template in one.templates]
        if one.kind in pairs:
            pairs[one.kind] |= {frozenset(pair) for pair in combinations(one.identities, 2)}
        elif one.kind == "wrong-name":
            moved.add((mine[0], one.identities[1]))
        elif one.kind == "twice":
            copies |= {frozenset(pair) for pair in combinations(mine, 2)}
        else:
            poor.add(mine[0])
    right_moves = {(at, name) for at, name in moved if at in made.moved and person_of[name] == made.people[at]}
    # A copy under another name is a template under the wrong name, too.
    also = {(at, name) for at, name in moved if any(at in pair for pair in made.copies) and at not in made.moved}
    yield from _outcomes("one person", pairs["one-person"], doubled)
    several = {name for name in names if made.names.count(name) > 1}
    both = [{pair for pair in group if pair <= several} for group in (pairs["one-person"], doubled)]
    yield from _outcomes("one person, several templates each", *both)
    yield from _outcomes("one person or undecided", pairs["one-person"] | pairs["undecided"], doubled)
    yield from _outcomes("undecided", pairs["undecided"], doubled & pairs["undecided"])
    yield from _outcomes("wrong name", {at for at, _ in moved - also}, {at for at, _ in right_moves} | made.moved)
    yield from _outcomes("twice", copies, made.copies)
    yield from _outcomes("poor picture", poor, made.poor)
    alike = _within(made, threshold, person_of)
    said = pairs["look-alikes"] | pairs["undecided"] | pairs["one-person"]
    yield from _outcomes("look-alikes", pairs["look-alikes"], (pairs["look-alikes"] - doubled) | (alike - said))


def _outcomes(kind: str, found: set[Any], true: set[Any]) -> Iterator[tuple[str, str]]:
    yield from [(kind, "right")] * len(found & true)
    yield from [(kind, "wrong")] * len(found - true)
    yield from [(kind, "missed")] * len(true - found)


def _within(made: Planted, threshold: float, person_of: dict[str, str]) -> set[frozenset[str]]:
    """Names of different people, of whom two templates that are theirs are within the threshold."""
    vectors = np.stack(made.vectors)
    distances = pairwise(vectors, vectors, "euclidean")
    theirs = [at for at, name in enumerate(made.names) if made.people[at] == person_of[name]]
    return {
        frozenset((made.names[a], made.names[b]))
        for a, b in combinations(theirs, 2)
        if made.people[a] != made.people[b] and distances[a, b] <= threshold
    }


def faces_lines(given: argparse.Namespace) -> None:
    """Precision and recall of each kind of finding."""
    for condition, reduced in (("clear", 1), ("small", REDUCED)):
        faces = embedded(given, reduced)
        people, calibration = half_of(faces, given.half), calibration_of(faces)
        settings = {
            "calibration": (calibration.threshold(), calibration),
            "of the gallery": (0.6, None),
        }
        for setting, (threshold, measured) in settings.items():
            counts: Counter[tuple[str, str]] = Counter()
            for number in range(given.plantings):
                made = planted(faces, people, np.random.default_rng([given.seed, number]))
                counts.update(score(made, *examined(made, threshold, measured), threshold))
            for kind in dict.fromkeys(kind for kind, _ in counts):
                line = {"condition": condition, "half": given.half, "people": len(people), "odds": setting}
                line |= {"threshold": round(threshold, 4), "plantings": given.plantings, "kind": kind}
                print(
                    json.dumps(line | _rates(*(counts[kind, one] for one in ("right", "wrong", "missed")))), flush=True
                )


def _rates(right: int, wrong: int, missed: int) -> dict[str, Any]:
    rates: dict[str, Any] = {"right": right, "wrong": wrong, "missed": missed}
    for name, other in (("precision", wrong), ("recall", missed)):
        if right + other:
            rates[name] = [round(x, 4) for x in (right / (right + other), *wilson_interval(right, right + other))]
    return rates


def linkage_lines(given: argparse.Namespace) -> None:
    """Which share of pairs of templates should have to match."""
    for condition, reduced in (("clear", 1), ("small", REDUCED)):
        faces = embedded(given, reduced)
        people, threshold = half_of(faces, given.half), calibration_of(faces).threshold()
        counts: Counter[tuple[str, str]] = Counter()
        rng = np.random.default_rng(given.seed)
        for _ in range(given.plantings):
            for number, person in enumerate(people):
                other = people[(number + 1 + int(rng.integers(len(people) - 1))) % len(people)]
                for truth, second in (("one", person), ("two", other)):
                    for wrong in (False, True):
                        matches = _matches(faces, person, second, wrong, threshold, rng)
                        rules = {"nearest": matches.any(), "majority": matches.mean() > 0.5, "all": matches.all()}
                        for rule, said in rules.items():
                            counts[f"{rule}, {'a wrong template' if wrong else 'clean'}", f"{truth} {bool(said)}"] += 1
        for rule in dict.fromkeys(rule for rule, _ in counts):
            found = [
                counts[rule, f"{truth} True"] / (counts[rule, f"{truth} True"] + counts[rule, f"{truth} False"])
                for truth in ("one", "two")
            ]
            line = {"condition": condition, "half": given.half, "threshold": round(threshold, 4), "rule": rule}
            print(json.dumps(line | {"one person found": round(found[0], 4), "two people joined": round(found[1], 5)}))


def _matches(faces: Faces, one: str, other: str, wrong: bool, threshold: float, rng: np.random.Generator) -> np.ndarray:
    """Which pairs of templates of two names match; 3 templates each, of which one may be somebody's of the other name.

    Where both names are of one person, the wrong template is of a third.
    """
    pictures = rng.permutation(np.flatnonzero(faces.names == one))
    first, second = pictures[:3].copy(), pictures[3:6].copy()
    if other != one:
        theirs = rng.permutation(np.flatnonzero(faces.names == other))
        second = theirs[:3]
        if wrong:
            first[0] = theirs[3]
    elif wrong:
        first[0] = rng.choice(np.flatnonzero(faces.names != one))
    return np.asarray(pairwise(faces.vectors[first], faces.vectors[second], "euclidean") <= threshold)


def worth_lines(given: argparse.Namespace) -> None:
    """By how much the log likelihood ratio of the typical pair has to be multiplied, by templates on either side."""
    made, whose = generated_vectors(2000, 128, 10, seed=1)
    measured = calibrate(
        verify_all_pairs(made, whose, "euclidean"), fingerprint="made", metric="euclidean", source="generated"
    )
    others, names = generated_vectors(3000, 128, 10, seed=2)
    faces = embedded(given, 1)
    mine = np.isin(faces.names, half_of(faces, given.half))
    sources = {
        "faces": (faces.vectors[mine], faces.names[mine], calibration_of(faces)),
        "generated": (others, names, measured),
    }
    for source, (vectors, people, calibration) in sources.items():
        for templates in (1, 2, 3):
            assert calibration.odds is not None
            log_ratio = calibration.odds.log_ratio
            ratios = [
                np.array([log_ratio(one) for one in side])
                for side in _typical(vectors, people, templates, np.random.default_rng(given.seed))
            ]
            slope, offset = _logistic(*ratios)
            line = {"source": source, "half": given.half, "templates": templates, "root": round(templates**0.5, 2)}
            found = {"slope": round(slope, 2), "offset": round(offset, 2)} if slope < SEPARATED else {"slope": None}
            print(json.dumps(line | found), flush=True)


def _typical(
    vectors: np.ndarray, people: np.ndarray, templates: int, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Typical distances between so many templates of one person and others of theirs, and of two people."""
    distances, known = pairwise(vectors, vectors, "euclidean"), sorted(set(people.tolist()))
    rows = {person: np.flatnonzero(people == person) for person in known}
    pairs, half = templates * templates, templates * templates // 2
    genuine, impostor = [], []
    for _ in range(-(-3000 // len(known))):
        mixed = {person: rng.permutation(rows[person]) for person in known}
        for person, other in zip(known, np.roll(known, int(rng.integers(1, len(known)))).tolist(), strict=True):
            mine, theirs = mixed[person][:templates], mixed[person][templates : 2 * templates]
            genuine.append(float(np.sort(distances[np.ix_(mine, theirs)], axis=None)[half]))
            strangers = mixed[other][:templates]
            impostor.append(float(np.sort(distances[np.ix_(mine, strangers)].reshape(pairs))[half]))
    return genuine, impostor


def _logistic(genuine: np.ndarray, impostor: np.ndarray) -> tuple[float, float]:
    """Slope and offset of logistic regression, both sides weighing the same."""
    from scipy.optimize import minimize

    def cost(line: np.ndarray) -> float:
        sides = (np.logaddexp(0, sign * (line[0] * x + line[1])).mean() for sign, x in ((-1, genuine), (1, impostor)))
        return float(sum(sides))

    slope, offset = minimize(cost, [1.0, 0.0], method="Nelder-Mead").x
    return float(slope), float(offset)


def planted_names(whose: np.ndarray, count: int) -> list[str]:
    """Names of generated templates: half of the first `count` people's under a second name, one of each of the next
    `count` under the name of somebody after these.
    """
    names = [f"p{person}" for person in whose]
    for person in range(count):
        for row in np.flatnonzero(whose == person)[::2]:
            names[row] += " again"
        names[int(np.flatnonzero(whose == count + person)[0])] = f"p{2 * count + person}"
    return names


def time_lines(given: argparse.Namespace) -> None:
    """Seconds of each stage, of generated vectors; their threshold and odds are measured on other identities."""
    measured, identities = generated_vectors(4000, 128, 10, seed=1)
    calibration = calibrate(
        verify_all_pairs(measured, identities, "euclidean"), fingerprint="made", metric="euclidean", source="generated"
    )
    vectors, whose = generated_vectors(given.templates, 128, given.per_identity, seed=2)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, open_gallery(Path(folder) / "big.gallery") as gallery:
        gallery.bind("made", "generated", "euclidean", 128)
        names = planted_names(whose, given.planted)
        rows: dict[str, list[int]] = {}
        for at, name in enumerate(names):
            rows.setdefault(name, []).append(at)
        gallery.enroll_many((name, vectors[mine], None) for name, mine in rows.items())
        stages: dict[str, list[float]] = {}

        def note(event: Progress) -> None:
            stages.setdefault(event.stage, []).append(time.perf_counter())

        rules = Rules(threshold=calibration.threshold(), odds=calibration.odds)
        began = time.perf_counter()
        found = diagnose(gallery, rules, most=given.templates, progress=note)
        seconds = time.perf_counter() - began
        index = gallery.stats()["index"]
    ends = [times[-1] for times in stages.values()]
    parts = dict(zip(stages, np.diff([began, *ends]).round(2).tolist(), strict=True))
    line = {"templates": found.templates, "identities": found.identities, "seconds": round(seconds, 1), "stages": parts}
    print(json.dumps(line | {"totals": found.totals, "pairs left out": found.pairs_left_out, "index": index}))
    said = {kind: {one.identities for one in found.findings if one.kind == kind} for kind in found.totals}
    doubled = {(f"p{n} again", f"p{n}") for n in range(given.planted)}
    moved = {(f"p{2 * given.planted + n}", f"p{given.planted + n}") for n in range(given.planted)}
    for kind, told, true in (
        ("one person", said["one-person"], doubled),
        ("one person or undecided", said["one-person"] | said["undecided"], doubled),
        ("wrong name", said["wrong-name"], moved),
    ):
        counts = Counter(outcome for _, outcome in _outcomes(kind, set(told), true))
        rates = _rates(*(counts[outcome] for outcome in ("right", "wrong", "missed")))
        print(json.dumps({"templates": found.templates, "kind": kind, "planted": given.planted} | rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("faces", "linkage", "worth", "time"))
    parser.add_argument("--half", choices=("choose", "report"), default="report")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder that keeps the embedded pictures for the next run")
    parser.add_argument("--plantings", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--templates", type=int, default=100_000)
    parser.add_argument("--per-identity", type=int, default=4)
    parser.add_argument("--planted", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where galleries are made")
    given = parser.parse_args()
    {"faces": faces_lines, "linkage": linkage_lines, "worth": worth_lines, "time": time_lines}[given.what](given)
    print(json.dumps({"machine": machine()}))


if __name__ == "__main__":
    main()
