"""A map of the pictures, as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.measured_method import compared
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.page import Drawing, Drawings, Section
from lookalike.evaluation.report.thumbnails import Thumbnails
from lookalike.evaluation.sample import sample

__all__ = ["EmbeddingMap", "map_section"]

Picture = npt.NDArray[np.uint8]


class EmbeddingMap:
    """The pictures of the sample, each near those that it resembles."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """A drawing; it has no figures."""
        shown = sample(context)
        maps = {"Map of the embeddings": shown.vectors}
        return Measurement(map_section(compared(context), maps, Thumbnails(shown.pictures.paths)))


def map_section(
    methods: ComparedMethods, maps: Mapping[str, npt.ArrayLike], thumbnails: Sequence[Picture] | None = None
) -> Section | None:
    """One map or several of the same pictures.

    Args:
        methods: whose pictures they are.
        maps: caption → `(n, d)` embeddings, for example before and after training.
        thumbnails: `(h, w)` or `(h, w, 3)` uint8, one per picture; None draws markers.

    Returns:
        the section, or None without maps, or where only scores are known.

    Raises:
        VectorError: maps or thumbnails do not match the pictures.
    """
    codes = methods.featured_result.verification.codes
    if not maps or codes is None:
        return None
    drawn = tuple(
        Drawing(
            figure_style.inline_svg(figures.embedding_map(vectors, codes, thumbnails=thumbnails, seed=methods.seed)),
            caption,
            alternative=f"two-dimensional map of the pictures, {caption}",
        )
        for caption, vectors in maps.items()
    )
    prose = (
        "Each picture is placed near the pictures it resembles (t-SNE); a colour is an identity. Only "
        "neighbourhoods carry meaning: the size of gaps and groups does not.",
    )
    return Section("A map of the pictures", prose, (Drawings(drawn),))
