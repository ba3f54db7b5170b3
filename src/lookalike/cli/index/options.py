"""Options that the verbs of `lookalike index` share, and how their texts become settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lookalike.errors import InputError

__all__ = [
    "IndexPath",
    "K",
    "Kinds",
    "Memory",
    "Metric",
    "Queries",
    "Recall",
    "Replace",
    "Settings",
    "Vectors",
    "kind_list",
    "settings_from",
]

Vectors = Annotated[Path, typer.Argument(help="Vectors: .npy, .fvecs, .bvecs, .hdf5, or a folder of lookalike embed.")]
IndexPath = Annotated[Path, typer.Argument(help="An index folder.")]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="METRIC",
        help="euclidean, cosine, inner_product, manhattan or mahalanobis; by default the file's, or cosine.",
    ),
]
K = Annotated[int, typer.Option("--k", "-k", min=1, help="How many neighbours a search asks for.")]
Recall = Annotated[
    float, typer.Option("--recall", metavar="SHARE", help="Share of the true neighbours to find, up to 1.")
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="BYTES", help="What the index may take while it serves, such as 8GiB."),
]
Kinds = Annotated[
    str | None,
    typer.Option("--kinds", metavar="KINDS", help="Only these, such as hnsw,ivf,trees; by default all installed."),
]
Queries = Annotated[
    Path | None,
    typer.Option(
        "--queries",
        metavar="FILE",
        help="Vectors that are asked for, not indexed; by default the file's own, or some held out.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A build or search setting, such as --set M=32; may be repeated."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace the index of an earlier run.")]


def kind_list(kinds: str | None) -> list[str] | None:
    """`"hnsw,ivf"` as a list; None for all."""
    return None if kinds is None else [kind.strip() for kind in kinds.split(",") if kind.strip()]


def settings_from(given: list[str] | None) -> dict[str, Any]:
    """`["M=32", "opq=false"]` as settings: whole numbers, numbers, true/false, or words.

    Raises:
        InputError: no `=`, no name, or a name given twice.
    """
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
