"""Copies of pictures with boxes and names, in a folder of the user's."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.face_drawing import Mark, draw_marks, missing_letters
from lookalike.images import Picture, read_picture, source_of
from lookalike.picture_inputs import STDIN
from lookalike.workflows.output_folder import output_folder

if TYPE_CHECKING:
    from lookalike.progress import Reporter

__all__ = ["check_drawings", "draw_pictures"]

#: Endings of pictures whose copies are JPEGs; those of all others are PNGs.
_PHOTOS = frozenset({".jpg", ".jpeg", ".jfif", ".jpe", ".heic", ".heif", ".avif"})


def check_drawings(folder: Path | None) -> None:
    """Refuse, before the work, a folder for drawings that cannot be made.

    Raises:
        StorageError: it cannot.
    """
    if folder is not None:
        with output_folder(folder, "--draw"):
            pass


def draw_pictures(
    folder: Path,
    pictures: Sequence[Picture],
    names: Sequence[str],
    marks: Sequence[Sequence[Mark]],
    report: Reporter,
) -> tuple[str, ...]:
    """Write a copy of each picture with its marks: `photo.jpg` becomes `photo-faces.jpg`; the picture stays as it is.

    A copy that is there from before is replaced, but never one of the pictures. Pictures of one name, from several
    folders, get numbers.

    Args:
        folder: made where it is missing.
        pictures: that can be read.
        names: what they are called in results; the copies are named after them.
        marks: of each picture.
        report: told of progress, and of names that no font at hand has letters for.

    Returns:
        the paths of the copies.

    Raises:
        StorageError: the folder cannot be made, or the disk is full or failing.
        ImageError: a picture cannot be read any more.
    """
    from lookalike.atomic_files import write_atomically

    done = report.counted("Drawing", len(pictures))
    paths: list[str] = []
    taken = {str(Path(source_of(picture)).resolve()).casefold() for picture in pictures if source_of(picture)}
    with output_folder(folder, "--draw"):
        for picture, name, own in zip(pictures, names, marks, strict=True):
            file = _unused(folder, name, taken)
            copy = draw_marks(read_picture(picture), own)
            content = io.BytesIO()
            if file.endswith(".jpg"):
                copy.save(content, "JPEG", quality=92, subsampling=0)
            else:
                copy.save(content, "PNG", compress_level=3)
            write_atomically(folder / file, content.getvalue())
            paths.append(str(folder / file))
            done(1)
    missing = sorted({letter for own in marks for mark in own for letter in missing_letters(mark.label)})
    if missing:
        report.remark(
            f"no font at hand has the letters {''.join(missing[:10])}: names with them are drawn with empty boxes; "
            "install a font that has them, such as Noto Sans CJK"
        )
    return tuple(paths)


def _unused(folder: Path, name: str, taken: set[str]) -> str:
    """A file's name in the folder that nothing else has, on a disk that ignores case as well."""
    given = Path(name)
    stem = "stdin" if name in ("", STDIN) else given.stem
    suffix = ".jpg" if given.suffix.lower() in _PHOTOS else ".png"
    for number in itertools.count(1):
        file = f"{stem}-faces{'' if number == 1 else f'-{number}'}{suffix}"
        path = str((folder / file).resolve()).casefold()
        if path not in taken:
            break
    taken.add(path)
    return file
