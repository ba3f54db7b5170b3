"""The nearest identities of probes, by Milvus' search over templates.

Milvus finds candidates; their distances are computed here from their vectors, by `lookalike.distances`, so that both
kinds of gallery answer with the same numbers: Milvus gives similarities under cosine and inner product, squared
distances under L2, all in float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.distances import pairwise
from lookalike.gallery.milvus.index_types import MOST_HITS, metric_type, search_settings
from lookalike.gallery.milvus.template_rows import owner_number
from lookalike.gallery.records import Candidate

if TYPE_CHECKING:
    from lookalike.gallery.milvus.server import Server
    from lookalike.gallery.milvus.template_rows import TemplateRows
    from lookalike.gallery.records import Counts, Model

__all__ = ["Asked", "nearest_identities"]

#: Probes that are asked at once, and identities that one condition leaves out.
_PROBES, _LEFT_OUT = 256, 4_000
_FURTHER = 4


@dataclass(frozen=True)
class Asked:
    """What is searched.

    Attributes:
        model: of the templates.
        condition: which rows count besides the tenant's; empty for all.
        serial: rows of higher numbers do not count.
        counts: how many match.
    """

    model: Model
    condition: str
    serial: int
    counts: Counts


def nearest_identities(
    server: Server, rows: TemplateRows, asked: Asked, probes: npt.NDArray[np.float32], k: int
) -> list[list[Candidate]]:
    """The `k` nearest identities of every probe, each by its best template, nearest first."""
    counts = asked.counts
    k = min(k, counts.identities)
    answers: list[list[Candidate]] = [[] for _ in probes]
    if not k or not len(probes):
        return answers
    fetch = min(MOST_HITS, counts.templates, k * -(-counts.templates // counts.identities))
    waiting = list(range(len(probes)))
    while waiting:
        short = []
        for start in range(0, len(waiting), _PROBES):
            places = waiting[start : start + _PROBES]
            hits = _search(server, rows, asked, probes[places], fetch, ())
            for place, found in zip(places, hits, strict=True):
                answers[place] = _by_identity(probes[place], found, asked)[:k]
                if len(answers[place]) < k and len(found) >= fetch:
                    short.append(place)
        if fetch >= min(MOST_HITS, counts.templates):
            break
        waiting, fetch = short, min(MOST_HITS, counts.templates, fetch * _FURTHER)
    for place in waiting:
        if len(answers[place]) < k and fetch >= MOST_HITS:
            answers[place] = _beyond(server, rows, asked, probes[place], k, answers[place])
    return answers


def _beyond(
    server: Server, rows: TemplateRows, asked: Asked, probe: npt.NDArray[np.float32], k: int, held: list[Candidate]
) -> list[Candidate]:
    """Go on where identities with very many templates hide the others: they are left out, and asked again."""
    while len(held) < k and len(held) < _LEFT_OUT:
        (found,) = _search(server, rows, asked, probe[None], MOST_HITS, [one.identity for one in held])
        more = _by_identity(probe, found, asked)
        if not more:
            break
        held = [*held, *more]
    return sorted(held, key=lambda one: one.distance)[:k]


def _search(
    server: Server, rows: TemplateRows, asked: Asked, probes: npt.NDArray[np.float32], fetch: int,
    without: Sequence[str],
) -> list[list[dict[str, Any]]]:  # fmt: skip
    conditions = [rows.mine, *([asked.condition] if asked.condition else [])]
    if without:
        conditions.append(f"owner not in [{', '.join(str(owner_number(name)) for name in without)}]")
    found = _ask(server, rows, asked, probes, fetch, conditions)
    if any(hit["entity"]["serial"] > asked.serial for hits in found for hit in hits):
        # Somebody is just writing: rows that do not count yet are in the way.
        found = _ask(server, rows, asked, probes, fetch, [*conditions, f"serial <= {asked.serial}"])
    return [[hit["entity"] for hit in hits] for hits in found]


def _ask(
    server: Server, rows: TemplateRows, asked: Asked, probes: npt.NDArray[np.float32], fetch: int,
    conditions: Sequence[str],
) -> Any:  # fmt: skip
    return server.ask(
        "search", rows.collection, data=list(probes), limit=fetch, filter=" and ".join(conditions),
        output_fields=["id", "identity", "serial", "vector"], consistency_level="Session",
        search_params={
            "metric_type": metric_type(asked.model.metric),
            "params": search_settings(fetch, asked.counts.templates),
        },
    )  # fmt: skip


def _by_identity(probe: npt.NDArray[np.float32], found: Sequence[Mapping[str, Any]], asked: Asked) -> list[Candidate]:
    if not found:
        return []
    vectors = np.array([hit["vector"] for hit in found], np.float32)
    distances = pairwise(probe[None], vectors, asked.model.metric)[0].astype(np.float32)
    best: dict[str, Candidate] = {}
    for place in np.lexsort([np.array([hit["id"] for hit in found]), distances]):
        hit = found[place]
        best.setdefault(hit["identity"], Candidate(hit["identity"], float(distances[place]), int(hit["id"])))
    return list(best.values())
