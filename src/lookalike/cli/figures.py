"""`lookalike figures`: pages of pictures that show what the product's parts do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli.options import AsJson

__all__ = ["figures"]


def figures(
    page: Annotated[str, typer.Argument(help="Which page: losses.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for PAGE.html and PAGE.json.")] = Path(
        "figures"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Of the split, weights, batches and noise.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make pictures that explain: losses trains ten small networks on digits and shows what each loss does to them.

    Real training on real pictures, offline, in about a minute. Writes a self-contained page and its numbers.
    """
    import contextlib
    import json
    import time

    from lookalike.atomic_files import write_atomically
    from lookalike.cli.terminal import console, escape, plain, print_json, progress_bar
    from lookalike.errors import InputError, StorageError
    from lookalike.samples.loss_page import PAGES

    if page not in PAGES:
        raise InputError(f"there is no page {page!r}; choose {' or '.join(PAGES)}")
    from lookalike.samples.loss_page.page import GENERATOR, train_losses
    from lookalike.samples.loss_page.panels import PANELS
    from lookalike.samples.loss_page.plane_training import EPOCHS

    html, numbers = output / f"{page}.html", output / f"{page}.json"
    for path in (html, numbers):
        _check_ours(path, GENERATOR)
    missing = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{output} cannot be made: {error.strerror}; choose another with --output") from None

    started = time.monotonic()
    try:
        with progress_bar() as bars:
            task = bars.add_task("Ten losses", total=len(PANELS) * EPOCHS, extra="")
            done = train_losses(
                seed,
                progress=lambda name, epoch: bars.update(task, advance=1, extra=f"{name}, epoch {epoch} of {EPOCHS}"),
            )
    except BaseException:
        if missing:  # nothing was written: Ctrl-C leaves no empty folder behind
            with contextlib.suppress(OSError):
                output.rmdir()
        raise
    document = plain(done.document())
    write_atomically(html, done.html().encode())
    write_atomically(numbers, (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode())
    seconds = time.monotonic() - started
    if as_json:
        print_json(document | {"html": html, "json": numbers, "seconds": seconds})
        return
    for one in done.trained:
        state = "collapsed" if one.measures.collapsed else f"{one.measures.accuracy:.1%} nearest class mean"
        typer.echo(f"{one.panel.name}: {state}")
    console.print(f"{seconds:.0f} s\n[green]open {escape(str(html))}[/green]", soft_wrap=True)


def _check_ours(path: Path, generator: str) -> None:
    """Refuse to write over a file that this verb has not made."""
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
