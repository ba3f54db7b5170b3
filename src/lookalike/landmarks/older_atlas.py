"""Galleries of places that an earlier version wrote: what they lack is measured on what they hold, and stored.

Up to format 1 of the annex without `odds`, how sure an answer is was a formula of the threshold. The photos, centroids
and non-landmarks that odds are measured on are all in the gallery.
"""

from __future__ import annotations

import logging
from collections import defaultdict

import numpy as np

from lookalike.decisions.place_odds import PlaceOdds
from lookalike.errors import StorageError
from lookalike.gallery import AnnexUpdate, Gallery, Template, annex_of
from lookalike.landmarks.atlas import ODDS, Atlas
from lookalike.landmarks.held_out_places import PlaceVectors, held_out_odds

__all__ = ["complete"]

_log = logging.getLogger(__name__)


def complete(gallery: Gallery, atlas: Atlas, change: int) -> PlaceOdds:
    """Measure the odds of a gallery that has none, and store them where that can be.

    Where another program writes just now, or the disk cannot be written, they are measured again next time.

    Args:
        gallery: of places.
        atlas: of the gallery.
        change: the gallery's change that the atlas was read at.

    Example:
        >>> complete(gallery, Atlas(annex_of(gallery).annex()), gallery.change).places    # doctest: +SKIP
        48
    """
    settings, keeper = atlas.settings, annex_of(gallery)
    with keeper.unchanged(change) as still:
        if not still:
            raise StorageError("the gallery was changed by another program meanwhile; ask again")
        places = _places(gallery, atlas)
    odds = held_out_odds(
        places,
        atlas.rejection,
        unknown_places=settings.unknown_places,
        non_landmarks=settings.non_landmarks,
    )
    update = AnnexUpdate(document=dict(atlas.annex.document) | {ODDS: odds.model_dump(mode="json")})
    try:
        keeper.enroll_with_annex([], lambda ids: update, since=change, wait=False)
    except StorageError as error:  # somebody is just writing, or the disk is read-only
        _log.info("the odds of places were measured and not stored: %s", error)
    return odds


def _places(gallery: Gallery, atlas: Atlas) -> dict[str, PlaceVectors]:
    templates: defaultdict[str, list[Template]] = defaultdict(list)
    for template in gallery.templates():
        templates[template.identity].append(template)
    held = {}
    for name in atlas.places:
        photos, own = atlas.photos(name), templates[name]
        position = {template.id: at for at, template in enumerate(own)}
        looks = np.array([position.get(one, -1) for one in photos.templates.tolist()], np.int64)
        held[name] = PlaceVectors(np.stack([one.vector for one in own]), np.array(photos.vectors), looks)
    return held
