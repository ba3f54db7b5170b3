"""Rank 1 among growing numbers of distractors, as a section of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike.datasets import read_pictures
from lookalike.errors import FingerprintError
from lookalike.evaluation.context import EvaluatedModel, EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.identification.distractors import DistractorRanks, rank_among_distractors
from lookalike.evaluation.report import figure_style, size_figures
from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Section, Table
from lookalike.evaluation.report.rate_text import small_percent
from lookalike.index.vector_files import open_vectors

__all__ = ["AmongDistractors", "distractor_section"]

Vectors = npt.NDArray[np.float32]

#: Endings of files that hold vectors, not a list of pictures.
_VECTORS = (".npy", ".fvecs", ".bvecs", ".hdf5")
#: Fewer distractors than this make no curve.
_FEW_DISTRACTORS = 10


class AmongDistractors:
    """Rank 1 among distractors: those that are given, or the pictures of half of the people themselves."""

    def measure(self, context: EvaluationContext) -> Measurement | None:
        """None where no distractors are given and the set itself has too few."""
        labels = np.asarray(context.pictures.labels)
        if (source := context.options.distractors) is not None:
            probes, codes, strangers = context.vectors, labels, _distractors(source, context.model)
            words = f"of {source}"
        else:
            searched = _searched(labels, context.options.seed)
            inside = np.isin(labels, searched)
            probes, codes, strangers = context.vectors[inside], labels[inside], context.vectors[~inside]
            words = f"the pictures of the other {len(context.pictures.names) - len(searched)} identities"
            if len(strangers) < _FEW_DISTRACTORS or not len(searched):
                return None

        ranks = rank_among_distractors(
            probes, codes, strangers, context.model.metric, seed=context.options.seed, progress=context.report
        )
        curve = [
            {"distractors": size, "rank_1": float(rate), "interval": interval}
            for size, rate, interval in zip(ranks.sizes, ranks.rank_k(1), ranks.intervals(1), strict=True)
        ]
        metrics = {"searches": len(ranks.probe), "of": words, "curve": curve}
        return Measurement(distractor_section({context.model.name: ranks}, {}, words), {"distractors": metrics})


def _searched(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Half of the people, of those with several pictures: the others are the distractors."""
    pictures_of = np.bincount(labels)
    several = np.flatnonzero(pictures_of > 1)
    return np.random.default_rng(seed).permutation(several)[: max(1, len(pictures_of) // 2)]


def _distractors(source: str | Path, model: EvaluatedModel) -> Vectors:
    """Vectors of strangers: pictures that are embedded, or vectors that are read."""
    path = Path(source)
    if not (path / "vectors.toml").is_file() and path.suffix.lower() not in _VECTORS:
        return model.embed(read_pictures(source), stage="Embedding distractors", skip_bad=True)[0]
    with open_vectors(path) as vectors:
        if vectors.fingerprint not in ("", model.fingerprint):
            raise FingerprintError(
                f"{source} was embedded by model {vectors.fingerprint}, this one is {model.fingerprint}; embed the "
                "pictures again with this model"
            )
        return vectors.read()


def distractor_section(results: Mapping[str, DistractorRanks], colours: Mapping[str, str], source: str) -> Section:
    """Rank 1 among growing numbers of distractors.

    Args:
        results: by method.
        colours: `#rrggbb` of the methods.
        source: who the distractors are, in words.
    """
    one = next(iter(results.values()))
    rows = []
    for name, ranks in results.items():
        columns = (ranks.sizes, ranks.rank_k(1), ranks.intervals(1), ranks.rank_k(10))
        for size, rate, band, of_ten in zip(*columns, strict=True):
            rows.append(
                (
                    f"{name}, {size:,}" if len(results) > 1 else f"{size:,}",
                    Cell(small_percent(float(rate)), f"{small_percent(band.low)} – {small_percent(band.high)}"),
                    small_percent(float(of_ten)),
                )
            )
    prose = (
        f"Each picture of an identity is enrolled in turn, alone among the distractors ({source}), and each other "
        f"picture of the identity is searched: {len(one.probe):,} searches (the MegaFace protocol). The larger "
        "sets contain the smaller ones.",
    )
    drawing = Drawing(
        figure_style.inline_svg(size_figures.distractor_curve(results, colours)),
        "Rank-1 among distractors",
        "The band is the 95% interval over identities.",
        "rank-1 identification rate over the number of distractors",
    )
    table = Table(("distractors", "rank 1", "rank 10"), tuple(rows), "Below a rate its 95% interval over identities.")
    return Section("Among strangers", prose, (Drawings((drawing,)), table))
