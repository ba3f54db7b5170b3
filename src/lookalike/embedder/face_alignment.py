"""Turn a face upright: dlib's alignment by 5 points.

This is preprocessing, so it lives with the embedder: a model that was trained on aligned faces aligns them the
same way when it serves.
"""

from __future__ import annotations

from dataclasses import replace

from lookalike.embedder.dlib_tools import borrowed_tools, load_dlib
from lookalike.embedder.face_detection import Face, FaceBox, face_in_box, find_faces, find_subject, smallest_face
from lookalike.embedder.face_subject import subject_note
from lookalike.errors import NoFaceError
from lookalike.images import RGBArray

__all__ = ["align_face", "align_faces", "aligned"]

_WHOLE_PICTURE = "no face was found; the whole picture is taken for one"


def aligned(rgb: RGBArray, face: Face, size: int) -> RGBArray:
    """Cut out a face of a `(h, w, 3)` uint8 picture, upright, eyes level, with a quarter of its size as border.

    Args:
        rgb: the picture in which the face was found.
        face: with the landmarks `eye-corners`.
        size: side of the result in pixels.

    Returns:
        `(size, size, 3)` uint8.
    """
    dlib = load_dlib()
    points = [dlib.point(round(x), round(y)) for x, y in face.landmarks]
    box = dlib.rectangle(face.box.left, face.box.top, face.box.right, face.box.bottom)
    chip: RGBArray = dlib.get_face_chip(rgb, dlib.full_object_detection(box, points), size=size, padding=0.25)
    return chip


def align_faces(
    rgb: RGBArray, size: int, cropped: bool = False, smallest: int = 0
) -> list[tuple[Face, RGBArray, tuple[str, ...]]]:
    """Every face of a picture, aligned, the most likely subject first, each with notes for the user.

    Args:
        rgb: `(h, w, 3)` uint8.
        size: side of the results in pixels.
        cropped: the picture is already a face crop: where the detector finds nothing, take all of it.
        smallest: leave out faces of fewer pixels.
    """
    faces = find_faces(rgb, smallest)
    if faces or not cropped:
        return [(face, aligned(rgb, face, size), ()) for face in faces]
    whole = _whole_picture(rgb)
    return [(whole, aligned(rgb, whole, size), (_WHOLE_PICTURE,))]


def align_face(rgb: RGBArray, size: int, cropped: bool = False) -> tuple[RGBArray, tuple[str, ...], tuple[Face, ...]]:
    """The most likely subject of a picture, aligned; arguments as of `align_faces`.

    Returns:
        `(size, size, 3)` uint8, notes for the user (several faces, nothing found), and every face, this one first.

    Raises:
        NoFaceError: no face was found, and `cropped` is false.
    """
    faces = find_subject(rgb)
    height, width = rgb.shape[:2]
    notes: tuple[str, ...] = ()
    if not faces:
        if not cropped:
            raise NoFaceError(
                f"no face was found in a picture of {width}×{height} pixels; "
                f"use a frontal face of at least {smallest_face(width, height)} pixels, or say that pictures are face "
                "crops (--cropped)"
            )
        notes = (_WHOLE_PICTURE,)
        faces = [_whole_picture(rgb)]
    elif len(faces) > 1:
        notes = (subject_note(faces),)
    return aligned(rgb, faces[0], size), notes, tuple(faces)


def _whole_picture(rgb: RGBArray) -> Face:
    height, width = rgb.shape[:2]
    inset_y, inset_x = round(0.1 * height), round(0.05 * width)  # the detector's boxes leave out hair and ears
    box = FaceBox(inset_x, 2 * inset_y, width - inset_x, height - inset_y)
    with borrowed_tools() as tools:
        return replace(face_in_box(rgb, box, 0.0, tools), cut_off=False)
