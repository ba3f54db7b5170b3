"""Odds of a match from a gallery itself, where its model has no calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.decisions.odds import MatchOdds
    from lookalike.gallery.doctor import StoredTemplates

__all__ = ["odds_of_gallery"]

#: So few people with several templates say too little.
FEWEST_PEOPLE = 15
#: Templates that are compared with each other: people with several templates are drawn until there are so many.
MOST_TEMPLATES = 2000


def odds_of_gallery(templates: StoredTemplates, seed: int = 0) -> MatchOdds | None:
    """Fit how much a distance speaks for a match to the templates of a gallery, taking its names for true.

    Some names are not, which is why a gallery is examined: two names of one person count as two people, and make the
    odds of small distances smaller than they are. So fewer things are called sure.

    Args:
        templates: of a gallery.
        seed: draws the people compared, where there are many.

    Returns:
        None where fewer than 15 people have several templates.

    Example:
        >>> odds_of_gallery(StoredTemplates.read(gallery)).log_ratio(0.3)    # doctest: +SKIP
        5.1
    """
    import numpy as np

    from lookalike.evaluation.calibration.match_probability import fit_match_odds

    several = np.random.default_rng(seed).permutation(np.flatnonzero(templates.sizes > 1))
    if len(several) < FEWEST_PEOPLE:
        return None
    none = np.zeros(len(templates), np.bool_)
    chosen: list[int] = []
    for code in several.tolist():
        chosen += templates.compared_rows(code, none).tolist()
        if len(chosen) >= MOST_TEMPLATES:
            break
    rows = np.array(chosen)
    codes = templates.codes[rows]
    one, other = np.triu_indices(len(rows), 1)
    distances = templates.distances(rows, rows)[one, other]
    same = codes[one] == codes[other]
    people = len(set(codes.tolist()))
    pairs_of_people = people * (people - 1) / 2
    return fit_match_odds(
        distances[same],
        distances[~same],
        genuine_clump=max(1.0, same.sum() / people),
        impostor_clump=max(1.0, (~same).sum() / pairs_of_people),
    )
