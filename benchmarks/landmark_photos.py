"""Real photos: Sacré-Cœur enrolled from 1, 3 or 5 photos, recognised among other landmarks by pretrained features.

Ten photos of Sacré-Cœur (YFCC), and the thirteen of a sample of Google Landmarks v2, which came without labels: by eye
they show the Chinese Tower in Munich (5), the Eiffel Tower (3) and the Zugspitze (5). In each draw one of these three
is left out, so that its photos show no place that is enrolled; of the others and of Sacré-Cœur k photos are enrolled,
or all but one, and all other photos are asked about. The network is what ImageNet taught; nothing is trained.

Thirteen photos cannot carry a promise of 1% (it takes 299), nor tell whether one is kept. So thresholds are set on a
bank of photos without a landmark from elsewhere: faces of Labeled Faces in the Wild, where they lie beside the
landmarks, and rendered scenes. Photos that users send are of neither kind, and nothing is promised of them: photos of
the place left out that are accepted are counted, and the same thirteen come again in every draw. A place that is not
enrolled is also harder to refuse than a photo of no landmark at all: it looks like one.

    python benchmarks/landmark_photos.py ../shared/data/landmarks --sheet answers.png

JSON lines on stdout; `--sheet` writes one draw of each k as pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps

from lookalike import Embedder, LandmarkRecognizer, open_gallery
from lookalike.datasets.image_folder import pictures_below
from lookalike.errors import DatasetError, LookalikeError
from lookalike.landmarks.atlas import AtlasSettings
from lookalike.landmarks.measurement import OUTCOMES, Measured, measure_answers
from lookalike.landmarks.place import Place
from lookalike.samples.buildings import PhotoSetOptions, render_landmarks

Floats = npt.NDArray[np.float32]

PLACE = "sacre_coeur"
#: The sample's photos, told apart by eye.
BY_EYE = {
    "chinese_tower": (
        "003adbc21d2b9e75", "0316a05ee7d820fd", "21fbedf21e08ba67", "23442a8bc0a5cf02", "3508d01870adec28",
    ),
    "eiffel_tower": ("00dec359ff83bb9a", "01a46dbceaf02f12", "01dbdce476ecaa76"),
    "zugspitze": ("01cc63c2ee26b615", "01d60cc1d2a34185", "023145233aeabdc0", "031e5b948b719147", "0396419c3c2a6f62"),
}  # fmt: skip
FACTS = {
    PLACE: Place(PLACE, "Sacré-Cœur", 48.8867, 2.3431),
    "chinese_tower": Place("chinese_tower", "Chinese Tower", 48.1525, 11.5921),
    "eiffel_tower": Place("eiffel_tower", "Eiffel Tower", 48.8583, 2.2945),
    "zugspitze": Place("zugspitze", "Zugspitze", 47.4211, 10.9853),
}
TILE, GAP, TEXT = 150, 8, 30
COLOURS = {
    "right": "#009e73", "refused": "#009e73", "missed": "#e69f00",
    "wrong place": "#d55e00", "falsely accepted": "#d55e00",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Photos:
    """Photos of places with their vectors, and vectors of photos that show none."""

    paths: dict[str, list[Path]]
    vectors: dict[str, Floats]
    bank: Floats
    bank_sources: dict[str, int]


@dataclass(frozen=True, eq=False)
class Draw:
    """What was asked and answered."""

    left_out: str
    asked: list[Path]
    measured: Measured


def read(folder: Path, embedder: Embedder, rendered: int) -> Photos:
    """Embed everything once."""
    sample = {path.stem: path for path in pictures_below(folder / "gldv2_sample")}
    missing = {stem for stems in BY_EYE.values() for stem in stems} - set(sample)
    if missing:
        raise DatasetError(f"{folder / 'gldv2_sample'} lacks {min(missing)}.jpg; expected the thirteen photos it had")
    paths = {PLACE: pictures_below(folder / PLACE)} | {
        name: [sample[stem] for stem in stems] for name, stems in BY_EYE.items()
    }
    faces = folder.parent / "lfw_10x10"
    bank = {"faces": pictures_below(faces)[::2] if faces.is_dir() else []}
    if rendered:
        wanted = PhotoSetOptions(landmarks=1, photos=(1, 1), test_photos=0, non_landmarks=(0, rendered, 0))
        scenes = render_landmarks(wanted)
        bank["rendered scenes"] = pictures_below(scenes.non_landmarks("calibration"))
    every = [*paths.values(), *bank.values()]
    vectors = embedder.embed([path for part in every for path in part])
    parts = np.split(vectors, np.cumsum([len(part) for part in every])[:-1])
    return Photos(
        paths,
        dict(zip(paths, parts, strict=False)),
        np.concatenate(parts[len(paths) :]),
        {name: len(part) for name, part in bank.items()},
    )


def draw(
    photos: Photos, embedder: Embedder, k: int, left_out: str, settings: AtlasSettings, rng: np.random.Generator
) -> Draw:
    """Enroll k photos of every place but one, and ask about the rest."""
    enrolled: list[tuple[str, int]] = []
    asked: list[tuple[str, int]] = []
    for name, own in photos.paths.items():
        order = rng.permutation(len(own)).tolist()
        used = 0 if name == left_out else min(k, len(own) - 1)
        enrolled += [(name, at) for at in order[:used]]
        asked += [(name, at) for at in order[used:]]
    with tempfile.TemporaryDirectory() as folder, open_gallery(Path(folder) / "places.gallery") as gallery:
        recognizer = LandmarkRecognizer(embedder, gallery)
        recognizer.enroll_vectors(
            np.stack([photos.vectors[name][at] for name, at in enrolled]),
            [name for name, _ in enrolled],
            [str(photos.paths[name][at]) for name, at in enrolled],
            photos.bank,
            settings=settings,
            facts=FACTS,
        )
        answers = recognizer.identify_vectors(np.stack([photos.vectors[name][at] for name, at in asked]))
    truth = [None if name == left_out else name for name, _ in asked]
    return Draw(left_out, [photos.paths[name][at] for name, at in asked], measure_answers(answers, truth, replicates=2))


def summary(k: int, promise: float, draws: list[Draw], photos: Photos) -> dict[str, Any]:
    """Means over draws; these share photos, so no intervals are given."""

    def shares(chosen: str, hit: Callable[[Measured, int], bool]) -> dict[str, float]:
        values = []
        for one in draws:
            at = [i for i, place in enumerate(one.measured.truth) if _kind(place) == chosen]
            values.append(sum(hit(one.measured, i) for i in at) / len(at))
        return _spread(values)

    def guessed(measured: Measured, at: int) -> bool:
        return bool(measured.guessed[at])

    def right(measured: Measured, at: int) -> bool:
        return measured.outcomes[at] == "right"

    return {
        "k": k,
        "draws": len(draws),
        "sacre_coeur": {"top_1": shares("sacre_coeur", guessed), "right_answers": shares("sacre_coeur", right)},
        "other_places": {"top_1": shares("other", guessed), "right_answers": shares("other", right)},
        "place_left_out_accepted": shares("none", lambda m, at: m.outcomes[at] == "falsely accepted"),
        "by_place_left_out": {
            name: _spread([_accepted(one) for one in draws if one.left_out == name])["mean"] for name in BY_EYE
        },
        "outcomes": {name: sum(one.measured.counts[name] for one in draws) for name in OUTCOMES},
        "bank": photos.bank_sources,
        "threshold": f"{promise:g} of the bank accepted, as measured; nothing is promised of photos like these",
    }


def _kind(place: str | None) -> str:
    return "none" if place is None else place if place == PLACE else "other"


def _accepted(one: Draw) -> float:
    return one.measured.counts["falsely accepted"] / one.measured.measures.non_landmarks


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": float(np.mean(values)),
        "std": float(np.std(values)),
        "worst": float(np.min(values)),
        "best": float(np.max(values)),
    }


def sheet(draws: dict[int, Draw]) -> Image.Image:
    """A row for each k: every photo asked about, framed by its outcome, above the enrolled photo nearest to it."""
    columns = max(len(one.asked) for one in draws.values())
    height = 2 * TILE + TEXT + 3 * GAP
    font = ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), 11)
    page = Image.new("RGB", (columns * (TILE + GAP) + GAP, len(draws) * (height + TEXT) + GAP), "#fefefe")
    pen = ImageDraw.Draw(page)
    for row, (k, one) in enumerate(draws.items()):
        top = row * (height + TEXT) + GAP
        pen.text(
            (GAP, top),
            f"k = {k}, {FACTS[one.left_out].name} not enrolled. Above: asked. Below: the nearest enrolled photo",
            "#1d2127",
            font,
        )
        for column, (path, answer, outcome) in enumerate(
            zip(one.asked, one.measured.answers, one.measured.outcomes, strict=True)
        ):
            x, y = column * (TILE + GAP) + GAP, top + TEXT - GAP
            page.paste(_tile(path, COLOURS[outcome]), (x, y))
            best = answer.best
            if best is not None and best.photos:
                page.paste(_tile(Path(best.photos[0].source), "#dde2e8"), (x, y + TILE + GAP))
                said = f"{best.name} {best.distance:.2f} {'≤' if best.accepted else '>'} {best.threshold:.2f}"
                pen.text((x, y + 2 * TILE + GAP + 3), outcome, COLOURS[outcome], font)
                pen.text((x, y + 2 * TILE + GAP + 16), said, "#69727d", font)
    return page


def _tile(path: Path, colour: str) -> Image.Image:
    with Image.open(path) as opened:
        picture = ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), (TILE - 8, TILE - 8))
    return ImageOps.expand(picture, 4, colour)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="holds sacre_coeur/ and gldv2_sample/")
    parser.add_argument("--k", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--draws", type=int, default=10, help="for each place that is left out")
    parser.add_argument("--promise", type=float, default=0.01, help="share of the bank accepted, as measured")
    parser.add_argument("--rendered", type=int, default=250, help="rendered scenes in the bank; 0 needs no VTK")
    parser.add_argument("--sheet", type=Path, default=None, help="a PNG of the first draw of each k")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    embedder = Embedder.load("efficientnet_lite0")
    try:
        photos = read(given.folder, embedder, given.rendered)
        settings = AtlasSettings(promise_fpr=given.promise, confidence=None)
        shown: dict[int, Draw] = {}
        for k in given.k:
            rng = np.random.default_rng([given.seed, k])
            draws = [
                draw(photos, embedder, k, left_out, settings, rng) for _ in range(given.draws) for left_out in BY_EYE
            ]
            print(json.dumps(_rounded(summary(k, given.promise, draws, photos)), ensure_ascii=False), flush=True)
            shown[k] = draws[len(shown) % len(BY_EYE)]  # each row leaves out another place
    except LookalikeError as error:
        print(f"landmark_photos: {error}", file=sys.stderr)
        return 2
    if given.sheet is not None:
        sheet(shown).save(given.sheet)
    return 0


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
