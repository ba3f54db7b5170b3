"""Every face of a picture, and whose it is: an answer for each, of many pictures together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lookalike.answers import Identified, IdentifiedFace
from lookalike.embedder import Embedder
from lookalike.embedder.embedded_pictures import Unusable, report_unusable
from lookalike.embedder.face import Face
from lookalike.embedder.preparation import prepare_many
from lookalike.embedder.preprocessing import Prepared
from lookalike.errors import ImageError
from lookalike.images import Picture, picture_name

__all__ = ["BATCH", "answer_faces", "answer_pictures", "with_shared_identities"]

#: Pictures prepared together, and faces embedded and searched for together.
BATCH = 64

#: From `(n, d)` vectors to n answers.
Answer = Callable[[npt.NDArray[np.float32]], list[Identified]]


def answer_pictures(
    embedder: Embedder,
    pictures: Sequence[Picture],
    answer: Answer,
    *,
    smallest: int = 0,
    progress: Callable[[int], None] | None = None,
    unusable: Unusable | None = None,
) -> list[list[IdentifiedFace]]:
    """The faces of each picture that can be used, each answered; arguments as of `Recognizer.identify_all_many`.

    Raises:
        ImageError: a picture cannot be used, and `unusable` was not given; the message names it.
        InputError: the model looks for no faces.
    """

    def refuse(position: int, error: ImageError) -> None:
        report_unusable(pictures[position], position, error, unusable)

    answered: list[list[IdentifiedFace]] = []
    for batch in prepare_many(lambda one: embedder.prepare_faces(one, smallest), pictures, BATCH, refuse):
        found = iter(answer_faces(embedder, [face for _, faces in batch for face in faces], answer))
        for position, faces in batch:
            name = picture_name(pictures[position], position)
            answered.append(with_shared_identities([_named(next(found), name) for _ in faces]))
        if progress:
            progress(len(batch))
    return answered


def answer_faces(embedder: Embedder, faces: Sequence[tuple[Face, Prepared]], answer: Answer) -> list[IdentifiedFace]:
    """Answer faces that are found and aligned, of any pictures, in batches.

    Args:
        embedder: that prepared them.
        faces: as `Embedder.prepare_faces` gives them.
        answer: from vectors to answers.
    """
    answered: list[IdentifiedFace] = []
    for start in range(0, len(faces), BATCH):
        batch = faces[start : start + BATCH]
        began = time.perf_counter()
        vectors = embedder.embed_prepared(np.stack([prepared.pixels for _, prepared in batch]))
        embedded = time.perf_counter()
        found = answer(vectors)
        searching = (time.perf_counter() - embedded) / len(batch)
        embedding = (embedded - began) / len(batch)
        for (face, prepared), one in zip(batch, found, strict=True):
            own = replace(
                one, notes=prepared.notes, faces=(face,), seconds_embedding=embedding, seconds_search=searching
            )
            answered.append(IdentifiedFace(face, own))
    return answered


def with_shared_identities(faces: Sequence[IdentifiedFace]) -> list[IdentifiedFace]:
    """The faces of one picture, each with a remark where another of them is answered with the same identity.

    Nothing is changed of the answers. A rule that lets each identity be given once would name twins wrongly, and the
    person in front of a mirror, and would make the answer about one face depend on who else is in the picture.

    Example:
        >>> with_shared_identities([])
        []
    """
    positions: dict[str, list[int]] = {}
    for position, one in enumerate(faces):
        if one.answer.identity is not None:
            positions.setdefault(one.answer.identity, []).append(position)
    noted = list(faces)
    for identity, shared in positions.items():
        if len(shared) == 1:
            continue
        nearest = min(shared, key=lambda at: faces[at].answer.distance)
        numbers = ", ".join(str(at + 1) for at in shared[:-1])
        note = (
            f"faces {numbers} and {shared[-1] + 1} are answered with {identity}; face {nearest + 1} is the nearest, at "
            f"{faces[nearest].answer.distance:.4f}"
        )
        for position in shared:
            noted[position] = replace(faces[position], notes=(*faces[position].notes, note))
    return noted


def _named(one: IdentifiedFace, name: str) -> IdentifiedFace:
    """A face whose remarks say which picture they are about."""
    notes = tuple(f"{name}: {note}" for note in one.answer.notes)
    return replace(one, answer=replace(one.answer, notes=notes))
