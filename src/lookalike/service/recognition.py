"""What the service does with a request that was let in: pictures decoded, then asked of the recognizer. In threads."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from lookalike.embedder.embedded_pictures import embed_pictures
from lookalike.embedder.preparation import named
from lookalike.errors import ImageError, VectorError
from lookalike.images import RGBArray, picture_name
from lookalike.json_values import plain
from lookalike.service.schemas.faces import Detected, DetectedPicture
from lookalike.service.schemas.people import Enrolled
from lookalike.service.schemas.recognition import (
    Embedded,
    EmbeddedPicture,
    Identification,
    Identified,
    IdentifiedPicture,
    Verified,
)

if TYPE_CHECKING:
    from lookalike.answers import Identified as Answer
    from lookalike.recognizer import Recognizer
    from lookalike.service.decoders import Decoders
    from lookalike.service.measures import Measures
    from lookalike.service.schemas.picture_requests import (
        DetectRequest,
        EmbedRequest,
        EnrollRequest,
        IdentifyRequest,
        IdentifyVectorsRequest,
        VerifyRequest,
    )

__all__ = ["Recognition"]


class Recognition:
    """Requests with pictures, answered by a recognizer. Every method is called from several threads.

    Args:
        recognizer: whose embedder collects what several threads bring (`micro_batches`).
        decoders: of the pictures.
        threads: that decode the pictures of one request side by side.
        measures: counts decisions and pictures.
    """

    def __init__(self, recognizer: Recognizer, decoders: Decoders, threads: int, measures: Measures) -> None:
        self.recognizer, self._decoders, self._measures = recognizer, decoders, measures
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def close(self) -> None:
        """Let go of threads and processes."""
        self._pool.shutdown()
        self._decoders.close()

    def detect(self, asked: DetectRequest) -> Detected:
        """The faces in pictures."""
        embedder, found = self.recognizer.embedder, []
        for position, picture in enumerate(self.decoded(asked.pictures)):
            try:
                faces = embedder.faces(picture, asked.smallest_face)
            except ImageError as error:
                raise named(error, picture_name(picture, position)) from None
            height, width = picture.shape[:2]
            found.append(DetectedPicture(width=width, height=height, faces=plain(faces)))
        return Detected(pictures=found)

    def embed(self, asked: EmbedRequest) -> Embedded:
        """The vectors of pictures."""
        embedder, pictures = self.recognizer.embedder, self.decoded(asked.pictures)
        seen = embed_pictures(embedder, pictures)
        return Embedded(
            model=embedder.name,
            fingerprint=embedder.fingerprint,
            metric=embedder.metric,
            pictures=[
                EmbeddedPicture(vector=vector.tolist(), face=plain(faces[0]) if faces else None, notes=remarks)
                for vector, faces, remarks in zip(seen.vectors, seen.faces, seen.remarks, strict=True)
            ],
        )

    def verify(self, asked: VerifyRequest) -> Verified:
        """Whether two pictures show the same identity."""
        a, b = self.decoded(asked.pictures)
        answer = self.recognizer.verify(a, b)
        self._measures.decision("verify", answer.decision)
        return Verified.model_validate(plain(answer))

    def identify(self, asked: IdentifyRequest) -> Identification:
        """Who is in pictures."""
        pictures = self.decoded(asked.pictures)
        if asked.all_faces:
            faces = self.recognizer.identify_all_many(
                pictures, k=asked.top, smallest_face=asked.smallest_face, where=asked.where
            )
            return self._identification(
                [[self._told(one.answer, (*one.answer.notes, *one.notes)) for one in own] for own in faces]
            )
        answers = self.recognizer.identify_many(pictures, k=asked.top, where=asked.where)
        return self._identification([[self._told(answer, answer.notes)] for answer in answers])

    def identify_vectors(self, asked: IdentifyVectorsRequest) -> Identification:
        """Whose vectors these are."""
        dimension = self.recognizer.embedder.dimension
        for at, one in enumerate(asked.vectors):
            if len(one) != dimension:
                raise VectorError(f"vector {at + 1} has {len(one)} numbers; those of this model have {dimension}")
        vectors = np.array(asked.vectors, np.float64)
        answers = self.recognizer.identify_vectors(vectors, k=asked.top, where=asked.where)
        return self._identification([[self._told(answer, answer.notes)] for answer in answers])

    def enroll(self, asked: EnrollRequest, *, replace: bool, key: str | None) -> Enrolled:
        """Store pictures of one person, or photos of one place."""
        if self.recognizer.place_recognition() is not None:
            key = None  # photos that a place has already are not stored again, so repeating does no harm
        stored = self.recognizer.enroll(
            asked.name,
            self.decoded(asked.pictures),
            keep_pictures=asked.keep_pictures,
            tags=asked.tags or None,
            replace=replace,
            key=key,
        )
        return Enrolled(identity=stored.identity, template_ids=list(stored.template_ids), notes=list(stored.notes))

    def decoded(self, contents: Sequence[bytes]) -> list[RGBArray]:
        """The pixels of encoded pictures; an `ImageError` that names the first that cannot be used."""

        def one(at: int) -> RGBArray:
            try:
                picture = self._decoders.decode(contents[at])
            except ImageError as error:
                self._measures.picture("refused")
                raise named(error, f"picture {at + 1}") from None
            self._measures.picture("decoded")
            return picture

        if len(contents) == 1:
            return [one(0)]
        return list(self._pool.map(one, range(len(contents))))

    def _told(self, answer: Answer, notes: Sequence[str]) -> Identified:
        self._measures.decision("identify", answer.decision)
        told: dict[str, Any] = plain(answer)
        return Identified.model_validate(told | {"face": plain(answer.face), "notes": list(notes)})

    def _identification(self, pictures: list[list[Identified]]) -> Identification:
        kind = self.recognizer.gallery.kind
        return Identification(kind=kind, pictures=[IdentifiedPicture(answers=answers) for answers in pictures])
