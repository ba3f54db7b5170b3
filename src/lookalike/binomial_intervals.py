"""Confidence intervals of a share of independent trials: Wilson's, and the exact upper bound.

Plain numbers in, plain numbers out, so that every layer can use one rule. `evaluation.statistics.intervals` has the
types that evaluations return, and the bootstrap for trials that are not independent.

Sources: Wilson, "Probable inference, the law of succession, and statistical inference" (1927); Clopper & Pearson, "The
use of confidence or fiducial limits illustrated in the case of the binomial" (1934).
"""

from __future__ import annotations

import math

__all__ = ["Z_ONE_SIDED_95", "Z_TWO_SIDED_95", "clopper_pearson_upper", "wilson_interval"]

#: Standard normal quantiles: 95% lie between -1.96 and 1.96, and 95% below 1.645.
Z_TWO_SIDED_95, Z_ONE_SIDED_95 = 1.96, 1.645


def wilson_interval(hits: int, trials: int, z: float = Z_TWO_SIDED_95) -> tuple[float, float]:
    """Wilson's score interval: its ends lie in 0 to 1, and it has a width also where all trials agree.

    Args:
        hits: 0 to `trials`.
        trials: at least 1.
        z: standard normal quantile; `Z_ONE_SIDED_95` makes each end a one-sided 95% bound.

    Returns:
        Its lower and upper end.

    Example:
        >>> [round(end, 3) for end in wilson_interval(0, 20)]
        [0.0, 0.161]
    """
    p, z2 = hits / trials, z**2
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    # At 0 and at `trials` hits one end equals the share; rounding would put it beside.
    return min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half))


def clopper_pearson_upper(errors: int, trials: int, confidence: float = 0.95) -> float:
    """One-sided upper bound of the true rate, exact: it is too low with a probability of at most 1 - `confidence`.

    Args:
        errors: seen among the trials, 0 to `trials`.
        trials: at least 1.
        confidence: above 0 and below 1.

    Example:
        >>> round(clopper_pearson_upper(0, 299), 4)
        0.01
    """
    from scipy.special import betaincinv

    return 1.0 if errors >= trials else float(betaincinv(errors + 1, trials - errors, confidence))
