"""A curriculum over groups of classes: training starts with the first group, and the others join one after another.

Boiarov, Tyantov, "Large Scale Landmark Recognition via Deep Metric Learning", CIKM 2019, train region by region: a
network that knows Europe's landmarks is shown Asia's as well, and so on, until all are there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.csv_rows import named_rows
from lookalike.datasets import PictureSet
from lookalike.datasets.identity_batches import Batches
from lookalike.errors import DatasetError, InputError
from lookalike.identity_names import canonical_name

__all__ = ["StagedBatches", "first_epochs", "read_curriculum"]

Positions = npt.NDArray[np.int64]


def read_curriculum(
    path: str | Path, identities: Collection[str], from_the_start: Collection[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """The groups of a UTF-8 CSV with the columns `identity,group`, in the order in which the file first names them.

    Args:
        path: of the CSV. Rows about others than `identities` are passed over.
        identities: who is trained on; each needs a row.
        from_the_start: those who need none, for they take part in every epoch: non-landmarks.

    Returns:
        The identities of each group, as `Recipe.curriculum` wants them.

    Raises:
        DatasetError: no such file, not UTF-8, another header, an empty field, somebody in two groups or in none.

    Example:
        >>> read_curriculum("regions.csv", ["eiffel", "taj mahal"])    # doctest: +SKIP
        (('eiffel',), ('taj mahal',))
    """
    group_of: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    wanted, exempt = (set(map(canonical_name, names)) for names in (identities, from_the_start))
    for where, (spelling, group) in named_rows(Path(path), ("identity", "group")):
        identity, group = canonical_name(spelling), canonical_name(group)
        if identity in group_of:
            if group_of[identity] != group:
                raise DatasetError(f"{where}: {identity} is in {group!r} here and in {group_of[identity]!r} above")
            continue
        group_of[identity] = group
        if identity in wanted:
            groups.setdefault(group, []).append(identity)
    missing = sorted(wanted - set(group_of) - exempt)
    if missing:
        raise DatasetError(
            f"{path} gives no group to {len(missing)} of {len(wanted)} identities, such as {missing[0]!r}; "
            "add a row for each"
        )
    return tuple(tuple(members) for members in groups.values())


def first_epochs(groups: int, epochs: int, share: float) -> list[int]:
    """The epoch (from 0) in which each group joins: evenly spread, the last when `share` of the epochs are over.

    Example:
        >>> first_epochs(3, epochs=20, share=0.5)
        [0, 5, 10]
    """
    return [int(share * epochs * number / max(1, groups - 1)) for number in range(groups)]


class StagedBatches:
    """Batches of those pictures whose group has joined; an epoch shows each of them about once.

    Identities of no group take part from the start. A function of (seed, epoch), as the batches that it is made of.

    Args:
        pictures: all of them.
        groups: identities by name, group by group; names that no picture bears are passed over.
        epochs: how long the training is.
        share: of the epochs, after which all have joined; below 1.
        batches: makes the batches of a part of the pictures from its labels.

    Raises:
        InputError: there are fewer epochs than it takes.
        DatasetError: the first group and those of no group are fewer than two identities, or whatever `batches` raises.

    Example:
        >>> from lookalike.datasets import ShuffledBatches
        >>> people = PictureSet(tuple(map(Path, "12345678")), tuple("aabbccdd"))
        >>> staged = StagedBatches(people, [["a", "b"], ["c", "d"]], 4, 0.5, lambda labels: ShuffledBatches(labels, 2))
        >>> [staged.batches_in(epoch) for epoch in range(4)]
        [2, 2, 4, 4]
    """

    def __init__(
        self,
        pictures: PictureSet,
        groups: Sequence[Sequence[str]],
        epochs: int,
        share: float,
        batches: Callable[[npt.NDArray[np.int64]], Batches],
    ) -> None:
        joins = first_epochs(len(groups), epochs, share)
        if any(later <= earlier for earlier, later in pairwise(joins)) or joins[-1] >= epochs:
            raise InputError(
                f"{len(groups)} groups cannot join one after another within {share:g} of {epochs} epochs; "
                "give more epochs or fewer groups"
            )
        group_of = {canonical_name(name): number for number, members in enumerate(groups) for name in members}
        group_of_class = np.array([group_of.get(name, 0) for name in pictures.names], np.int64)
        group = group_of_class[pictures.labels]
        self._joins = joins
        self._stages: list[tuple[Positions, Batches]] = []
        for number in range(len(groups)):
            taking_part = np.flatnonzero(group <= number).astype(np.int64)
            if (classes := int((group_of_class <= number).sum())) < 2:
                raise DatasetError(
                    f"in the curriculum's first {how_many(number + 1, 'group')} there are "
                    f"{how_many(classes, 'identity', 'identities')} of those trained on; "
                    "at least 2 are needed to tell apart"
                )
            self._stages.append((taking_part, batches(pictures.labels[taking_part])))

    def _stage(self, epoch: int) -> tuple[Positions, Batches]:
        return self._stages[max(number for number, joins in enumerate(self._joins) if joins <= epoch)]

    def batches_in(self, epoch: int) -> int:
        """More when more have joined."""
        return self._stage(epoch)[1].batches_in(epoch)

    def epoch(self, epoch: int) -> Iterator[Positions]:
        """Yield the epoch's batches, positions in the whole set."""
        taking_part, batches = self._stage(epoch)
        for positions in batches.epoch(epoch):
            yield taking_part[positions]
