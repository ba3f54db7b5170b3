"""`lookalike index`: build, tune, compare and plan indexes; search one, and see what it costs in accuracy."""

from __future__ import annotations

import typer

from lookalike.cli.verb_groups import verb_group

__all__ = ["index_verbs"]

_CHOOSE, _MAKE, _USE = "Choose", "Make", "Use"
#: Every verb in the order of the help: its panel there, and where its function stands.
_VERBS = {
    "plan": (_CHOOSE, "lookalike.cli.index.plan:plan"),
    "compare": (_CHOOSE, "lookalike.cli.index.compare:compare"),
    "tune": (_MAKE, "lookalike.cli.index.tune:tune"),
    "build": (_MAKE, "lookalike.cli.index.build:build"),
    "show": (_USE, "lookalike.cli.index.show:show"),
    "search": (_USE, "lookalike.cli.index.search:search"),
    "accuracy": (_USE, "lookalike.cli.index.accuracy:accuracy"),
}


def index_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike index`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    return verb_group(
        "index",
        _VERBS if with_verbs else {},
        help_text="Find the nearest of a thousand or a hundred million vectors: plan, tune, build, compare, search.",
        epilog="VECTORS is .npy, .fvecs, .bvecs, .hdf5 (ann-benchmarks), or a folder that lookalike embed wrote.",
    )
