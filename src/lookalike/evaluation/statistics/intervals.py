"""Confidence intervals: Wilson's of a share, and the bootstrap over units such as identities.

Pairs, searches and pictures of one person are not independent: the 45 genuine pairs of a person with 10 pictures are
easy or hard together, and so are the impostor pairs of a person who resembles many. An interval that resamples pairs
ignores that and is several times too narrow. So the bootstrap resamples *units*: whole identities, or single queries
where these are independent. A replicate draws as many units as there are, with replacement; unit i is drawn c_i times.
A number that belongs to unit i then has the weight c_i, and one that belongs to a pair of units i and j, such as an
impostor pair, the weight c_i·c_j. No distance is computed again.

Every bootstrap of this package is `Bootstrap.replicate` with a statistic of its own, and `Bootstrap.intervals`.

Sources: Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13, for percentile intervals; Bolle,
Ratha & Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap" (2004) and Poh & Bengio (2007)
for identities as units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.binomial_intervals import wilson_interval
from lookalike.errors import InputError

__all__ = ["Bootstrap", "Interval", "Rate", "bootstrap_means", "drawn_counts", "mean_replicates", "multinomial_counts"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: From random numbers, replicates and units to `(replicates, units)` float64: how often each unit is drawn.
Draw = Callable[[np.random.Generator, int, int], Floats]

#: Numbers in one array of a chunk of replicates; small enough to stay near the cache.
CHUNK_NUMBERS = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A percentile interval `low` to `high` that holds `level` of the replicates."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class Rate:
    """A share of independent trials, such as pictures of different scenes, and its 95% interval by Wilson.

    Unlike the usual ±1.96 standard errors the interval holds near 0 and 1, and has a width there too.

    Example:
        >>> round(Rate.of(0, 20).high, 3)
        0.161
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, hits: int, trials: int) -> Rate:
        """`hits` of `trials`.

        Raises:
            InputError: no trials, or hits that are not among them.
        """
        if not 0 <= hits <= trials or trials < 1:
            raise InputError(f"{hits} of {trials} is no share; expected at least one trial, and hits among them")
        return cls(hits / trials, *wilson_interval(hits, trials))


@dataclass(frozen=True)
class Bootstrap:
    """How units are resampled, and the level of the intervals.

    Random numbers are consumed replicate by replicate, and unit by unit within a replicate. So the same seed gives the
    same replicates in chunks of any size, and the first 100 of 1,000 replicates are the replicates of 100.

    Attributes:
        replicates: how many are drawn.
        level: share of the replicates inside an interval, above 0 and below 1.
        seed: of the draws. Two statistics with one seed and as many units get the same draws: their differences are
            those of a paired bootstrap.

    Example:
        >>> values = np.array([1.0, 2.0, 6.0])
        >>> bootstrap = Bootstrap(replicates=500)
        >>> means = bootstrap.replicate(lambda counts: (counts @ values / counts.sum(axis=1))[:, None], [3])
        >>> (interval,) = bootstrap.intervals(means)
        >>> means.shape, bool(interval.low < values.mean() < interval.high)
        ((500, 1), True)
    """

    replicates: int = 1000
    level: float = 0.95
    seed: int = 0

    def check(self, units: int, name: str = "identities") -> None:
        """Raise an `InputError` unless there are 2 units, a replicate and a level between 0 and 1.

        Args:
            units: how many there are.
            name: what they are, in the message.
        """
        if units < 2 or self.replicates < 1 or not 0 < self.level < 1:
            raise InputError(
                f"a bootstrap of {units} {name}, {self.replicates} replicates at level {self.level} was asked for; "
                f"it needs at least 2 {name.split()[-1]}, 1 replicate and a level between 0 and 1"
            )

    def replicate(
        self,
        statistic: Callable[..., Floats],
        units: Sequence[int],
        numbers: int | None = None,
        *,
        streams: Sequence[np.random.Generator] | None = None,
        draw: Draw | None = None,
    ) -> Floats:
        """Compute a statistic of every replicate, a chunk of replicates at a time.

        Args:
            statistic: from one `(r, units)` float64 array of multiplicities per stratum to `(r, columns)`; row i
                depends on row i of the multiplicities alone.
            units: how many units each stratum has. Strata are resampled separately, because their sizes were chosen
                and not observed: mated and non-mated searches, for example.
            numbers: how many numbers the statistic holds per replicate, which limits the chunk; the units if None.
            streams: random numbers of each stratum; ``default_rng([seed, s])`` of stratum s if None, which is
                ``default_rng(seed)`` of the first.
            draw: `drawn_counts` if None.

        Returns:
            `(replicates, columns)` float64.

        Raises:
            InputError: no replicates.
        """
        if self.replicates < 1:
            raise InputError(f"{self.replicates} replicates were asked for; expected at least 1, such as 1000")
        if streams is None:
            streams = [np.random.default_rng([self.seed, stratum]) for stratum in range(len(units))]
        rows = max(1, CHUNK_NUMBERS // max(1, sum(units) if numbers is None else numbers))
        found = []
        for start in range(0, self.replicates, rows):
            size = min(rows, self.replicates - start)
            found.append(statistic(*((draw or drawn_counts)(r, size, n) for r, n in zip(streams, units, strict=True))))
        return np.concatenate(found)

    def intervals(self, values: Floats) -> list[Interval]:
        """The percentile interval of every column of `(replicates, columns)`."""
        low, high = np.quantile(values, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        return [Interval(float(a), float(b), self.level) for a, b in zip(low, high, strict=True)]


def drawn_counts(rng: np.random.Generator, replicates: int, units: int) -> Floats:
    """`(replicates, units)` how often each unit is drawn, with replacement, in as many draws as there are units."""
    if not units:
        return np.zeros((replicates, 0))
    draws = rng.integers(units, size=(replicates, units)) + units * np.arange(replicates)[:, None]
    return np.bincount(draws.ravel(), minlength=replicates * units).reshape(replicates, units).astype(np.float64)


def multinomial_counts(rng: np.random.Generator, replicates: int, units: int, first: int | None = None) -> Floats:
    """As `drawn_counts`, the same distribution from other random numbers: `calibration.json` has always used these.

    Args:
        rng: random numbers.
        replicates: how many.
        units: how many there are.
        first: only the counts of so many units are needed; the others are drawn together, which takes no memory.

    Returns:
        `(replicates, units)` float64, or `(replicates, first)`.
    """
    kept = units if first is None else first
    shares = np.full(kept, 1 / units)
    if first is not None:
        shares = np.append(shares, 1 - first / units)
    return rng.multinomial(units, shares, size=replicates)[:, :kept].astype(np.float64)


def bootstrap_means(
    values: npt.ArrayLike,
    identity: Integers,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Bootstrap means over pictures, searches or pairs, by resampling the identities they belong to.

    Args:
        values: `(m, n)` numbers, m quantities of n pictures each, for example whether the mate is at rank 1.
        identity: `(n,)` whole numbers, the identity of each picture.
        replicates: how many.
        level: of the intervals.
        seed: of the draws.

    Returns:
        m intervals.

    Raises:
        InputError: fewer than 2 identities, no replicates, or a level outside 0 to 1.

    Example:
        >>> bootstrap_means([[1.0, 1.0, 1.0]], np.array([0, 0, 1]))
        (Interval(low=1.0, high=1.0, level=0.95),)
    """
    bootstrap = Bootstrap(replicates, level, seed)
    return tuple(bootstrap.intervals(mean_replicates(values, identity, bootstrap)))


def mean_replicates(values: npt.ArrayLike, identity: Integers, bootstrap: Bootstrap) -> Floats:
    """The `(replicates, m)` means behind `bootstrap_means`."""
    numbers = np.atleast_2d(np.asarray(values))
    present, code = np.unique(identity, return_inverse=True)
    bootstrap.check(len(present))
    sums = np.stack([np.bincount(code, weights=row, minlength=len(present)) for row in numbers], axis=1)
    sizes = np.bincount(code)
    return bootstrap.replicate(lambda counts: (counts @ sums) / (counts @ sizes)[:, None], [len(present)])
