"""The nearest identities of a probe, each by its best template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import ArtefactError
from lookalike.gallery.database import Database
from lookalike.gallery.records import Candidate

if TYPE_CHECKING:
    from lookalike.gallery.filtered_search import FilteredSnapshot
    from lookalike.gallery.snapshot import Snapshot

__all__ = ["nearest_identities"]

#: Names looked up by one statement; SQLite's oldest limit on parameters is 999.
_LOOKUP = 900
#: Names of one state that are kept in memory, some 10 MB: a gallery of so many templates reads each name once.
_KEPT = 100_000


def nearest_identities(
    database: Database,
    snapshot: Snapshot | FilteredSnapshot,
    probes: npt.NDArray[np.float32],
    k: int,
    identities: int,
) -> list[list[Candidate]]:
    """The `k` nearest identities of every probe, nearest first; fewer where there are fewer.

    Args:
        database: inside a transaction, of the state of the snapshot.
        snapshot: of its templates, not empty.
        probes: `(q, d)`.
        k: identities, at least 1.
        identities: how many there are, at least 1.
    """
    answers: list[list[Candidate]] = [[] for _ in probes]
    rows = np.arange(len(probes))
    k = min(k, identities)
    fetch = min(len(snapshot), k * -(-len(snapshot) // identities))
    while len(rows):
        hits = snapshot.search(probes[rows], fetch)
        names = _names(database, snapshot.names, dict.fromkeys(hits.ids.ravel().tolist()))
        for row, ids, distances in zip(rows, hits.ids.tolist(), hits.distances.tolist(), strict=True):
            best: dict[str, Candidate] = {}
            for template_id, distance in zip(ids, distances, strict=True):
                best.setdefault(names[template_id], Candidate(names[template_id], distance, template_id))
                if len(best) == k:
                    break
            answers[row] = list(best.values())
        if fetch == len(snapshot):
            break
        # An identity with many near templates hides the others; fetch more for those probes only.
        rows = np.array([row for row in rows if len(answers[row]) < k], np.int64)
        fetch = min(len(snapshot), fetch * 4)
    return answers


def _names(database: Database, known: dict[int, str], ids: Iterable[int]) -> dict[int, str]:
    """The identity's name of every template.

    Args:
        database: inside the transaction.
        known: names that were looked up in the same state, by any thread; more come in.
        ids: of templates, each once.
    """
    names, wanted = {}, []
    for one in ids:
        name = known.get(one)
        if name is None:
            wanted.append(one)
        else:
            names[one] = name
    if wanted:
        looked_up = _looked_up(database, wanted)
        names.update(looked_up)
        if len(known) < _KEPT:
            known.update(looked_up)
    return names


def _looked_up(database: Database, wanted: list[int]) -> dict[int, str]:
    names: dict[int, str] = {}
    sealing = database.sealing
    for start in range(0, len(wanted), _LOOKUP):
        some = wanted[start : start + _LOOKUP]
        rows: Iterable[tuple[Any, ...]] = database.run(
            f"SELECT template.id, name{', identity_id' * sealing.encrypted} FROM template "
            f"JOIN identity ON identity.id = identity_id WHERE template.id IN ({','.join('?' * len(some))})",
            some,
        )
        if sealing.encrypted:
            owners = [(identity, (template, stored)) for template, stored, identity in rows]
            opened = sealing.names([(identity, stored) for identity, (_, stored) in owners])
            rows = [(template, name) for (_, (template, _)), name in zip(owners, opened, strict=True)]
        names.update(rows)
    if len(names) < len(wanted):
        strange = next(one for one in wanted if one not in names)
        raise ArtefactError(
            f"{database.file} is damaged: template {strange} belongs to nobody; restore it from a backup"
        )
    return names
