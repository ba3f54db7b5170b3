"""Revisited Oxford and Paris on disk: a list of pictures, cropped queries, and what each should find.

The data sets come with `gnd_roxford5k.pkl` and `gnd_rparis6k.pkl`. A pickle runs what its author likes, so Lookalike
opens none; written as JSON once, the same file is read::

    {"imlist": ["all_souls_000013", …], "qimlist": ["all_souls_000013", …],
     "gnd": [{"bbx": [136.5, 34.1, 648.5, 955.7], "easy": [3, 9], "hard": [12], "junk": []}, …]}

`imlist` names the database and `qimlist` the queries, pictures `NAME.jpg` in the folder `jpg/`; the numbers are
positions in `imlist` from 0. A query is cropped to its box before it is embedded, as the protocol demands.

Source: Radenović, Iscen, Tolias, Avrithis & Chum, "Revisiting Oxford and Paris: Large-Scale Image Retrieval
Benchmarking" (2018), http://cmp.felk.cvut.cz/revisitop/.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.datasets.listed_files import ListedFiles
from lookalike.errors import DatasetError, InputError
from lookalike.images import RGBArray, read_picture

__all__ = ["QueryTruth", "RevisitedOxford", "read_revisited", "read_truth"]

#: How a pickle that is trusted becomes JSON.
CONVERSION = (
    'python -c \'import json, pickle, sys; json.dump(pickle.load(open(sys.argv[1], "rb")), open(sys.argv[2], "w"), '
    "default=lambda a: a.tolist())' {0}.pkl {0}.json"
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class QueryTruth:
    """What a query should find: positions in the database.

    Attributes:
        easy: shows the landmark clearly.
        hard: shows it with difficulty.
        junk: cannot be judged.

    Raises:
        InputError: a position is no whole number from 0, or is listed twice.
    """

    easy: tuple[int, ...] = ()
    hard: tuple[int, ...] = ()
    junk: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        every = [*self.easy, *self.hard, *self.junk]
        wrong = [i for i in every if not isinstance(i, int | np.integer) or isinstance(i, bool) or i < 0]
        if wrong:
            raise InputError(f"{wrong[0]!r} is no position in the database; positions are whole numbers from 0")
        if len(set(every)) < len(every):
            twice = next(i for i in every if every.count(i) > 1)
            raise InputError(f"image {twice} is listed twice among easy, hard and junk; it must be one of them")


@dataclass(frozen=True)
class RevisitedOxford:
    """One of the two data sets.

    Attributes:
        database: the pictures that are searched.
        queries: the pictures that are searched for, not cropped.
        boxes: of each query, left, top, right and bottom in pixels.
        truth: of each query, what it should find.
    """

    database: tuple[Path, ...]
    queries: tuple[Path, ...]
    boxes: tuple[Box, ...]
    truth: tuple[QueryTruth, ...]

    def query(self, number: int) -> RGBArray:
        """A query as it may be embedded: cropped to its box, `(h, w, 3)` uint8.

        Raises:
            ImageError: its picture cannot be read.
            DatasetError: its box lies outside of its picture.
        """
        pixels = read_picture(self.queries[number])
        left, top, right, bottom = (round(edge) for edge in self.boxes[number])
        cropped = pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        if not cropped.size:
            raise DatasetError(
                f"the box {self.boxes[number]} of query {number} holds nothing of {self.queries[number]}, which is "
                f"{pixels.shape[1]}×{pixels.shape[0]} pixels; check that picture and ground truth belong together"
            )
        return cropped


def read_revisited(truth_file: str | Path, pictures: str | Path | None = None) -> RevisitedOxford:
    """Read `gnd_roxford5k.json` or `gnd_rparis6k.json`, and where its pictures are.

    Args:
        truth_file: with the keys of the pickle: `imlist`, `qimlist`, `gnd`.
        pictures: the folder of the pictures; `jpg/` beside the file by default.

    Raises:
        DatasetError: as `read_truth`; a list is missing, of another length or names a picture that is not there; a box
            is none; or a position lies beyond the database.

    Example:
        >>> read_revisited("roxford5k/gnd_roxford5k.json").truth[0].easy  # doctest: +SKIP
        (3, 9)
    """
    file = Path(truth_file)
    content = _content(file)
    truth, entries = read_truth(file), _entries(file, content)
    if not isinstance(content, dict):
        raise DatasetError(f"{file} is a list; expected an object with imlist, qimlist and gnd, as in the pickle")
    folder = file.parent / "jpg" if pictures is None else Path(pictures)
    database, queries = (_paths(file, content, key, folder) for key in ("imlist", "qimlist"))
    if len(queries) != len(truth):
        raise DatasetError(f"{file} has {len(queries)} queries in qimlist and {len(truth)} in gnd; each needs one")
    for number, one in enumerate(truth):
        beyond = max((*one.easy, *one.hard, *one.junk), default=0)
        if beyond >= len(database):
            raise DatasetError(f"query {number} of {file} names image {beyond}; imlist has {len(database)}, from 0")
    boxes = tuple(_box(f"query {number} of {file}", entry) for number, entry in enumerate(entries))
    missing = [path for path in {*database, *queries} if not path.is_file()]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len({*database, *queries})} pictures of {file} do not exist, such as {min(missing)}; "
            "give the folder that holds them"
        )
    return RevisitedOxford(database, queries, boxes, truth)


def read_truth(path: str | Path) -> tuple[QueryTruth, ...]:
    """Read the ground truth alone from JSON.

    Where only vectors and the truth are at hand, neither names nor boxes are needed: of an object, `gnd` is read, and a
    list of objects with `easy`, `hard` and `junk` will do.

    Raises:
        DatasetError: the file is missing, a pickle, no JSON, or not built like this.
    """
    file = Path(path)
    truth = []
    for query, entry in enumerate(_entries(file, _content(file))):
        lists: list[Any] = [entry.get(kind) if isinstance(entry, dict) else None for kind in ("easy", "hard", "junk")]
        if not all(isinstance(some, list) for some in lists):
            raise DatasetError(f"query {query} of {file} lacks one of the lists easy, hard and junk")
        try:
            truth.append(QueryTruth(*(tuple(some) for some in lists)))
        except (InputError, TypeError) as error:
            raise DatasetError(f"query {query} of {file}: {error}") from None
    return tuple(truth)


def _content(file: Path) -> Any:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}); give the ground truth as a JSON file") from None
    if file.suffix == ".pkl" or data.startswith(b"\x80"):  # the latter begins a pickle since protocol 2
        raise DatasetError(
            f"{file} is no JSON but a pickle, which runs what its author likes and is never opened; if you trust it, "
            f"convert it once: {CONVERSION.format(file.stem)}"
        )
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{file} is no JSON ({error}); expected the ground truth as a JSON file") from None


def _entries(file: Path, content: Any) -> list[Any]:
    entries = content.get("gnd") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries:
        raise DatasetError(f"{file} holds no list of queries; expected one, or an object with such a list as 'gnd'")
    return entries


def _paths(file: Path, content: Mapping[str, Any], key: str, folder: Path) -> tuple[Path, ...]:
    names = content.get(key)
    if not isinstance(names, list) or not names:
        raise DatasetError(f"{file} holds no list {key!r}; expected the names of pictures, as in the pickle")
    for name in names:
        # The name becomes part of a path.
        if not isinstance(name, str) or not name or name.startswith(".") or {"/", "\\", "\0"} & set(name):
            raise DatasetError(f"{file}: {name!r} in {key} is no name of a picture")
    files = ListedFiles(folder)
    return tuple(files.sought(f"{name}.jpg", str(file)) for name in names)


def _box(where: str, entry: Mapping[str, Any]) -> Box:
    box = entry.get("bbx")
    if isinstance(box, list) and len(box) == 4 and all(isinstance(edge, int | float) for edge in box):
        left, top, right, bottom = (float(edge) for edge in box)
        if all(map(math.isfinite, box)) and left < right and top < bottom:
            return left, top, right, bottom
    raise DatasetError(f"{where} has the bbx {box!r}; expected [left, top, right, bottom] in pixels")
