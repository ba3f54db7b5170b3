"""`lookalike gallery`: what a gallery is, moving it to another place, and keeping copies of it."""

from __future__ import annotations

import typer

from lookalike.cli.verb_groups import verb_group

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
    return verb_group(
        "gallery",
        _VERBS if with_verbs else {},
        help_text="Look after a gallery as a whole: statistics, migration, export, import, backup, another model.",
        epilog="GALLERY is a directory, or milvus://host:19530/name for a gallery on a Milvus server.",
        groups=_GROUPS,
    )
