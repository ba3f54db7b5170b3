"""Which other identities are near each template, found by the gallery's own search: no pair of all is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates
from lookalike.gallery.gallery import Gallery
from lookalike.progress import ProgressSink, counted

__all__ = ["NearIdentities", "near_identities"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Templates asked about by one search.
BATCH = 1024


@dataclass(frozen=True, eq=False)
class NearIdentities:
    """Templates, and other identities within the neighbourhood of the threshold.

    Attributes:
        rows: `(h,)` of the templates.
        others: `(h,)` row of the nearest template of the other identity.
        distances: `(h,)` between the two, as the gallery's search gave them.
        nearest: `(n,)` of all templates: to the nearest other identity; infinite where none was found.
    """

    rows: Integers
    others: Integers
    distances: Floats
    nearest: Floats


def near_identities(
    gallery: Gallery, templates: StoredTemplates, rules: Rules, progress: ProgressSink | None = None
) -> NearIdentities:
    """Ask the gallery for the identities nearest to every template.

    Whoever was enrolled, moved or forgotten after the templates were read is left out. Where the gallery's index is
    approximate, so is this; a pair is found from either side.

    Args:
        gallery: searched.
        templates: read from it.
        rules: how many identities are looked at around each, and how far.
        progress: told how far it is.

    Raises:
        StorageError: the disk is failing.
    """
    rows, others, distances = ([np.empty(0, kind)] for kind in (np.int64, np.int64, np.float64))
    nearest = np.full(len(templates), np.inf)
    done = counted(progress, "Searching neighbours", len(templates))
    for start in range(0, len(templates), BATCH):
        asked = np.arange(start, min(start + BATCH, len(templates)))
        found = gallery.search(templates.vectors[asked], k=rules.neighbours + 1)  # the nearest is the template's own
        probes = np.repeat(asked, [len(one) for one in found])
        hits = templates.row_of([hit.template_id for one in found for hit in one])
        apart = np.array([hit.distance for one in found for hit in one], np.float64)
        there = hits >= 0
        there[there] = templates.codes[hits[there]] != templates.codes[probes[there]]
        np.minimum.at(nearest, probes[there], apart[there])
        there &= apart <= rules.limit
        rows.append(probes[there])
        others.append(hits[there])
        distances.append(apart[there])
        done(len(asked))
    return NearIdentities(np.concatenate(rows), np.concatenate(others), np.concatenate(distances), nearest)
