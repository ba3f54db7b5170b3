"""Names of one person put together: three names are one person where any two of them are (complete linkage)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lookalike.gallery.doctor.identity_pairs import IdentityPair

__all__ = ["clusters_of"]


def clusters_of(
    pairs: Iterable[IdentityPair], judge: Callable[[int, int], IdentityPair | None]
) -> tuple[list[list[IdentityPair]], list[IdentityPair]]:
    """Join identities into clusters in which every two are one person, the surest pairs first.

    Where A is one person with B and B with C, but A not with C, the surer pair is a cluster and the other is left over.
    So no chain joins people, whichever of its links is wrong.

    Args:
        pairs: of identities that are one person, the surest first.
        judge: compares two identities that are not among them.

    Returns:
        the pairs of every cluster, and the pairs left over.

    Example:
        >>> clusters_of([], lambda one, other: None)
        ([], [])
    """
    given = list(pairs)
    known: dict[tuple[int, int], IdentityPair | None] = {pair.codes: pair for pair in given}

    def pair_of(one: int, other: int) -> IdentityPair | None:
        codes = (min(one, other), max(one, other))
        if codes not in known:
            known[codes] = judge(*codes)
        return known[codes]

    members: dict[int, list[int]] = {}
    for one, other in (pair.codes for pair in given):
        mine, theirs = members.setdefault(one, [one]), members.setdefault(other, [other])
        if mine is theirs:
            continue
        across = [pair_of(a, b) for a in mine for b in theirs]
        if all(pair is not None and pair.verdict == "one-person" for pair in across):
            mine.extend(theirs)
            members.update(dict.fromkeys(theirs, mine))
    clusters: list[list[IdentityPair]] = []
    for cluster in {id(group): group for group in members.values() if len(group) > 1}.values():
        inside = [pair_of(a, b) for at, a in enumerate(cluster) for b in cluster[at + 1 :]]
        clusters.append([pair for pair in inside if pair is not None])
    return clusters, [pair for pair in given if members[pair.codes[0]] is not members[pair.codes[1]]]
