"""A set of synthetic photos on disk: rendered by worker processes, kept, complete or not there."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from lookalike.atomic_files import rename_durably, sync_tree, write_atomically
from lookalike.csv_rows import named_rows
from lookalike.datasets.places import NON_LANDMARK
from lookalike.errors import ArtefactError, InputError, LookalikeError, MissingDependencyError, StorageError
from lookalike.landmarks.place import Place
from lookalike.progress import ProgressSink
from lookalike.samples.buildings.plan import (
    SPLITS,
    PhotoSetOptions,
    Shot,
    place_of,
    plan_non_landmarks,
    plan_place,
)
from lookalike.samples.buildings.workers import render_units

__all__ = ["PhotoSetOptions", "SyntheticLandmarks", "cache_folder", "render_landmarks"]

#: Changes whenever the same arguments would give other pictures.
_VERSION = 1
_CARD = "synthetic-landmarks.json"
_PHOTO_COLUMNS = (
    "path", "identity", "split", "latitude", "longitude", "azimuth", "elevation", "distance", "hour", "weather",
)  # fmt: skip
_PLACE_COLUMNS = ("identity", "name", "latitude", "longitude")
#: Non-landmark pictures a worker renders before it takes new work.
_BATCH = 25


@dataclass(frozen=True)
class SyntheticLandmarks:
    """Where a rendered set lies.

    Attributes:
        folder: of the whole set.
        places: in the order of their numbers.
        azimuth_gap: the least angle, in degrees, between a test and a training photo of one place, over all places.
    """

    folder: Path
    places: tuple[Place, ...]
    azimuth_gap: float

    @property
    def train(self) -> Path:
        """A folder per place, to learn from and to enroll."""
        return self.folder / "train"

    @property
    def test(self) -> Path:
        """A folder per place, from viewpoints and in light that training photos do not have."""
        return self.folder / "test"

    def non_landmarks(self, split: str) -> Path:
        """A folder of pictures that show no landmark: `train`, `calibration` or `test`."""
        if split not in SPLITS:
            raise InputError(f"non-landmarks come as {', '.join(SPLITS)}, not {split!r}")
        return self.folder / NON_LANDMARK / split

    @property
    def photos_csv(self) -> Path:
        """A row a photo: path, identity, split, coordinates, and how it was taken."""
        return self.folder / "photos.csv"

    @property
    def places_csv(self) -> Path:
        """A row a place: identity, name, latitude, longitude."""
        return self.folder / "places.csv"


def cache_folder() -> Path:
    """Where rendered sets are kept: `$LOOKALIKE_CACHE`, or `~/.cache/lookalike`."""
    return Path(os.environ.get("LOOKALIKE_CACHE") or Path.home() / ".cache" / "lookalike")


def render_landmarks(
    options: PhotoSetOptions | None = None,
    folder: str | Path | None = None,
    *,
    workers: int | None = None,
    progress: ProgressSink | None = None,
) -> SyntheticLandmarks:
    """Render a set of landmarks, or return it when it is there already.

    Every place is a building of its own; of every four, two are look-alikes. Surroundings are drawn anew for every
    photo, so only the building shows where it was taken. The folder appears when it is complete; a rendering that was
    stopped goes on where it stopped.

    Args:
        options: which photos; by default 48 places.
        folder: where to; by default one in `cache_folder()` named after the version and the options.
        workers: processes; by default 2. With more than one, a script needs the `if __name__ == "__main__":` guard.
        progress: told of the pictures that are done, as the stage `"Rendering"`.

    Raises:
        InputError: workers below 1.
        MissingDependencyError: VTK is not installed, or the system lacks the library it draws with.
        StorageError: the folder holds something else, or cannot be written.
        ArtefactError: a set that was rendered before has lost pictures.

    Example:
        >>> made = render_landmarks(PhotoSetOptions(landmarks=4, photos=(2, 3), test_photos=1))  # doctest: +SKIP
        >>> made.places[0].name  # doctest: +SKIP
        'Twin towers 01'
    """
    if workers is not None and workers < 1:
        raise InputError(f"workers must be 1 or more, not {workers}")
    options = options or PhotoSetOptions()
    arguments = _arguments(options)
    target = Path(folder).absolute() if folder is not None else _cached(arguments)
    if (found := _found(target, arguments)) is not None:
        return found
    if importlib.util.find_spec("vtkmodules") is None:
        raise MissingDependencyError(
            "rendering landmarks needs VTK, which is not installed; pip install 'lookalike[synthetic]'"
        )
    working = target.with_name(f".{target.name}.rendering")
    try:
        with _held(target):
            if (found := _found(target, arguments)) is not None:  # another process made it meanwhile
                shutil.rmtree(working, ignore_errors=True)
                return found
            _render(options, working, target, workers, progress)
    except OSError as error:
        if isinstance(error, LookalikeError):
            raise
        raise StorageError(
            f"{target} could not be written: {error.strerror or error}; free the disk and run it again"
        ) from error
    made = _found(target, arguments)
    assert made is not None
    return made


@contextmanager
def _held(target: Path) -> Iterator[None]:
    """Wait until no other process renders this set; the system releases the lock however this process ends."""
    lock = target.with_name(f".{target.name}.rendering.lock")
    with FileLock(lock):
        try:
            yield
        finally:
            # While it is held: whoever waits for a file that is gone makes a new one. Windows removes it by itself.
            with suppress(PermissionError):
                lock.unlink(missing_ok=True)


def _arguments(options: PhotoSetOptions) -> dict[str, Any]:
    """The options as they are kept beside the pictures: as JSON has them, and with the version."""
    kept: dict[str, Any] = json.loads(json.dumps({"version": _VERSION} | asdict(options)))
    return kept


def _cached(arguments: dict[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:12]
    return cache_folder() / f"synthetic-landmarks-v{_VERSION}-{digest}"


def _render(
    options: PhotoSetOptions, working: Path, target: Path, workers: int | None, progress: ProgressSink | None
) -> None:
    """Take what is left of the photos, and put the set at `target`; called with the working folder held."""
    units = _units(options)
    _start(working, _arguments(options))
    try:
        render_units(units, working, options.size, options.seed, workers, progress)
    except BaseException:
        if not any((working / "done").iterdir()):  # there is nothing to go on with
            shutil.rmtree(working, ignore_errors=True)
        raise
    _finish(units, working, target, _arguments(options))


def _found(target: Path, arguments: dict[str, Any]) -> SyntheticLandmarks | None:
    """The finished set at `target`; None where there is none yet."""
    try:
        if not target.exists() or (target.is_dir() and not any(target.iterdir())):
            return None
        card = json.loads((target / _CARD).read_text("utf-8"))
        (target / "photos.csv").open("rb").close()  # a set without it is not finished
        paths = [path for _, (path,) in named_rows(target / "photos.csv", ("path",))]
    except (FileNotFoundError, NotADirectoryError):
        raise StorageError(
            f"{target} exists and holds no finished set of synthetic landmarks; choose another folder"
        ) from None
    except OSError as error:
        raise StorageError(f"{target} cannot be read: {error.strerror}; check its permissions") from error
    except (ValueError, KeyError) as error:
        raise ArtefactError(
            f"{target / _CARD} or photos.csv beside it is damaged ({error}); delete the folder and render it again"
        ) from None
    if card.get("arguments") != arguments:
        raise StorageError(
            f"{target} holds synthetic landmarks of other arguments ({card.get('arguments')}); choose another folder"
        )
    lost = [path for path in paths if not (target / path).is_file()]
    if lost:
        raise ArtefactError(
            f"{target} has lost {len(lost)} of its pictures, first {lost[0]}; delete the folder and render it again"
        )
    return SyntheticLandmarks(target, tuple(Place(**place) for place in card["places"]), card["azimuth_gap"])


def _units(options: PhotoSetOptions) -> dict[str, list[Shot]]:
    """What a worker renders before it takes new work, by name: a place, or some pictures without one."""
    seed, places = options.seed, options.landmarks
    units = {
        f"place-{number:05d}": plan_place(seed, number, places, options.photos, options.test_photos)
        for number in range(places)
    }
    for split, count in zip(SPLITS, options.non_landmarks, strict=True):
        for first in range(0, count, _BATCH):
            units[f"{split}-{first:05d}"] = plan_non_landmarks(seed, split, first, min(_BATCH, count - first))
    return units


def _start(working: Path, arguments: dict[str, Any]) -> None:
    """An empty working folder, or what an earlier rendering with these arguments left there."""
    working.mkdir(parents=True, exist_ok=True)
    begun_with = working / "arguments.json"
    wanted = json.dumps(arguments).encode()
    if not begun_with.is_file() or begun_with.read_bytes() != wanted:
        for part in ("done", "set"):
            if (working / part).is_dir():
                shutil.rmtree(working / part)
        write_atomically(begun_with, wanted)
    (working / "done").mkdir(exist_ok=True)


def _finish(units: dict[str, list[Shot]], working: Path, target: Path, arguments: dict[str, Any]) -> None:
    """Put the lists beside the pictures, force all to disk, and give the folder its name."""
    made = working / "set"
    made.mkdir(exist_ok=True)
    rows = [row for name in sorted(units) for row in json.loads((working / "done" / f"{name}.json").read_text("utf-8"))]
    places = [place_of(arguments["seed"], number) for number in range(arguments["landmarks"])]
    _write_csv(made / "photos.csv", _PHOTO_COLUMNS, sorted(rows))
    _write_csv(made / "places.csv", _PLACE_COLUMNS, [list(asdict(place).values()) for place in places])
    card = {
        "what": "synthetic landmarks, rendered by lookalike; not photographs",
        "arguments": arguments, "azimuth_gap": _azimuth_gap(rows), "places": [asdict(place) for place in places],
    }  # fmt: skip
    write_atomically(made / _CARD, json.dumps(card, indent=1).encode())
    sync_tree(made)
    if target.is_dir():  # an empty one, or it would have been refused
        target.rmdir()
    rename_durably(made, target)
    for done in (working / "done").glob("*.json"):
        done.unlink()
    (working / "done").rmdir()
    (working / "arguments.json").unlink()
    working.rmdir()


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def _azimuth_gap(rows: Sequence[Sequence[str]]) -> float:
    """The least angle between a test and a training photo of one place, degrees; 180 where none is tested."""
    angles: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        angles.setdefault((row[1], row[2]), []).append(float(row[5]))
    gap = 180.0
    for (identity, split), tested in angles.items():
        if split == "test" and identity != NON_LANDMARK:
            turns = np.subtract.outer(tested, angles[identity, "train"])
            gap = min(gap, float(np.abs((turns + 180) % 360 - 180).min()))
    return round(gap, 2)
