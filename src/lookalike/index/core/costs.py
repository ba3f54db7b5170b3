"""What a kind of index costs, as its file says it; `lookalike.index.planning` makes predictions of it.

Bytes follow from the structure; times from measurements of real builds, and from the work, numbers read or multiplied,
by which they grow beyond the measured sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

__all__ = [
    "JUMP",
    "MEASURED_DIMENSION",
    "TRAINING_SAMPLE",
    "Bound",
    "Costs",
    "Footprint",
    "Measured",
    "Shape",
    "doubled_rows",
]

#: Dimension of the vectors of every `Measured`.
MEASURED_DIMENSION = 128

#: Reading a vector from anywhere in memory costs about as much as reading so many numbers in order.
JUMP = 64

#: Vectors that engines learn codes from, at least.
TRAINING_SAMPLE = 1 << 16

#: What limits a step: reading numbers in order, fetching vectors from anywhere in memory, or matrix products. The names
#: are those of `planning.machine_speed.MachineSpeed`.
Bound = Literal["stream", "gather", "product"]


@dataclass(frozen=True)
class Shape:
    """An index that is planned.

    Attributes:
        count: vectors, at least 1.
        dimension: numbers per vector.
        build: the kind's build settings.
        threads: that build.
    """

    count: int
    dimension: int
    build: Any
    threads: int = 1

    @property
    def vectors(self) -> int:
        """Bytes of the vectors in float32."""
        return 4 * self.dimension * self.count


@dataclass(frozen=True)
class Footprint:
    """Bytes of one index.

    Attributes:
        serving: memory the index holds while it serves, loaded from disk.
        building: the most memory while it is built, the given vectors included (a kind that is built from a stream:
            read piece by piece). An upper bound: arrays double as they grow, and who copies when is not known to a
            byte.
        disk: size of its folder.
        mapped: the part of `disk` that serving reads piece by piece; the system keeps it in memory as far as there is
            room, and takes that back when others need it.
    """

    serving: int
    building: int
    disk: int
    mapped: int = 0


class Measured(NamedTuple):
    """One index that was built for real, over vectors of `MEASURED_DIMENSION` numbers.

    Machine: an AMD EPYC (family 25, model 17), two cores of a virtual machine that others used meanwhile. Vectors:
    `generated_vectors` with 5 pictures an identity, cosine; 300 to 500 further pictures as queries. Processor time, of
    a single query on one thread (the median) and of a build over all threads. Raw calls of the engines with the
    settings that `Costs.planned` names (ScaNN without SOAR); graphs, trees and some codes were measured up to 100,000
    vectors only. ``benchmarks/capacity_check.py --sweep`` measures the same through our indexes, for a table of your
    own machine.

    Attributes:
        vectors: how many.
        build_cpu_s: seconds of processor time to build it.
        curve: (search setting, recall@10, milliseconds of a query), settings rising.
    """

    vectors: int
    build_cpu_s: float
    curve: tuple[tuple[int, float, float], ...]


def _count(shape: Shape) -> int:
    return shape.count


def _nothing(count: int) -> dict[str, Any]:
    return {}


def _one(shape: Shape) -> float:
    return 1.0


def _always(build: Any) -> bool:
    return True


def _never(build: Any) -> bool:
    return False


@dataclass(frozen=True)
class Costs:
    """What a kind costs, for `planning`.

    Attributes:
        footprint: bytes, without ids and without the copy that some metrics prepare.
        measured: what builds took with these build settings, sizes rising.
        search_work: numbers that a query reads or multiplies, given the value of the recall setting (0 without one).
        build_work: numbers that a build reads or multiplies.
        search_share: time of a search beside that of the build settings that were measured.
        search_bound: what limits a search.
        build_bound: what limits a build.
        planned: the build settings that a plan offers, one option each.
        by_count: the build settings that grow with the number of vectors, at their best value for that number.
        everything: the value of the recall setting from which on all vectors are looked at.
        reranks: with these build settings, whether there are vectors that candidates are compared with again.
        rounds_distances: whether these build settings move distances so far that thresholds should be checked.
    """

    footprint: Callable[[Shape], Footprint]
    measured: Callable[[Any], Sequence[Measured]]
    search_work: Callable[[Shape, int], float]
    build_work: Callable[[Shape], float]
    search_share: Callable[[Shape], float] = _one
    search_bound: Bound = "stream"
    build_bound: Bound = "product"
    planned: tuple[Mapping[str, Any], ...] = ({},)
    by_count: Callable[[int], dict[str, Any]] = _nothing
    everything: Callable[[Shape], int] = _count
    reranks: Callable[[Any], bool] = _always
    rounds_distances: Callable[[Any], bool] = _never

    def distinguishing(self, planned: Mapping[str, Any]) -> list[str]:
        """The values of `planned` that other planned settings have not, as text: they name an option."""
        return [str(value) for name, value in planned.items() if any(o.get(name) != value for o in self.planned)]


def doubled_rows(count: int, first: int) -> int:
    """Rows in memory when an array that doubles from `first` was last moved: old and new side by side."""
    rows = first
    while rows < count:
        rows *= 2
    return max(count, rows if rows > first else 0)
