"""All templates of a gallery as arrays: what a diagnosis compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.distances import MetricName, pairwise
from lookalike.gallery.gallery import Gallery
from lookalike.progress import ProgressSink, counted

__all__ = ["StoredTemplates"]

Integers = npt.NDArray[np.int64]

#: Templates read at a time.
PAGE = 10_000
#: Templates of an identity that are compared with those of others: as many as this, spread evenly over its enrolment.
MOST_COMPARED = 64


@dataclass(frozen=True, eq=False)
class StoredTemplates:
    """Templates in order of their ids, and which are whose. A million of 128 numbers take 0.6 GB.

    Attributes:
        ids: `(n,)` int64, ascending.
        vectors: `(n, d)` float32.
        qualities: `(n,)` float64; NaN where none is stored.
        codes: `(n,)` int64: the position in `names` of each template's identity.
        names: of all identities, in order of their first template.
        metric: of the distances.
        change: the gallery's last change before they were read.
    """

    ids: Integers
    vectors: npt.NDArray[np.float32]
    qualities: npt.NDArray[np.float64]
    codes: Integers
    names: tuple[str, ...]
    metric: MetricName
    change: int
    _order: Integers = field(init=False, repr=False)
    _starts: Integers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        order = np.argsort(self.codes, kind="stable")
        object.__setattr__(self, "_order", order)
        object.__setattr__(self, "_starts", np.searchsorted(self.codes[order], np.arange(len(self.names) + 1)))

    @classmethod
    def read(cls, gallery: Gallery, progress: ProgressSink | None = None) -> StoredTemplates:
        """Read a gallery, a page at a time; identities that change meanwhile are read as one or the other.

        Raises:
            StorageError: the disk is failing.
        """
        counts, model = gallery.counts(), gallery.model
        if model is None:
            return cls.of([], np.empty((0, 1), np.float32), [], "cosine")
        done = counted(progress, "Reading templates", counts.templates)
        ids: list[int] = []
        codes: list[int] = []
        qualities: list[float] = []
        vectors: list[npt.NDArray[np.float32]] = []
        known: dict[str, int] = {}
        while page := gallery.templates_page(limit=PAGE, after=ids[-1] if ids else 0):
            ids += [one.id for one in page]
            codes += [known.setdefault(one.identity, len(known)) for one in page]
            qualities += [np.nan if one.quality is None else one.quality for one in page]
            vectors.append(np.stack([one.vector for one in page]))
            done(len(page))
        stacked = np.concatenate(vectors) if vectors else np.empty((0, model.dimension), np.float32)
        return cls(
            np.array(ids, np.int64),
            stacked,
            np.array(qualities, np.float64),
            np.array(codes, np.int64),
            tuple(known),
            model.metric,
            counts.change,
        )

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        vectors: npt.ArrayLike,
        qualities: Sequence[float | None] = (),
        metric: MetricName = "cosine",
    ) -> StoredTemplates:
        """Templates that are in no gallery: one name and one vector each, numbered from 1.

        Example:
            >>> StoredTemplates.of(["Ada", "Bob", "Ada"], [[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]]).rows(0).tolist()
            [0, 2]
        """
        known: dict[str, int] = {}
        codes = [known.setdefault(name, len(known)) for name in names]
        given = [np.nan if one is None else one for one in qualities] or [np.nan] * len(names)
        return cls(
            np.arange(1, len(names) + 1, dtype=np.int64),
            np.asarray(vectors, np.float32).reshape(len(names), -1) if len(names) else np.empty((0, 1), np.float32),
            np.array(given, np.float64),
            np.array(codes, np.int64),
            tuple(known),
            metric,
            0,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def sizes(self) -> Integers:
        """`(identities,)` templates of each."""
        return np.diff(self._starts)

    def rows(self, code: int) -> Integers:
        """Rows of an identity's templates, in order of enrolment."""
        return self._order[self._starts[code] : self._starts[code + 1]]

    def compared_rows(self, code: int, without: npt.NDArray[np.bool_]) -> Integers:
        """Those of them that stand for the identity beside others: at most `MOST_COMPARED`, and none of `without`."""
        mine = self.rows(code)
        mine = mine[~without[mine]]
        if len(mine) <= MOST_COMPARED:
            return mine
        return mine[np.linspace(0, len(mine) - 1, MOST_COMPARED).round().astype(np.int64)]

    def distances(self, first: Integers, second: Integers) -> npt.NDArray[np.float64]:
        """`(f, s)` distances between the templates of some rows and those of others."""
        return np.asarray(pairwise(self.vectors[first], self.vectors[second], self.metric), np.float64)

    def row_of(self, ids: npt.ArrayLike) -> Integers:
        """Rows of template ids; -1 for one that is not here."""
        wanted = np.asarray(ids, np.int64)
        at = np.minimum(np.searchsorted(self.ids, wanted), max(0, len(self.ids) - 1))
        return np.where(self.ids[at] == wanted, at, -1) if len(self.ids) else np.full(wanted.shape, -1, np.int64)
