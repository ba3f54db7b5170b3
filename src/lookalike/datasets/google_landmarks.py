"""A folder of Google Landmarks v2: pictures at `a/b/c/ID.jpg`, and the CSVs that say what they show.

::

    FOLDER/
      train/0/1/2/0123456789abcdef.jpg     likewise index/ and test/
      train.csv                            id,url,landmark_id
      train_clean.csv                      landmark_id,images (ids, separated by spaces)
      index.csv, test.csv                  id
      index_image_to_landmark.csv          id,landmark_id
      train_label_to_category.csv          landmark_id,category (an address at Wikimedia Commons)
      train_label_to_hierarchical.csv      landmark_id,category,supercategory,hierarchical_label,natural_or_human_made
      recognition_solution_v2.1.csv        id,landmarks,Usage
      retrieval_solution_v2.1.csv          id,images,Usage

CSVs may also lie in `metadata/` and `ground_truth/`, as the repository has them. An id is 16 hexadecimal digits, a
landmark's id a whole number. The numbers of the index set are *not* those of the train set; those of the recognition
solution are.

Source: Weyand, Araujo, Cao & Sim, "Google Landmarks Dataset v2" (2020), and the repository
https://github.com/cvdfoundation/google-landmark, version 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from lookalike.counted_nouns import how_many
from lookalike.csv_rows import named_rows
from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["GoogleLandmarks", "LandmarkKind", "ListedPictures", "checked_id", "checked_landmark"]

Value = TypeVar("Value")

#: Where CSVs may lie, below the folder.
CSV_FOLDERS = ("", "metadata", "ground_truth")
CATEGORY_FILES = ("{}_label_to_category.csv", "{}_label_to_hierarchical.csv")


@dataclass(frozen=True)
class ListedPictures:
    """Pictures that a list names, without what they show.

    Attributes:
        ids: of those that are there.
        paths: of each.
        missing: ids that are listed, but whose file is not there.
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    missing: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class LandmarkKind:
    """What kind of landmark it is, as the hierarchical labels say; empty where they do not.

    Attributes:
        supercategory: for example "castle".
        hierarchical_label: from coarse to fine, for example "architecture / castle-fort".
        natural_or_human_made: "natural" or "human-made".
    """

    supercategory: str
    hierarchical_label: str
    natural_or_human_made: str


@dataclass(frozen=True)
class GoogleLandmarks:
    """A folder in the layout above; nothing is read before it is asked for.

    Attributes:
        folder: holds `train/`, `index/` or `test/`, as far as they were downloaded.

    Raises:
        DatasetError: by every method: a file is missing, a row is malformed (the message names its line), or no picture
            of a list is there.

    Example:
        >>> GoogleLandmarks(Path("gldv2")).picture("train", "0123456789abcdef").as_posix()
        'gldv2/train/0/1/2/0123456789abcdef.jpg'
    """

    folder: Path

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Whether a folder looks like this layout: a `train/` and its CSV."""
        files = ("train.csv", "train_clean.csv")
        try:
            return (folder / "train").is_dir() and any((folder / p / f).is_file() for p in CSV_FOLDERS for f in files)
        except OSError:  # a folder that may not be read: the error is raised where it is read
            return False

    def picture(self, split: str, picture_id: str) -> Path:
        """Where a picture lies."""
        return Path(self.folder, split, *picture_id[:3], f"{picture_id}.jpg")

    def csv(self, *names: str) -> Path:
        """The first of these CSVs that is there."""
        for name in names:
            for place in CSV_FOLDERS:
                if (path := self.folder / place / name).is_file():
                    return path
        raise DatasetError(
            f"{self.folder} holds no {' or '.join(names)}, nor do its metadata/ and ground_truth/; download it from "
            "https://github.com/cvdfoundation/google-landmark"
        )

    def train(self, clean: bool | None = None) -> PictureSet:
        """The train set, identities being landmark ids.

        Args:
            clean: from `train_clean.csv` (True) or `train.csv` (False); by default the first of the two that is there.

        Returns:
            the pictures that are there; how many are missing is in the notes.
        """
        names = {None: ("train_clean.csv", "train.csv"), True: ("train_clean.csv",), False: ("train.csv",)}[clean]
        path = self.csv(*names)
        return self._pictures("train", path, _clean(path) if path.name == "train_clean.csv" else _labelled(path))

    def index(self) -> PictureSet:
        """The index set, identities being landmark ids of the index set's own."""
        path = self.csv("index_image_to_landmark.csv")
        return self._pictures("index", path, _labelled(path))

    def test(self) -> ListedPictures:
        """The test pictures; what they show is in the solutions."""
        path = self.csv("test.csv", "recognition_solution_v2.1.csv", "recognition_solution.csv")
        found: list[str] = []
        missing: list[str] = []
        for where, (name,) in named_rows(path, ("id",)):
            picture_id = checked_id(name, where)
            (found if self.picture("test", picture_id).is_file() else missing).append(picture_id)
        if not found:
            raise self._nothing("test", path, len(missing))
        return ListedPictures(tuple(found), tuple(self.picture("test", i) for i in found), tuple(missing))

    def names(self, split: str = "train") -> dict[str, str]:
        """Readable names by landmark id, from the categories at Wikimedia Commons.

        Args:
            split: "train" or "index", whose numbers differ.
        """
        path = self.csv(*(name.format(split) for name in CATEGORY_FILES))
        names: dict[str, str] = {}
        for where, (landmark, category) in named_rows(path, ("landmark_id", "category"), ("category",)):
            number = checked_landmark(landmark, where)
            _put(names, number, category_name(category) or number, where)
        return names

    def kinds(self, split: str = "train") -> dict[str, LandmarkKind]:
        """What kinds of landmarks they are, by landmark id."""
        columns = ("supercategory", "hierarchical_label", "natural_or_human_made")
        rows = named_rows(self.csv(f"{split}_label_to_hierarchical.csv"), ("landmark_id", *columns), columns)
        kinds: dict[str, LandmarkKind] = {}
        for where, (landmark, *fields) in rows:
            _put(kinds, checked_landmark(landmark, where), LandmarkKind(*fields), where)
        return kinds

    def _pictures(self, split: str, path: Path, rows: Iterable[tuple[str, str, str]]) -> PictureSet:
        landmarks: dict[str, str] = {}
        rows_read = 0
        for where, picture_id, landmark in rows:
            before = landmarks.setdefault(picture_id, landmark)
            if before != landmark:
                raise DatasetError(
                    f"{where}: {picture_id} shows landmark {landmark} here and {before} above; a picture has one"
                )
            rows_read += 1
        repeated = rows_read - len(landmarks)
        paths, identities = [], []
        for picture_id, landmark in landmarks.items():
            if (picture := self.picture(split, picture_id)).is_file():
                paths.append(picture)
                identities.append(landmark)
        missing = len(landmarks) - len(paths)
        if not paths:
            raise self._nothing(split, path, missing)
        notes = []
        if missing:
            notes.append(f"{missing} of {len(landmarks)} pictures of {path.name} are not below {split}/ and left out")
        if repeated:
            notes.append(
                f"{how_many(repeated, 'picture is', 'pictures are')} listed again in {path.name} and counted once"
            )
        return PictureSet(tuple(paths), tuple(identities), tuple(notes))

    def _nothing(self, split: str, path: Path, missing: int) -> DatasetError:
        return DatasetError(
            f"none of the {missing} pictures of {path} is below {self.folder / split}; each lies at a/b/c/ID.jpg, a, b "
            "and c being the first three digits of its id"
        )


def _labelled(path: Path) -> Iterator[tuple[str, str, str]]:
    for where, (picture_id, landmark) in named_rows(path, ("id", "landmark_id")):
        yield where, checked_id(picture_id, where), checked_landmark(landmark, where)


def _clean(path: Path) -> Iterator[tuple[str, str, str]]:
    for where, (landmark, images) in named_rows(path, ("landmark_id", "images")):
        name = checked_landmark(landmark, where)
        for picture_id in images.split():
            yield where, checked_id(picture_id, where), name


def checked_id(text: str, where: str) -> str:
    """A picture's id, or a `DatasetError` that says where it is: it becomes part of a path."""
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise DatasetError(f"{where}: {text!r} is no picture id; expected 16 hex digits such as 0123456789abcdef")
    return text


def checked_landmark(text: str, where: str) -> str:
    """A landmark's id, or a `DatasetError` that says where it is."""
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise DatasetError(f"{where}: {text!r} is no landmark id; expected a whole number such as 138982")
    return str(int(text))


def _put(known: dict[str, Value], landmark: str, value: Value, where: str) -> None:
    if known.setdefault(landmark, value) != value:
        raise DatasetError(f"{where}: landmark {landmark} is {value!r} here and {known[landmark]!r} above; choose one")


def category_name(address: str) -> str:
    """The readable name in a category's address; an underscore stands for a space.

    Example:
        >>> category_name("http://commons.wikimedia.org/wiki/Category:Ch%C3%A2teau_d%27If")
        "Château d'If"
    """
    name = address.rpartition("/wiki/")[2]
    return canonical_name(unquote(name.removeprefix("Category:").replace("_", " ")))
