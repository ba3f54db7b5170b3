"""What a gallery keeps for a change of its model, into a copy of it: pictures, and thresholds of its model."""

from __future__ import annotations

import numpy as np

from lookalike.gallery.gallery import Gallery
from lookalike.gallery.model_upgrade import Upgradable
from lookalike.gallery.records import Enrolment
from lookalike.progress import ProgressSink, counted

__all__ = ["copy_kept"]


def copy_kept(source: Gallery, target: Gallery, progress: ProgressSink | None = None) -> int:
    """Give the templates of a copy the pictures that the source keeps, person by person; may be repeated.

    Args:
        source: a gallery of people.
        target: one that holds the same people and templates.
        progress: told how far it is.

    Returns:
        how many pictures the source keeps that the target cannot keep: a gallery on a server keeps none.

    Raises:
        StorageError: one of the two cannot be read or written.
    """
    if not isinstance(source, Upgradable):
        return 0
    model, kept = source.model, source.upgrade
    people = kept.people_with_pictures()
    if not isinstance(target, Upgradable):
        return sum(people.values())
    thresholds = None if model is None else kept.calibration(model.fingerprint)
    if model is not None and thresholds is not None:
        target.upgrade.keep_calibration(model.fingerprint, thresholds)
    done = counted(progress, "Copying pictures", len(people))
    for name in people:
        templates = source.templates(name)
        pictures = [kept.picture(one.id) for one in templates]
        target.enroll_many([Enrolment(name, np.stack([one.vector for one in templates]), pictures=pictures)])
        done(1)
    return 0
