"""`lookalike index`: build, tune, compare and plan indexes; search one, and see what it costs in accuracy."""

from __future__ import annotations

import typer

from lookalike.cli.index import accuracy, build, compare, plan, search, show, tune
from lookalike.cli.verb_help import VerbCommand, VerbGroup

__all__ = ["app"]

app = typer.Typer(
    name="index",
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="Find the nearest of a thousand or a hundred million vectors: plan, tune, build, compare, search.",
    epilog="VECTORS is .npy, .fvecs, .bvecs, .hdf5 (ann-benchmarks), or a folder that lookalike embed wrote.",
)
_CHOOSE, _MAKE, _USE = "Choose", "Make", "Use"
app.command("plan", cls=VerbCommand, rich_help_panel=_CHOOSE)(plan.plan)
app.command("compare", cls=VerbCommand, rich_help_panel=_CHOOSE)(compare.compare)
app.command("tune", cls=VerbCommand, rich_help_panel=_MAKE)(tune.tune)
app.command("build", cls=VerbCommand, rich_help_panel=_MAKE)(build.build)
app.command("show", cls=VerbCommand, rich_help_panel=_USE)(show.show)
app.command("search", cls=VerbCommand, rich_help_panel=_USE)(search.search)
app.command("accuracy", cls=VerbCommand, rich_help_panel=_USE)(accuracy.accuracy)
