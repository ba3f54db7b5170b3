"""Options that the verbs of `lookalike audit` share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["AuditedGallery"]

AuditedGallery = Annotated[
    str,
    typer.Argument(metavar="GALLERY", envvar="LOOKALIKE_GALLERY", show_envvar=False, help="The gallery's folder."),
]
