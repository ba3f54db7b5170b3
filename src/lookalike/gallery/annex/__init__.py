"""The annex of a gallery: what is kept beside its templates about its identities, and is forgotten with them.

A gallery of landmarks keeps the photos behind its centroids there: many more vectors than templates, never searched,
read a few rows at a time. They change in one step with the templates, place by place. Not every gallery can keep one:
`annex_of` gives the capability of those that can.
"""

from __future__ import annotations

from lookalike.gallery.annex.capability import KeepsAnnex, annex_of
from lookalike.gallery.annex.kept import Annex, AnnexUpdate, Kept, MakeAnnexUpdate

__all__ = ["Annex", "AnnexUpdate", "KeepsAnnex", "Kept", "MakeAnnexUpdate", "annex_of"]
