"""What is wrong in a gallery of people: one person under two names, templates under the wrong name, and more.

>>> found = diagnose(gallery, Rules(threshold=0.6))    # doctest: +SKIP
>>> found.totals["one-person"], found.findings[0].identities    # doctest: +SKIP
(1, ('Ada', 'Ada L.'))

Every finding has its evidence, and where there is one a proposal; `repair` carries out those that somebody confirmed.
"""

from __future__ import annotations

from lookalike.gallery.doctor.diagnosis import Diagnosis, diagnose
from lookalike.gallery.doctor.findings import KINDS, Finding, FindingKind, Proposal
from lookalike.gallery.doctor.repairs import Repaired, repair
from lookalike.gallery.doctor.rules import Rules
from lookalike.gallery.doctor.stored_templates import StoredTemplates

__all__ = [
    "KINDS",
    "Diagnosis",
    "Finding",
    "FindingKind",
    "Proposal",
    "Repaired",
    "Rules",
    "StoredTemplates",
    "diagnose",
    "repair",
]
