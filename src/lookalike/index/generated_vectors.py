"""Embedding-like vectors of as many identities as wanted, any row of them on its own: galleries for benchmarks.

A vector is a common mean, the centre of its identity and the spread of its picture, brought to unit length:
``mean + centre(identity) + quality(row) * spread(row)``. Centres and spreads are Gaussian over the same principal
axes; the mean is orthogonal to these, and a random rotation that depends on the dimension alone (the "embedder")
hides them all. The constants were fitted by `benchmarks/fit_generated_vectors.py` to dlib's embeddings of 40 people
of ORL and 10 of LFW, 10 pictures each.

What it keeps of the real ones: the cosines of genuine and impostor pairs (mean and spread), how fast the variance
decays from axis to axis between and within identities, that 78 of 128 axes carry all of it, the large common mean, and
that some pictures are much worse than others. What it does not: real people come in groups (age, sex, origin,
siblings) and so have more near look-alikes than a Gaussian population has; real spread has directions of its own
for pose and light, and differs from person to person; mislabelled and repeated pictures are missing; and 50
identities tell little about axes beyond the fiftieth, which follow the curve. Other dimensions than 128 stretch the
same curve over more or fewer axes, which no measurement backs.

Randomness is counter-based: Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) keyed by the
seed and counted by blocks of `BLOCK` rows.
"""

from __future__ import annotations

import functools
import statistics
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError

__all__ = ["BLOCK", "Spectrum", "generated_probes", "generated_vectors"]

#: Rows drawn together; blocks that start at its multiples waste nothing.
BLOCK = 1024

_CENTRES, _PICTURES, _PROBES, _ROTATION = range(4)
_QUANTILES = 1 << 16

Floats = npt.NDArray[np.float32]
Identities = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Spectrum:
    """Variances along principal axes: ``exp(-(axis / (reach * axes)) ** power)``, scaled to a total.

    Attributes:
        total: sum of the variances.
        reach: how far along the axes the variance reaches.
        power: 1 is exponential decay; less starts steeper and ends flatter.
    """

    total: float
    reach: float
    power: float

    def deviations(self, axes: int) -> Floats:
        """`(axes,)` standard deviations, largest first."""
        variances = np.exp(-((np.arange(axes) / (self.reach * axes)) ** self.power))
        deviations: Floats = np.sqrt(self.total * variances / variances.sum()).astype(np.float32)
        return deviations


#: Of unit vectors; printed by benchmarks/fit_generated_vectors.py.
BETWEEN = Spectrum(total=0.11874, reach=0.336, power=1.55)
WITHIN = Spectrum(total=0.03137, reach=0.411, power=1.0)
MEAN_LENGTH = 0.9219
QUALITY = 0.279
AXES_OF_128 = 78


def generated_vectors(
    count: int, dimension: int = 128, per_identity: int = 5, seed: int = 0, start: int = 0
) -> tuple[Floats, Identities]:
    """Rows `start` to `start + count` of an endless gallery; the same row is always the same vector.

    The result depends on the row, `dimension`, `per_identity` and `seed` alone: shards may be made in any order, by any
    number of processes. Row r is of identity ``r // per_identity``. The same identity of the same seed has the same
    centre whatever `per_identity`. Bit by bit the same on one machine; another BLAS may round the last bit otherwise.

    Args:
        count: how many, 0 or more.
        dimension: numbers per vector, at least 2.
        per_identity: vectors of each identity.
        seed: another seed is another population under the same embedder.
        start: the first row.

    Returns:
        `(count, dimension)` float32 of unit length, `(count,)` int64 identities.

    Raises:
        InputError: a number out of range.

    Example:
        >>> vectors, identities = generated_vectors(1000)
        >>> again, _ = generated_vectors(10, start=500)
        >>> vectors.shape, identities[[0, 5, 999]].tolist(), bool((again == vectors[500:510]).all())
        ((1000, 128), [0, 1, 199], True)
    """
    _check(dimension, seed, count=(count, 0), per_identity=(per_identity, 1), start=(start, 0))
    vectors = np.empty((count, dimension), np.float32)
    identities = np.arange(start, start + count, dtype=np.int64) // per_identity
    centres = _Centres(dimension, seed)
    for block in range(start // BLOCK, -(-(start + count) // BLOCK)):
        rows = np.arange(block * BLOCK, (block + 1) * BLOCK, dtype=np.int64)
        whole = _embedded(centres.of(rows // per_identity), _spreads(dimension, seed, block, 0, _PICTURES), dimension)
        first, last = max(start, block * BLOCK), min(start + count, (block + 1) * BLOCK)
        vectors[first - start : last - start] = whole[first - block * BLOCK : last - block * BLOCK]
    return vectors, identities


def generated_probes(identities: npt.ArrayLike, dimension: int = 128, seed: int = 0, sample: int = 0) -> Floats:
    """One more picture of each of some identities of the gallery of the same `dimension` and `seed`.

    No vector of `generated_vectors` is among them. Identities beyond those enrolled give non-mated probes. A probe
    depends on its identity, `dimension`, `seed` and `sample` alone. Costs a block of 2 * `BLOCK` draws for every block
    of identities touched, about 0.3 ms.

    Args:
        identities: `(n,)` whole numbers, in any order, repeated or not.
        dimension: as of the gallery.
        seed: as of the gallery.
        sample: 0, 1, 2, ... are independent pictures of the same identity.

    Returns:
        `(n, dimension)` float32 of unit length.

    Raises:
        InputError: a number out of range, or identities that are not whole numbers.

    Example:
        >>> gallery, _ = generated_vectors(1000)
        >>> probes = generated_probes([3, 3, 7], sample=1)
        >>> bool((probes[0] == probes[1]).all()), ((probes @ gallery.T).argmax(axis=1) // 5).tolist()
        (True, [3, 3, 7])
    """
    _check(dimension, seed, sample=(sample, 0))
    wanted = np.asarray(identities)
    if wanted.ndim != 1 or (
        wanted.size and (wanted.dtype.kind not in "iu" or not 0 <= int(wanted.min()) <= int(wanted.max()) < 2**62)
    ):
        raise InputError(
            f"identities have shape {wanted.shape} and dtype {wanted.dtype}; give one dimension of whole numbers from 0"
        )
    wanted = wanted.astype(np.int64)
    vectors = np.empty((len(wanted), dimension), np.float32)
    centres, spreads = (np.empty((len(wanted), _axes(dimension)), np.float32) for _ in range(2))
    draws = _Centres(dimension, seed)
    order = np.argsort(wanted, kind="stable")
    for at in np.split(order, np.flatnonzero(np.diff(wanted[order] // BLOCK)) + 1) if len(wanted) else []:
        centres[at] = draws.of(wanted[at])
        block = int(wanted[at[0]]) // BLOCK
        spreads[at] = _spreads(dimension, seed, block, sample, _PROBES)[wanted[at] % BLOCK]
    for first in range(0, len(wanted), BLOCK):
        # Always BLOCK rows: a matrix product of another shape may round otherwise.
        part = slice(first, first + BLOCK)
        padding = ((0, max(0, first + BLOCK - len(wanted))), (0, 0))
        whole = _embedded(np.pad(centres[part], padding), np.pad(spreads[part], padding), dimension)
        vectors[part] = whole[: len(wanted) - first]
    return vectors


class _Centres:
    """Identities' centres over the principal axes; keeps the last block, which the next rows mostly share."""

    def __init__(self, dimension: int, seed: int) -> None:
        self._axes, self._seed, self._block = _axes(dimension), seed, -1
        self._last: Floats = np.empty((0, self._axes), np.float32)

    def of(self, identities: Identities) -> Floats:
        """`(n, axes)` for ascending identities of few blocks."""
        centres = np.empty((len(identities), self._axes), np.float32)
        blocks = identities // BLOCK
        for block in np.unique(blocks).tolist():
            if block != self._block:
                self._last = _normal(self._seed, _CENTRES, block, 0, self._axes)
                self._last *= BETWEEN.deviations(self._axes)
                self._block = block
            at = np.flatnonzero(blocks == block)
            centres[at] = self._last[identities[at] % BLOCK]
        return centres


def _spreads(dimension: int, seed: int, block: int, sample: int, stream: int) -> Floats:
    axes = _axes(dimension)
    drawn = _normal(seed, stream, block, sample, axes + 1)
    # Log-normal, so that a picture may be much worse than most; the mean of its square is 1.
    quality = np.exp(QUALITY * drawn[:, -1:] - np.float32(QUALITY**2))
    spread: Floats = drawn[:, :-1] * WITHIN.deviations(axes)
    spread *= quality
    return spread


def _embedded(centres: Floats, spreads: Floats, dimension: int) -> Floats:
    """From `(n, axes)` coordinates to `(n, dimension)` unit vectors."""
    coordinates = np.empty((len(centres), centres.shape[1] + 1), np.float32)
    np.add(centres, spreads, out=coordinates[:, :-1])
    coordinates[:, -1] = MEAN_LENGTH
    # The rotation keeps lengths, and there are fewer numbers to divide before it.
    coordinates /= np.sqrt(np.einsum("ij,ij->i", coordinates, coordinates))[:, None]
    vectors: Floats = coordinates @ _rotation(dimension)
    return vectors


def _normal(seed: int, stream: int, block: int, sample: int, columns: int) -> Floats:
    """`(BLOCK, columns)` standard normal numbers: 16 random bits choose one of 65,536 equally likely quantiles.

    Quicker than drawing normal numbers, and NumPy promises the bits of Philox for all versions, not its normal numbers.
    """
    source = np.random.Philox(key=[seed, 0], counter=[0, block, sample, stream])
    bits = source.random_raw(BLOCK * columns // 4).astype("<u8", copy=False).view("<u2")
    drawn = np.empty(BLOCK * columns, np.float32)
    np.take(_quantiles(), bits, out=drawn, mode="clip")
    return drawn.reshape(BLOCK, columns)


@functools.cache
def _quantiles() -> Floats:
    normal = statistics.NormalDist()
    upper = [normal.inv_cdf((n + 0.5) / _QUANTILES) for n in range(_QUANTILES // 2, _QUANTILES)]
    values = np.array([*(-value for value in reversed(upper)), *upper])
    return np.asarray(values / values.std(), dtype=np.float32)


@functools.cache
def _rotation(dimension: int) -> Floats:
    """`(axes + 1, dimension)` orthonormal rows: the principal axes and, last, the direction of the mean."""
    columns = _axes(dimension) + 1
    blocks = [_normal(dimension, _ROTATION, block, 0, columns) for block in range(-(-dimension // BLOCK))]
    basis, triangle = np.linalg.qr(np.concatenate(blocks)[:dimension].astype(np.float64))
    return np.ascontiguousarray((basis * np.sign(np.diag(triangle))).T, dtype=np.float32)


def _axes(dimension: int) -> int:
    """How many axes carry variance; at least one more is left for the mean."""
    return max(1, round(dimension * AXES_OF_128 / 128))


def _check(dimension: int, seed: int, **numbers: tuple[int, int]) -> None:
    for name, (value, least) in {"dimension": (dimension, 2), "seed": (seed, 0), **numbers}.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**62:
            raise InputError(f"{name} is {value!r}; give a whole number of at least {least}")
