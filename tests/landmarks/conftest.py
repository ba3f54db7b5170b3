"""A town of three places, and a real, if simple, embedder: what a picture's colours say about where it was taken."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from lookalike import LandmarkRecognizer, open_gallery
from lookalike.datasets import PictureSet
from lookalike.embedder import Embedder
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.landmarks.place import Place

BINS = 4


class Colours(Embedder):
    """A picture as the histogram of its colours, 4 × 4 × 4 bins: real, deterministic, and quick."""

    name, fingerprint, metric, dimension = "colours", "c0105", "cosine", BINS**3

    def prepare(self, picture):
        return Preprocessing(image_size=(16, 16)).prepare(picture)

    def embed_prepared(self, pixels):
        codes = (pixels.astype(np.int64) * BINS // 256) @ np.array([BINS * BINS, BINS, 1])
        counts = np.stack([np.bincount(one.ravel(), minlength=BINS**3) for one in codes]).astype(np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


class Town:
    """Photos of its places, as many as wanted, and of nothing in particular."""

    #: Two looks of the church, outside and inside; the others have one.
    LOOKS: ClassVar = {"church": [(200, 60, 40), (60, 60, 200)], "bridge": [(40, 160, 90)], "tower": [(230, 230, 90)]}
    FACTS: ClassVar = {"church": Place("church", "Église Saint-Jean", 48.5, 2.25)}
    Colours = Colours
    folder = Path(__file__).parent

    @staticmethod
    def files(folder, pictures):
        """Pictures as files: `(identity, pixels)` each."""
        folder.mkdir()
        paths = []
        for number, (_, pixels) in enumerate(pictures):
            paths.append(folder / f"{number}.png")
            Image.fromarray(pixels).save(paths[-1])
        return PictureSet(tuple(paths), tuple(name for name, _ in pictures))

    def __init__(self):
        self.others = [self.other(number) for number in range(400)]

    def photo(self, place, number, look=None):
        """A picture whose colours scatter around those of one of the place's looks."""
        draw = np.random.default_rng([number, *place.encode()])
        looks = self.LOOKS[place]
        colour = np.array(looks[number % len(looks) if look is None else look])
        pixels = draw.normal(colour, 25, size=(24, 24, 3))
        pixels[:5] = draw.normal((120, 150, 190), 40, size=(5, 24, 3))  # a sky
        return pixels.clip(0, 255).astype(np.uint8)

    def other(self, number):
        """A picture of no place: two colours of its own, mostly none of a place's."""
        draw = np.random.default_rng([number, 7])
        looks = np.array([colour for own in self.LOOKS.values() for colour in own])
        while True:
            first, second = draw.uniform(0, 255, (2, 3))
            if min(np.linalg.norm(looks - colour, axis=1).min() for colour in (first, second)) > 70:
                break
        pixels = draw.normal(first, 40, size=(24, 24, 3))
        pixels[: draw.integers(4, 20)] = draw.normal(second, 40, size=(24, 3))
        return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def town():
    return Town()


@pytest.fixture(scope="session")
def town_photos(town, tmp_path_factory):
    """Twelve photos of each place as files: their paths and their places."""
    root = tmp_path_factory.mktemp("town")
    paths, places = [], []
    for place in town.LOOKS:
        (root / place).mkdir()
        for number in range(12):
            path = root / place / f"{number}.png"
            Image.fromarray(town.photo(place, number)).save(path)
            paths.append(path)
            places.append(place)
    return paths, places


@pytest.fixture
def places_gallery(tmp_path):
    """Where the test's gallery is."""
    return tmp_path / "places.gallery"


@pytest.fixture
def empty(places_gallery):
    """A recognizer whose gallery is empty."""
    with open_gallery(places_gallery) as gallery:
        yield LandmarkRecognizer(Colours(), gallery)


@pytest.fixture
def recognizer(empty, town, town_photos):
    """A recognizer that knows the town."""
    empty.enroll(*town_photos, town.others, promise_fpr=0.02, facts=town.FACTS)
    return empty


@pytest.fixture
def asked(town, tmp_path):
    """Two photos of each place and three of none as files, and their places."""
    photos = [town.photo(place, 50 + n) for place in town.LOOKS for n in range(2)]
    photos += [town.other(900 + n) for n in range(3)]
    paths = [tmp_path / f"asked {number}.png" for number in range(len(photos))]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(photo).save(path)
    return paths, [place for place in town.LOOKS for _ in range(2)] + [None] * 3
