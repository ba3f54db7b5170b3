"""Arguments that several verbs of `lookalike gallery` share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["FolderToRead", "FolderToWrite", "GalleryToRead", "GalleryToWrite"]

#: Text, for a `Path` would make "milvus:/host" of "milvus://host".
GalleryToRead = Annotated[str, typer.Argument(metavar="GALLERY", help="The address of the gallery.")]
GalleryToWrite = Annotated[str, typer.Argument(metavar="TARGET", help="The gallery that is written; made if missing.")]
FolderToRead = Annotated[str, typer.Argument(metavar="FOLDER", help="A folder that lookalike gallery export wrote.")]
FolderToWrite = Annotated[str, typer.Argument(metavar="FOLDER", help="The folder that is made.")]
