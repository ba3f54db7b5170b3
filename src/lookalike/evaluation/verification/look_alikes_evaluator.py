"""The hardest pairs as pictures: who looks like somebody else, and who does not look like themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import PicturePair, PicturePairs, Section, Table
from lookalike.evaluation.report.summary import MethodResult
from lookalike.evaluation.report.thumbnails import Thumbnails
from lookalike.evaluation.sample import sample
from lookalike.evaluation.verification.all_pairs import HardPairs

__all__ = ["LookAlikes", "look_alikes_section"]

Picture = npt.NDArray[np.uint8]

#: Pairs shown of each kind.
HARD_PAIRS = 8


class LookAlikes:
    """The hardest pairs of the sample, as pictures; a page shows a few, however large the set."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Pictures of the nearest impostor pairs and the farthest genuine pairs."""
        thumbnails = Thumbnails(sample(context).pictures.paths, context.model.faces)
        section = look_alikes_section(compared(context), thumbnails)
        if section is not None and context.model.faces is not None:
            boxes = "In a picture of several faces, the one that was compared has a blue box, the others grey ones."
            section = replace(section, prose=(*section.prose, boxes))
        return Measurement(section)


def look_alikes_section(
    methods: ComparedMethods, thumbnails: Sequence[Picture] | None = None, count: int = HARD_PAIRS
) -> Section | None:
    """The hardest pairs by the featured method.

    Args:
        methods: of which one is featured.
        thumbnails: `(h, w)` or `(h, w, 3)` uint8, one per picture in the order of the embeddings; None names the
            pictures only.
        count: pairs of each kind.

    Returns:
        the section, or None where only scores are known.

    Raises:
        InputError: not one thumbnail per picture.
    """
    method = methods.featured_result
    result = method.verification
    if thumbnails is not None and len(thumbnails) != result.pictures:
        raise InputError(
            f"{len(thumbnails)} thumbnails were given for {result.pictures} pictures; give one per picture"
        )
    if result.impostor_pairs is None:
        return None
    threshold = result.eer_threshold if method.threshold is None else method.threshold
    which = "the chosen threshold" if method.threshold is not None else "the EER threshold"
    alike = result.hardest_impostors(count, one_per_identities=True)
    different = result.hardest_genuine(count, one_per_identities=True)
    prose = (
        (f"By {methods.featured}. " if methods.several else "")
        + "First the nearest pairs of two identities, one per two identities: the look-alikes. Then the farthest pairs "
        f"of one identity, one per identity. A cross marks an error at {which}, {threshold:.3g}.",
    )
    sides = (("Two identities that look alike", alike, False), ("One identity that looks like two", different, True))
    if thumbnails is None:
        return Section("Look-alikes", prose, tuple(_pair_table(method, head, p, threshold) for head, p, _ in sides))
    return Section(
        "Look-alikes",
        prose,
        tuple(_pair_pictures(method, head, p, threshold, same, thumbnails) for head, p, same in sides),
    )


def _name(method: MethodResult, picture: int) -> str:
    codes = method.verification.codes
    return f"picture {picture}" if codes is None else str(method.verification.names[int(codes[picture])])


def _pair_pictures(
    method: MethodResult, heading: str, pairs: HardPairs, threshold: float, same: bool, thumbnails: Sequence[Picture]
) -> PicturePairs:
    items = tuple(
        PicturePair(
            thumbnails[a],
            thumbnails[b],
            _name(method, a),
            _name(method, b),
            f"distance {distance:.3g}",
            good=(distance <= threshold) == same,
        )
        for a, b, distance in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distances.tolist(), strict=True)
    )
    return PicturePairs(items, heading)


def _pair_table(method: MethodResult, heading: str, pairs: HardPairs, threshold: float) -> Table:
    rows = tuple(
        (
            f"{_name(method, a)} · {_name(method, b)}",
            f"{a} · {b}",
            f"{distance:.4g}",
            "match" if distance <= threshold else "no match",
        )
        for a, b, distance in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distances.tolist(), strict=True)
    )
    return Table((heading, "pictures", "distance", "answer"), rows)
