"""The lists of pairs of Labeled Faces in the Wild: `pairs.txt` (View 2) and `pairsDevTrain.txt` and its like (View 1).

Source: Huang, Ramesh, Berg & Learned-Miller, "Labeled Faces in the Wild" (2007), https://vis-www.cs.umass.edu/lfw/.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.datasets.listed_files import ListedFiles
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["LfwPairs", "read_lfw_pairs"]


@dataclass(frozen=True, eq=False)
class LfwPairs:
    """Pairs of pictures in folds.

    Attributes:
        pictures: names of the pictures that occur, ``Name/Name_0001.jpg``, each once.
        identities: the name of the person of each, in its canonical form (`identity_names`).
        pairs: `(p, 2)` int64, the two pictures of each pair, as positions in `pictures`.
        genuine: `(p,)` bool, whether they show one person.
        folds: `(p,)` int64, the fold of each pair, from 0.
    """

    pictures: tuple[str, ...]
    identities: tuple[str, ...]
    pairs: npt.NDArray[np.int64]
    genuine: npt.NDArray[np.bool_]
    folds: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pairs)

    def paths(self, folder: str | Path) -> tuple[Path, ...]:
        """The picture files below the folder of LFW, in the order of `pictures`, as the disk spells them.

        Raises:
            DatasetError: some do not exist.
        """
        paths, there = self._sought(folder)
        if not there.all():
            missing = np.flatnonzero(~there)
            raise DatasetError(
                f"{len(missing)} of {len(paths)} pictures do not exist, such as {paths[missing[0]]}; give the folder "
                "that holds a folder per person, or leave out pairs that are not there (--existing-pairs)"
            )
        return paths

    def existing(self, folder: str | Path) -> LfwPairs:
        """The pairs whose pictures are both there, below the folder of LFW; folds keep their numbers.

        Raises:
            DatasetError: none is there.
        """
        paths, there = self._sought(folder)
        kept = there[self.pairs].all(axis=1)
        if not kept.any():
            raise DatasetError(
                f"none of {len(self)} pairs has both pictures below {folder}, such as {paths[0]}; give the folder that "
                "holds a folder per person"
            )
        used, pairs = np.unique(self.pairs[kept], return_inverse=True)
        return LfwPairs(
            tuple(self.pictures[at] for at in used),
            tuple(self.identities[at] for at in used),
            pairs.reshape(-1, 2).astype(np.int64),
            self.genuine[kept],
            self.folds[kept],
        )

    def _sought(self, folder: str | Path) -> tuple[tuple[Path, ...], npt.NDArray[np.bool_]]:
        """Where each picture is or should be, and `(n,)` whether it is there."""
        files = ListedFiles(Path(folder))
        paths = tuple(files.sought(name, str(folder)) for name in self.pictures)
        return paths, np.array([path.is_file() for path in paths], bool)


def read_lfw_pairs(path: str | Path) -> LfwPairs:
    r"""Read a list of pairs in LFW's format, fields separated by tabs.

    The first line holds the number of folds and of pairs n, or n alone for one fold. Each fold is n genuine lines
    ``name i j`` and then n impostor lines ``name i name j``; i and j count a person's pictures from 1.

    Raises:
        DatasetError: the file cannot be read, is cut off, goes on too long, or a line is damaged; with its number.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        ...     _ = file.write("1\nAda\t1\t2\nAda\t1\tBo\t3\n")
        ...     file.flush()
        ...     found = read_lfw_pairs(file.name)
        >>> found.pictures, found.pairs.tolist(), found.genuine.tolist()
        (('Ada/Ada_0001.jpg', 'Ada/Ada_0002.jpg', 'Bo/Bo_0003.jpg'), [[0, 1], [0, 2]], [True, False])
    """
    path = Path(path)
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise DatasetError(f"{path} is not UTF-8; it is no list of LFW pairs") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    while lines and not lines[-1].strip():
        lines.pop()
    folds, count = _header(path, lines)
    expected = 1 + 2 * folds * count
    if len(lines) != expected:
        what = "is cut off" if len(lines) < expected else "goes on too long"
        raise DatasetError(
            f"{path} {what}: its first line promises {how_many(folds, 'fold')} of 2 × {count} pairs, {expected} lines "
            f"with it; it has {len(lines)}"
        )
    pictures: dict[tuple[str, int], int] = {}
    genuine = np.tile(np.repeat([True, False], count), folds)
    pairs = np.empty((len(genuine), 2), np.int64)
    for i, line in enumerate(lines[1:]):
        for side, picture in enumerate(_pair(f"{path}, line {i + 2}", line, bool(genuine[i]))):
            pairs[i, side] = pictures.setdefault(picture, len(pictures))
    return LfwPairs(
        pictures=tuple(f"{name}/{name}_{number:04d}.jpg" for name, number in pictures),
        identities=tuple(name for name, _ in pictures),
        pairs=pairs,
        genuine=genuine,
        folds=np.repeat(np.arange(folds), 2 * count),
    )


def _header(path: Path, lines: list[str]) -> tuple[int, int]:
    fields = lines[0].split() if lines else []
    numbers = [int(field) for field in fields if _is_number(field)]
    if len(numbers) != len(fields) or len(fields) not in (1, 2) or min(numbers) < 1:
        raise DatasetError(
            f"{path}, line 1: {lines[0] if lines else ''!r}; expected the number of folds and of pairs in each, "
            "such as 10<tab>300, or the number of pairs alone"
        )
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0])


def _is_number(field: str) -> bool:
    return field.isascii() and field.isdigit() and len(field) < 10


def _pair(where: str, line: str, genuine: bool) -> tuple[tuple[str, int], tuple[str, int]]:
    fields = [field.strip() for field in line.strip().split("\t")]
    expected = "name<tab>i<tab>j (a genuine pair)" if genuine else "name<tab>i<tab>name<tab>j (an impostor pair)"
    numbers = fields[1:] if genuine else fields[1::2]
    if len(fields) != (3 if genuine else 4) or not all(_is_number(n) and int(n) > 0 for n in numbers):
        raise DatasetError(f"{where}: {line!r}; expected {expected}, separated by tabs, i and j from 1")
    names = [canonical_name(name) for name in ([fields[0]] * 2 if genuine else fields[::2])]
    for name in names:
        # The name becomes part of a path.
        if not name or name.startswith(".") or "/" in name or "\\" in name:
            raise DatasetError(f"{where}: {name!r} is no name of a folder")
    first, second = ((name, int(number)) for name, number in zip(names, numbers, strict=True))
    if first == second:
        raise DatasetError(f"{where}: {line!r} compares a picture with itself")
    if not genuine and names[0] == names[1]:
        raise DatasetError(f"{where}: {line!r} is in the place of an impostor pair, and names one person twice")
    return first, second
