"""A set of labelled pictures: where they are, and whose they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.errors import DatasetError
from lookalike.identity_names import canonical_name

__all__ = ["PictureSet"]


@dataclass(frozen=True)
class PictureSet:
    """Pictures on disk with their identities; nothing is decoded.

    Attributes:
        paths: picture files.
        identities: the identity of each, same length; kept in their canonical form (`identity_names`).
        notes: remarks of the reader on the data, one line each.

    Raises:
        DatasetError: the two differ in length.
    """

    paths: tuple[Path, ...]
    identities: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if len(self.paths) != len(self.identities):
            identities = how_many(len(self.identities), "identity", "identities")
            raise DatasetError(f"{how_many(len(self.paths), 'picture')} came with {identities}; give one each")
        canonical = {name: canonical_name(name) for name in set(self.identities)}
        if any(name != kept for name, kept in canonical.items()):
            object.__setattr__(self, "identities", tuple(canonical[name] for name in self.identities))

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The identities, each once, sorted."""
        return tuple(sorted(set(self.identities)))

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """`(n,)` int64: the position of each picture's identity in `names`."""
        position = {name: i for i, name in enumerate(self.names)}
        return np.array([position[name] for name in self.identities], np.int64)

    @cached_property
    def single(self) -> tuple[str, ...]:
        """Identities with only one picture."""
        return tuple(sorted(name for name, count in Counter(self.identities).items() if count == 1))

    def groups(self) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Each identity with the positions of its pictures, in order of `names`."""
        order = np.argsort(self.labels, kind="stable")
        edges = np.searchsorted(self.labels[order], np.arange(len(self.names) + 1))
        for name, start, stop in zip(self.names, edges[:-1], edges[1:], strict=True):
            yield name, order[start:stop]

    def select(self, positions: Sequence[int] | npt.NDArray[np.int64]) -> PictureSet:
        """The pictures at these positions, in this order."""
        chosen = [int(i) for i in positions]
        return PictureSet(tuple(self.paths[i] for i in chosen), tuple(self.identities[i] for i in chosen))

    def of(self, names: Sequence[str]) -> PictureSet:
        """All pictures of these identities, in the set's order."""
        wanted = set(map(canonical_name, names))
        return self.select([i for i, name in enumerate(self.identities) if name in wanted])
