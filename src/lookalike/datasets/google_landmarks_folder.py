"""Makes a folder in the layout of Google Landmarks v2 from any labelled pictures."""

from __future__ import annotations

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from PIL import Image

from lookalike.atomic_files import check_replaceable, write_atomically, written_folder
from lookalike.datasets.google_landmarks import GoogleLandmarks
from lookalike.datasets.landmark_solutions import Solution, write_solution
from lookalike.datasets.picture_set import PictureSet
from lookalike.datasets.places import NON_LANDMARK, split_non_landmarks
from lookalike.errors import DatasetError, InputError
from lookalike.images import picture_bytes, read_picture

__all__ = ["write_google_landmarks"]

#: What a folder must hold to be replaced.
MARKER = "metadata/recognition_solution_v2.1.csv"
JPEG = b"\xff\xd8\xff"

Key = TypeVar("Key", int, str)


def write_google_landmarks(
    folder: str | Path,
    train: PictureSet,
    index: PictureSet,
    test: PictureSet,
    public: float = 1 / 3,
    replace: bool = False,
) -> GoogleLandmarks:
    """Write pictures and CSVs as Google Landmarks v2 has them, whole or not at all.

    Pictures of identity `NON_LANDMARK` in `train`, for which the layout has no place, go to `non-landmark/` beside
    `train/`, where `place_pictures` finds them; in `test` they show no landmark. A place in `test` that is not in
    `train` shows no landmark *of the data set*, and its landmarks are left empty, as in the original. A test picture
    of a place without index pictures is ignored in the retrieval solution.

    Landmark ids number the places of `train` and `index` in sorted order; where all are whole numbers already, they
    stay. Picture ids are hashes of the pictures; JPEG files are copied, others become JPEG of quality 95.

    Args:
        folder: to be made.
        train: photos of places, and pictures that show none.
        index: photos of places, to be found by retrieval.
        test: photos of places, and pictures that show none.
        public: about which share of the test pictures is Public; the rest is Private.
        replace: whether a folder that is there already may be replaced.

    Raises:
        DatasetError: a set is empty, `index` holds non-landmarks, or `test` no place of `train`.
        ImageError: a picture cannot be read.
        StorageError: it cannot be written; what was there is unharmed.

    Example:
        >>> write_google_landmarks("made/", train, index, test).train()  # doctest: +SKIP
    """
    if not 0 <= public <= 1:
        raise InputError(f"public is {public}; expected the share of test pictures that are Public, 0 to 1")
    folder = Path(folder)
    places, others = split_non_landmarks(train)
    if not len(places) or not len(index) or NON_LANDMARK in index.names:
        raise DatasetError(
            f"{len(places)} train and {len(index)} index photos were given, {index.identities.count(NON_LANDMARK)} of "
            "the latter non-landmarks; both need photos of places, and the index nothing else"
        )
    if not set(test.names) & set(places.names):
        raise DatasetError(f"none of {len(test)} test pictures shows a place of the train set; there is nothing to ask")
    number = _numbers([*places.names, *index.names])
    check_replaceable(folder, MARKER, replace)
    with written_folder(folder) as partial:
        made = GoogleLandmarks(partial)
        _write_pictures(made, NON_LANDMARK, others.paths)
        (partial / "metadata").mkdir()
        _write_train(made, places, number)
        index_ids = _write_index(made, index, number)
        _write_test(made, test, set(places.names), number, public, _grouped(index.identities, index_ids))
    return GoogleLandmarks(folder)


def _write_train(made: GoogleLandmarks, places: PictureSet, number: Mapping[str, int]) -> None:
    metadata = made.folder / "metadata"
    ids = _write_pictures(made, "train", places.paths)
    shown = [number[name] for name in places.identities]
    rows = zip(ids, places.paths, shown, strict=True)
    _write(metadata / "train.csv", "id,url,landmark_id", (f"{i},{_address(path)},{n}" for i, path, n in rows))
    _write(
        metadata / "train_clean.csv",
        "landmark_id,images",
        (f"{n},{' '.join(mine)}" for n, mine in sorted(_grouped(shown, ids).items())),
    )
    _write_categories(metadata, "train", places.names, number)


def _write_index(made: GoogleLandmarks, index: PictureSet, number: Mapping[str, int]) -> list[str]:
    metadata = made.folder / "metadata"
    ids = _write_pictures(made, "index", index.paths)
    _write(metadata / "index.csv", "id", ids)
    _write(
        metadata / "index_image_to_landmark.csv",
        "id,landmark_id",
        (f"{i},{number[name]}" for i, name in zip(ids, index.identities, strict=True)),
    )
    _write_categories(metadata, "index", index.names, number)
    return ids


def _write_test(
    made: GoogleLandmarks,
    test: PictureSet,
    known: set[str],
    number: Mapping[str, int],
    public: float,
    index_ids: Mapping[str, Sequence[str]],
) -> None:
    """Pictures and solutions; `known` are places of the train set, `index_ids` the index pictures of each place."""
    metadata = made.folder / "metadata"
    ids = _write_pictures(made, "test", test.paths)
    _write(metadata / "test.csv", "id", ids)
    usage = {i: "Public" if int(i, 16) / 2**64 < public else "Private" for i in ids}
    whose = dict(zip(ids, test.identities, strict=True))
    landmarks = {i: (str(number[name]),) if name in known else () for i, name in whose.items()}
    write_solution(made.folder / MARKER, Solution(landmarks, usage), "landmarks")
    images = {i: tuple(index_ids.get(name, ())) for i, name in whose.items()}
    asked = {i: part if images[i] else "Ignored" for i, part in usage.items()}
    write_solution(metadata / "retrieval_solution_v2.1.csv", Solution(images, asked), "images")


def _write_categories(metadata: Path, split: str, names: Iterable[str], number: Mapping[str, int]) -> None:
    _write(
        metadata / f"{split}_label_to_category.csv",
        "landmark_id,category",
        (f"{n},{_category(name)}" for n, name in sorted((number[name], name) for name in names)),
    )


def _numbers(names: Iterable[str]) -> dict[str, int]:
    every = sorted(set(names))
    if all(name.isascii() and name.isdigit() and name == str(int(name)) for name in every):
        return {name: int(name) for name in every}
    return {name: n for n, name in enumerate(every)}


def _write_pictures(made: GoogleLandmarks, split: str, paths: Sequence[Path]) -> list[str]:
    """Write pictures and return their ids; equal pictures get one each."""
    ids: list[str] = []
    taken: set[str] = set()
    for path in paths:
        pixels, content = read_picture(path), picture_bytes(path)  # decoded first: a damaged file is not passed on
        if not content.startswith(JPEG):
            encoded = io.BytesIO()
            Image.fromarray(pixels).save(encoded, "JPEG", quality=95)
            content = encoded.getvalue()
        digest, copies = hashlib.sha256(split.encode() + b"\0" + content), 0
        while (picture_id := digest.hexdigest()[:16]) in taken:
            copies += 1
            digest.update(copies.to_bytes(8, "big"))
        taken.add(picture_id)
        ids.append(picture_id)
        target = made.picture(split, picture_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return ids


def _grouped(keys: Sequence[Key], ids: Sequence[str]) -> Mapping[Key, list[str]]:
    groups: dict[Key, list[str]] = defaultdict(list)
    for key, picture_id in zip(keys, ids, strict=True):
        groups[key].append(picture_id)
    return dict(groups)


def _address(path: Path) -> str:
    return "file:///" + quote(f"{path.parent.name}/{path.name}", errors="surrogateescape")


def _category(name: str) -> str:
    """The inverse of `google_landmarks.category_name`: there an underscore is a space."""
    text = quote(name, safe="", errors="surrogateescape").replace("_", "%5F").replace("%20", "_")
    return f"http://commons.wikimedia.org/wiki/Category:{text}"


def _write(path: Path, header: str, rows: Iterable[str]) -> None:
    write_atomically(path, "".join(f"{row}\n" for row in (header, *rows)).encode("ascii"))
