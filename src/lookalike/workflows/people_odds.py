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


def odds_of_gallery(templates: StoredTemplates, threshold: float, seed: int = 0) -> MatchOdds | None:
    """Fit how much a distance speaks for a match to the templates of a gallery, taking its names for true.

    What is in question is left out: pairs of names most of whose templates match, and templates that fewer than half of
    their own match. As look-alikes among them are left out, too, odds of small distances are somewhat too large; the
    number of pairs of people bounds them.

    Args:
        templates: of a gallery.
        threshold: templates match up to this distance.
        seed: draws the people compared, where there are many.

    Returns:
        None where fewer than 15 people have several templates.

    Example:
        >>> odds_of_gallery(StoredTemplates.read(gallery), 0.6).log_ratio(0.3)    # doctest: +SKIP
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
    distances, codes = templates.distances(rows, rows), templates.codes[rows]
    same = codes[:, None] == codes
    _, whose = np.unique(codes, return_inverse=True)
    # Of every two people, the share of their pairs of templates that match.
    member = np.equal.outer(np.arange(whose.max() + 1), whose).astype(np.float64)
    matching = member @ (distances <= threshold) @ member.T / np.outer(member.sum(axis=1), member.sum(axis=1))
    matched_own = ((distances <= threshold) & same).sum(axis=1) - 1
    kept = 2 * matched_own >= same.sum(axis=1) - 1
    one, other = np.triu_indices(len(rows), 1)
    asked = kept[one] & kept[other]
    genuine = asked & same[one, other]
    impostor = asked & ~same[one, other] & (matching[whose[one], whose[other]] <= 0.5)
    if not genuine.any() or not impostor.any():
        return None
    people = len(member)
    return fit_match_odds(
        distances[one, other][genuine],
        distances[one, other][impostor],
        genuine_clump=max(1.0, genuine.sum() / people),
        impostor_clump=max(1.0, 2 * impostor.sum() / people / (people - 1)),
    )
