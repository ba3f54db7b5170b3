"""`lookalike index show`: what an index is, holds, takes and promises."""

from __future__ import annotations

from lookalike.cli.index.options import IndexPath
from lookalike.cli.options import AsJson

__all__ = ["show"]


def show(index: IndexPath, as_json: AsJson = False) -> None:
    """Show an index: kind, settings, vectors, memory, and what its tuning promised and measured."""
    from lookalike.cli.index.tables import print_stats
    from lookalike.cli.terminal import print_json
    from lookalike.index import load_index

    stats = load_index(index, mapped=True).stats()
    if as_json:
        print_json({"index": index, **stats})
    else:
        print_stats(index, stats)
