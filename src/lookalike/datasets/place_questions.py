"""Photos to ask a recogniser about, with what they show: for measuring, not for learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookalike.counted_nouns import how_many
from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.landmark_solutions import read_recognition_solution
from lookalike.datasets.picture_set import PictureSet
from lookalike.datasets.places import NON_LANDMARK, non_landmark_pictures, place_pictures
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["RECOGNITION_SOLUTIONS", "RETRIEVAL_SOLUTIONS", "PlaceQuestions", "is_google_test", "read_questions"]

#: Names of the solutions, the newest first.
RECOGNITION_SOLUTIONS = ("recognition_solution_v2.1.csv", "recognition_solution.csv")
RETRIEVAL_SOLUTIONS = ("retrieval_solution_v2.1.csv", "retrieval_solution.csv")


@dataclass(frozen=True)
class PlaceQuestions:
    """Photos and the truth about them.

    Attributes:
        paths: of the photos.
        truth: per photo the canonical ids (`identity_names`) of all places it shows; empty where it shows none.
        notes: what was left out, and why.
    """

    paths: tuple[Path, ...]
    truth: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        truth = tuple(tuple(dict.fromkeys(map(canonical_name, places))) for places in self.truth)
        object.__setattr__(self, "truth", truth)

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def pictures(self) -> PictureSet:
        """The same as labelled pictures, by the first place of each, or `NON_LANDMARK`."""
        return PictureSet(self.paths, tuple(places[0] if places else NON_LANDMARK for places in self.truth), self.notes)

    def of(self, paths: Sequence[Path]) -> PlaceQuestions:
        """The questions about some of the photos, in the order of all; a photo given twice is asked about twice."""
        wanted = set(paths)
        kept = [i for i, path in enumerate(self.paths) if path in wanted]
        return PlaceQuestions(tuple(self.paths[i] for i in kept), tuple(self.truth[i] for i in kept), self.notes)


def is_google_test(folder: Path) -> bool:
    """Whether a folder is one of Google Landmarks v2 with test pictures or a recognition solution."""
    if GoogleLandmarks.is_one(folder):
        return True
    try:
        return (folder / "test").is_dir() and GoogleLandmarks(folder).csv(*RECOGNITION_SOLUTIONS).is_file()
    except DatasetError:
        return False


def read_questions(
    source: str | Path, non_landmarks: str | Path | None = None, classes_at: int | None = None
) -> PlaceQuestions:
    """Read photos to be recognised.

    Args:
        source: a folder per place (a subfolder `non-landmark` shows none), a CSV of `path,identity`, or a folder of
            Google Landmarks v2, of which `test/` is read as its recognition solution says, without what that ignores.
        non_landmarks: a folder of further photos that show none.
        classes_at: of a folder per place, at which depth the places' folders lie (`read_image_folder`).

    Raises:
        DatasetError: as `place_pictures`; a folder of Google Landmarks without the solution or without the pictures;
            or no photo shows a place.

    Example:
        >>> read_questions("gldv2/").truth[0]  # doctest: +SKIP
        ('138982',)
    """
    folder = Path(source)
    if is_google_test(folder):
        asked = _google(folder)
        extra = () if non_landmarks is None else tuple(non_landmark_pictures(non_landmarks))
        asked = PlaceQuestions(asked.paths + extra, asked.truth + ((),) * len(extra), asked.notes)
    else:
        pictures = place_pictures(source, non_landmarks, classes_at)
        truth = tuple(() if name == NON_LANDMARK else (name,) for name in pictures.identities)
        asked = PlaceQuestions(pictures.paths, truth, pictures.notes)
    if not any(asked.truth):
        raise DatasetError(f"none of {how_many(len(asked), 'picture')} of {source} shows a place; give photos of some")
    return asked


def _google(folder: Path) -> PlaceQuestions:
    data = GoogleLandmarks(folder)
    path = data.csv(*RECOGNITION_SOLUTIONS)
    solution = read_recognition_solution(path)
    counted = solution.counted()
    ids = [name for name in counted if data.picture("test", name).is_file()]
    if not ids:
        raise DatasetError(
            f"none of the {len(counted)} pictures that count in {path} is below {folder / 'test'}; each lies at "
            "a/b/c/ID.jpg, a, b and c being the first three digits of its id"
        )
    notes = []
    if len(ids) < len(counted):
        notes.append(f"{len(counted) - len(ids)} of {len(counted)} pictures of {path.name} are not below test/")
    if ignored := len(solution.usage) - len(counted):
        notes.append(f"{how_many(ignored, 'picture is', 'pictures are')} ignored by {path.name} and left out")
    return PlaceQuestions(
        tuple(data.picture("test", name) for name in ids), tuple(solution.right[name] for name in ids), tuple(notes)
    )
