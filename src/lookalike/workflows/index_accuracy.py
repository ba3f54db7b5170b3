"""How many identifications an index loses against exact search, on a labelled folder of vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink

if TYPE_CHECKING:
    from lookalike.evaluation.identification.index_loss import IndexLoss

__all__ = ["IndexAccuracyOptions", "index_accuracy"]


@dataclass(frozen=True, kw_only=True)
class IndexAccuracyOptions:
    """Whom to identify, and through which index.

    Attributes:
        vectors: a labelled folder that `embed` wrote.
        kind: of the index, or auto.
        settings: build and search settings of the kind, such as `{"M": 32}`.
        distractors: vectors of strangers by the same model, enrolled as well; None for none.
        threshold: accept an answer up to this distance only; None for any.
        seed: of the choice of probes.
    """

    vectors: Path
    kind: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    distractors: Path | None = None
    threshold: float | None = None
    seed: int = 0


def index_accuracy(options: IndexAccuracyOptions, progress: ProgressSink | None = None) -> IndexLoss:
    """Identify one vector of each identity among all others, exactly and through an index.

    Raises:
        ArtefactError: the folder is missing or damaged.
        InputError: no identity has two vectors, the kind or a setting is unknown, or the threshold is no distance.
        VectorError: the distractors are unusable.

    Example:
        >>> index_accuracy(IndexAccuracyOptions(vectors=Path("vectors"), kind="hnsw")).lost    # doctest: +SKIP
        0
    """
    from lookalike.decisions.policies import given_threshold
    from lookalike.embedder.vectors_folder import MARKER, read_vectors
    from lookalike.evaluation.identification.index_loss import LossOptions, measure_index_loss
    from lookalike.index.vector_files import open_vectors
    from lookalike.workflows.index_input import check_kind

    if (options.vectors / MARKER).is_file():  # other folders, `read_vectors` refuses
        with open_vectors(options.vectors) as source:  # which reads only what describes them
            check_kind(options.kind, source.metric or "cosine", source.dimension, options.settings)
    stored = read_vectors(options.vectors)
    if options.threshold is not None:
        given_threshold(options.threshold, stored.metric)
    strangers = None if options.distractors is None else open_vectors(options.distractors).read()
    return measure_index_loss(
        stored.vectors,
        stored.identities,
        options.kind,
        stored.metric,
        LossOptions(distractors=strangers, threshold=options.threshold, seed=options.seed),
        progress=progress,
        **options.settings,
    )
