"""The report of several methods on the same pictures, as `lookalike demo` writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lookalike.decisions.calibration import Calibration
from lookalike.evaluation.calibration.thresholds_evaluator import thresholds_section
from lookalike.evaluation.identification.trials_evaluator import identification_section
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.how_measured_evaluator import how_measured_section
from lookalike.evaluation.report.in_short_evaluator import facts_of, in_short_section
from lookalike.evaluation.report.map_evaluator import map_section
from lookalike.evaluation.report.page import Report, Section
from lookalike.evaluation.retrieval.ranking_evaluator import retrieval_section
from lookalike.evaluation.verification.look_alikes_evaluator import look_alikes_section
from lookalike.evaluation.verification.scores_evaluator import scores_section

__all__ = ["comparison_report"]

Picture = npt.NDArray[np.uint8]


def comparison_report(
    methods: ComparedMethods,
    *,
    title: str,
    lead: str = "",
    thumbnails: Sequence[Picture] | None = None,
    maps: Mapping[str, npt.ArrayLike] | None = None,
    calibration: Calibration | None = None,
    sections: Sequence[Section] = (),
    footer: str = "",
) -> Report:
    """Build the report from results that are there.

    Args:
        methods: measured on the same pictures; look-alikes, maps and tiles are of the featured one.
        title: of the page.
        lead: one paragraph.
        thumbnails: `(h, w)` or `(h, w, 3)` uint8, one per picture in the order of the embeddings.
        maps: caption → `(n, d)` embeddings of the same pictures, for example before and after training.
        calibration: of the featured method, shown as a table.
        sections: shown after the standard ones, before how it was measured.
        footer: last line.

    Raises:
        InputError: not one thumbnail per picture.
        VectorError: maps do not match the pictures.

    Example:
        >>> comparison_report(ComparedMethods(results, featured="ArcFace"), title="Ten people")    # doctest: +SKIP
    """
    built = [
        in_short_section(methods),
        scores_section(methods),
        identification_section(methods),
        retrieval_section(methods),
        None if calibration is None else thresholds_section(calibration),
        map_section(methods, maps or {}, thumbnails),
        look_alikes_section(methods, thumbnails),
        *sections,
        how_measured_section(methods),
    ]
    return Report(title, lead, facts_of(methods), tuple(one for one in built if one is not None), footer)
