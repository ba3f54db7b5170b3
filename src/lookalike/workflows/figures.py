"""Pages of pictures that show what the product's parts do, each made by running them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import ProgressSink

if TYPE_CHECKING:
    from lookalike.samples.loss_page.page import LossPage

__all__ = ["PAGES", "FiguresOptions", "FiguresWritten", "make_figures"]

#: The pages there are.
PAGES = ("losses",)


@dataclass(frozen=True, kw_only=True)
class FiguresOptions:
    """Which page, and where to.

    Attributes:
        page: out of `PAGES`.
        output: folder for PAGE.html and PAGE.json.
        seed: of the split, weights, batches and noise.
    """

    page: str
    output: Path = Path("figures")
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FiguresWritten:
    """The page, and its numbers.

    Attributes:
        html: the page.
        json: its numbers.
        document: what the latter holds.
        trained: the trained panels.
        seconds: what it took.
    """

    html: Path
    json: Path
    document: Mapping[str, Any]
    trained: LossPage
    seconds: float


def make_figures(options: FiguresOptions, progress: ProgressSink | None = None) -> FiguresWritten:
    """Train ten small networks on digits under ten losses, and show in the plane what each loss does to them.

    Files that this has written before are replaced.

    Raises:
        InputError: there is no such page.
        StorageError: the output cannot be written, or holds a file of that name which this has not made.

    Example:
        >>> make_figures(FiguresOptions(page="losses")).html    # doctest: +SKIP
        PosixPath('figures/losses.html')
    """
    import json

    from lookalike.atomic_files import write_atomically
    from lookalike.errors import InputError
    from lookalike.json_values import plain
    from lookalike.workflows.output_folder import output_folder

    if options.page not in PAGES:
        raise InputError(f"there is no page {options.page!r}; choose {' or '.join(PAGES)}")
    from lookalike.samples.loss_page.page import GENERATOR, train_losses

    html, numbers = (options.output / f"{options.page}.{ending}" for ending in ("html", "json"))
    for path in (html, numbers):
        _check_ours(path, GENERATOR)
    started = time.monotonic()
    with output_folder(options.output):
        trained = train_losses(options.seed, progress=progress)
        document = plain(trained.document())
        write_atomically(html, trained.html().encode())
        write_atomically(numbers, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())
    return FiguresWritten(html, numbers, document, trained, time.monotonic() - started)


def _check_ours(path: Path, generator: str) -> None:
    """Refuse to write over a file that this has not made."""
    from lookalike.errors import StorageError

    if not path.exists():
        return
    ours = False
    if path.is_file():
        with path.open("rb") as file:
            ours = generator.encode() in file.read(4096)
    if not ours:
        raise StorageError(
            f"{path} exists and was not made by {generator}, so it is not replaced; choose another with --output"
        )
