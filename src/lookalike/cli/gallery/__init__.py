"""`lookalike gallery`: what a gallery is, moving it to another place, and keeping copies of it."""

from __future__ import annotations

from pkgutil import resolve_name

import typer

from lookalike.cli.verb_help import VerbCommand, VerbGroup

__all__ = ["gallery_verbs"]

_LOOK, _MOVE, _KEEP = "Look", "Move", "Keep copies"
_PROTECT, _MODEL = "Encrypt", "Change the model"
#: Every verb in the order of the help: its panel there, and where its function stands.
_VERBS = {
    "stats": (_LOOK, "lookalike.cli.gallery.stats:stats"),
    "migrate": (_MOVE, "lookalike.cli.gallery.migrate:migrate"),
    "export": (_MOVE, "lookalike.cli.gallery.export:export"),
    "import": (_MOVE, "lookalike.cli.gallery.import_:import_verb"),
    "backup": (_KEEP, "lookalike.cli.gallery.backup:backup"),
    "encrypt": (_PROTECT, "lookalike.cli.gallery.encrypt:encrypt"),
    "rekey": (_PROTECT, "lookalike.cli.gallery.rekey:rekey"),
    "upgrade": (_MODEL, "lookalike.cli.gallery.upgrade:upgrade_verbs"),
}
#: Verbs that have verbs of their own.
_GROUPS = ("upgrade",)


def gallery_verbs(with_verbs: bool = True) -> typer.Typer:
    """The verbs of `lookalike gallery`.

    Args:
        with_verbs: False for the group alone, which is all that the help of the whole command line shows.
    """
    made = typer.Typer(
        name="gallery",
        cls=VerbGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        help="Look after a gallery as a whole: statistics, migration, export, import, backup, another model.",
        epilog="GALLERY is a directory, or milvus://host:19530/name for a gallery on a Milvus server.",
    )
    if with_verbs:
        for name, (panel, home) in _VERBS.items():
            if name in _GROUPS:
                made.add_typer(resolve_name(home)(), rich_help_panel=panel)
            else:
                made.command(name, cls=VerbCommand, rich_help_panel=panel)(resolve_name(home))
    return made
