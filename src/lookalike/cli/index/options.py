"""Options that the verbs of `lookalike index` share, and how their texts become settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.vector_files import VectorSource

__all__ = [
    "IndexPath",
    "K",
    "Kinds",
    "Memory",
    "Metric",
    "Queries",
    "Recall",
    "Replace",
    "Vectors",
    "chosen_metric",
    "fitted_covariance",
    "kind_list",
    "read_queries",
    "settings_from",
]

Vectors = Annotated[Path, typer.Argument(help="Vectors: .npy, .fvecs, .bvecs, .hdf5, or a folder of lookalike embed.")]
IndexPath = Annotated[Path, typer.Argument(help="An index folder.")]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric", help="euclidean, cosine, inner_product, manhattan or mahalanobis; default: the file's, or cosine."
    ),
]
K = Annotated[int, typer.Option("--k", "-k", min=1, help="Neighbours a search asks for.")]
Recall = Annotated[float, typer.Option("--recall", help="Share of the true neighbours to find, up to 1.")]
Memory = Annotated[str | None, typer.Option("--memory", help="What the index may take while it serves, e.g. 8GiB.")]
Kinds = Annotated[str | None, typer.Option("--kinds", help="Only these, e.g. hnsw,ivf,trees; default: all installed.")]
Queries = Annotated[
    Path | None,
    typer.Option("--queries", help="Vectors that are asked for, not indexed; default: the file's, or some held out."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an older one.")]


def chosen_metric(metric: str | None, source: VectorSource) -> str:
    """What was asked for, else what the file says, else cosine."""
    return metric or source.metric or "cosine"


def kind_list(kinds: str | None) -> list[str] | None:
    """`"hnsw,ivf"` as a list; None for all."""
    return None if kinds is None else [kind.strip() for kind in kinds.split(",") if kind.strip()]


def settings_from(given: list[str] | None) -> dict[str, Any]:
    """`["M=32", "opq=false"]` as settings: whole numbers, numbers, true/false, or words.

    Raises:
        InputError: no `=`, no name, or a name given twice.
    """
    from lookalike.errors import InputError

    settings: dict[str, Any] = {}
    for item in given or []:
        name, equals, text = item.partition("=")
        if not equals or not name.strip() or name.strip() in settings:
            raise InputError(f"--set {item!r} is not NAME=VALUE, each name once; give for example --set M=32")
        settings[name.strip()] = _value(text.strip())
    return settings


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def read_queries(path: Path | None, source: VectorSource) -> Any:
    """The `(q, d)` queries of a file, else those the vectors' file brings (ann-benchmarks), else None."""
    from lookalike.index.vector_files import open_vectors

    if path is not None:
        return open_vectors(path).read()
    return source.queries


def fitted_covariance(metric: str, source: VectorSource) -> Covariance | None:
    """For Mahalanobis, the covariance of (a sample of) the vectors; None for other metrics."""
    if metric != "mahalanobis":
        return None
    import numpy as np

    from lookalike.distances import Covariance

    rows = np.sort(np.random.default_rng(0).permutation(source.count)[:200_000])
    return Covariance.fit(source.rows(rows))
