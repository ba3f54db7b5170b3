"""Identify a photo among a million centroids: seconds per photo, split into embedding and search.

A gallery of places with five centroids each is enrolled in one transaction, with the photos behind them, thresholds
and a bank of non-landmarks, as `LandmarkRecognizer` keeps them. Vectors are generated (`index/generated_vectors.py`),
in the 256 dimensions of the recipe `landmarks`; embedding is measured apart, on a JPEG through efficientnet_lite0 at
one thread. The search is what users wait for: graph, names, densities, the photos of ten candidate places.

    python benchmarks/landmark_search.py --places 20000       # 100,000 centroids
    python benchmarks/landmark_search.py                      # 1,000,000: 6 GB; an hour, most of it for the graph

JSON lines on stdout, what is being done on stderr.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from lookalike import Embedder, LandmarkRecognizer, open_gallery
from lookalike.decisions.place_odds import PlaceOdds
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import InputError, LookalikeError
from lookalike.evaluation.calibration.rejection import fit_rejection
from lookalike.gallery import AnnexUpdate, Gallery, annex_of
from lookalike.images import Picture
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.landmarks.atlas import AtlasSettings, PlacePhotos, atlas_update
from lookalike.landmarks.centroids import Centroids

Floats = npt.NDArray[np.float32]

CENTROIDS = 5
PROMISE = 0.01
#: How sure answers are is not measured here.
ODDS = PlaceOdds(offset=0.0, slope=20.0, ceiling=0.9, places=8, photos=40, others=100)
#: The photo that is embedded, in pixels, where no file is given.
PHOTO = (768, 1024)


class Generated(Embedder):
    """Stands for the model whose vectors are generated; its pictures are embedded by another, timed apart."""

    name, fingerprint, metric = "generated", "9e4e7a7ed", "cosine"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def prepare(self, picture: Picture) -> Prepared:
        """Refuse."""
        raise InputError("generated vectors have no pictures; give vectors")

    def embed_prepared(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """Refuse."""
        raise InputError("generated vectors have no pictures; give vectors")


def say(text: str) -> None:
    print(f"{time.perf_counter() - STARTED:7.1f} s  {text}", file=sys.stderr, flush=True)


def tell(**row: Any) -> None:
    print(json.dumps(row), flush=True)


def names(places: int) -> list[str]:
    return [f"{number:07d}" for number in range(places)]


def enrolled(gallery: Gallery, places: int, dimension: int, non_landmarks: Floats) -> None:
    """Put places, photos and thresholds into the gallery, in one transaction."""
    gallery.bind(Generated.fingerprint, Generated.name, "cosine", dimension)
    x, _ = generated_vectors(places * CENTROIDS, dimension, CENTROIDS)
    ids = names(places)
    each = np.full(len(x), 0.05, np.float32)
    of_all = Centroids(
        vectors=x,
        places=tuple(np.repeat(ids, CENTROIDS).tolist()),
        sizes=np.full(len(x), 10, np.int64),
        spread_mean=each,
        spread_max=each,
        spread_deviation=each,
        members=np.empty(0, np.int64),
        metric="cosine",
    )
    say(f"fitting thresholds to {len(non_landmarks):,} non-landmarks")
    began = time.perf_counter()
    rejection = fit_rejection(non_landmarks, of_all, promise_fpr=PROMISE)
    tell(step="thresholds", seconds=time.perf_counter() - began, non_landmarks=len(non_landmarks))

    def kept(templates: Mapping[str, list[int]]) -> AnnexUpdate:
        photos = {
            name: PlacePhotos(
                x[at * CENTROIDS : (at + 1) * CENTROIDS],
                [f"{name}/{number}.jpg" for number in range(CENTROIDS)],
                np.array(templates[name], np.int64),
            )
            for at, name in enumerate(ids)
        }
        return atlas_update(photos, {}, rejection, ODDS, non_landmarks, AtlasSettings(promise_fpr=PROMISE))

    def rows() -> Iterator[tuple[str, Floats, None]]:
        for at, name in enumerate(ids):
            yield name, x[at * CENTROIDS : (at + 1) * CENTROIDS], None

    say("enrolling")
    began = time.perf_counter()
    annex_of(gallery).enroll_with_annex(rows(), kept)
    seconds = time.perf_counter() - began
    tell(step="enroll_many", seconds=seconds, templates=len(x), templates_per_second=len(x) / seconds)


def embedding(photo: Path | None, repeats: int) -> None:
    """Time from a JPEG's bytes to its vector."""
    try:
        embedder = Embedder.load("efficientnet_lite0")
    except LookalikeError as error:
        say(f"embedding is not measured: {error}")
        return
    if photo is None:
        noise = np.random.default_rng(0).integers(0, 255, (*[side // 8 for side in PHOTO], 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).resize(PHOTO[::-1], Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        content = file.getvalue()
    else:
        content = photo.read_bytes()
    embedder.embed([content])
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        embedder.embed([content])
        seconds.append(time.perf_counter() - began)
    tell(step="embedding", model=embedder.name, threads=torch.get_num_threads(), kilobytes=len(content) // 1000,
         **spread(seconds))  # fmt: skip


def search(recognizer: LandmarkRecognizer, places: int, dimension: int, probes: int) -> None:
    """Time from a vector to an answer, one photo at a time; and how good the answers are."""
    rng = np.random.default_rng(1)
    shown = rng.choice(places, probes, replace=False)
    mated = generated_probes(shown, dimension, sample=1)
    strangers = generated_probes(np.arange(probes) + 2 * places, dimension, sample=2)
    say("building the index")
    began = time.perf_counter()
    recognizer.identify_vectors(mated[:1])
    tell(step="first answer: index built, atlas read", seconds=time.perf_counter() - began)
    say("searching")
    for rerank in (False, True):
        seconds, answers = [], []
        for vector in mated:
            began = time.perf_counter()
            answers += recognizer.identify_vectors(vector[None], rerank=rerank)
            seconds.append(time.perf_counter() - began)
        first = [answer.candidates[0].identity == f"{place:07d}" for answer, place in zip(answers, shown, strict=True)]
        named = [answer.place == f"{place:07d}" for answer, place in zip(answers, shown, strict=True)]
        accepted = sum(a.decision != "unknown" for a in recognizer.identify_vectors(strangers, rerank=rerank)) / probes
        tell(step="search", rerank=rerank, probes=probes, top1=float(np.mean(first)), named=float(np.mean(named)),
             promised_fpr=PROMISE, realised_fpr=accepted, **spread(seconds))  # fmt: skip
    say("comparing with exact search")
    exact = nearest_places(mated, places, dimension)
    found = [row[0].identity for row in recognizer.gallery.search(mated, 1)]
    agree = float(np.mean([name == f"{place:07d}" for name, place in zip(found, exact, strict=True)]))
    tell(step="nearest place of the index is the nearest of all", share=agree)


def nearest_places(probes: Floats, places: int, dimension: int) -> npt.NDArray[np.int64]:
    best, where = np.full(len(probes), -np.inf, np.float32), np.zeros(len(probes), np.int64)
    for start in range(0, places * CENTROIDS, 50_000):
        count = min(50_000, places * CENTROIDS - start)
        block, owners = generated_vectors(count, dimension, CENTROIDS, start=start)
        likeness = probes @ block.T
        top = likeness.argmax(axis=1)
        better = likeness[np.arange(len(probes)), top] > best
        best[better], where[better] = likeness[better, top[better]], owners[top[better]]
    return where


def spread(seconds: list[float]) -> dict[str, float]:
    """In milliseconds."""
    low, middle, high = np.quantile(np.array(seconds) * 1000, [0.05, 0.5, 0.95])
    return {"milliseconds": float(middle), "p5": float(low), "p95": float(high)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=200_000, help="with five centroids each")
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--non-landmarks", type=int, default=2000)
    parser.add_argument("--probes", type=int, default=500)
    parser.add_argument("--photo", type=Path, help="a JPEG to embed, in place of a generated one")
    parser.add_argument("--folder", type=Path, help="keep the gallery here; one that is there is asked again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tell(step="machine", processor=platform.processor() or platform.machine(), system=platform.platform(),
         places=options.places, centroids=options.places * CENTROIDS, dimension=options.dimension)  # fmt: skip
    embedding(options.photo, 30)
    # Identities beyond those enrolled and those asked about.
    first = 4 * options.places
    non_landmarks = generated_probes(np.arange(options.non_landmarks) + first, options.dimension)
    with (
        tempfile.TemporaryDirectory() as temporary,
        open_gallery(options.folder or Path(temporary) / "places.gallery") as gallery,
    ):
        if len(gallery) != options.places:
            enrolled(gallery, options.places, options.dimension, non_landmarks)
        recognizer = LandmarkRecognizer(Generated(options.dimension), gallery)
        search(recognizer, options.places, options.dimension, options.probes)
        tell(step="gallery", **{key: gallery.stats()[key] for key in ("templates", "bytes_on_disk")})


STARTED = time.perf_counter()

if __name__ == "__main__":
    main()
