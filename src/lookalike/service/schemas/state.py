"""What the service is, what its gallery holds, and what its answers promise."""

from __future__ import annotations

from typing import Any, Literal

from lookalike.service.schemas.base import Answered

__all__ = [
    "AuditEntryAnswer",
    "AuditPage",
    "AuditVerdict",
    "EvaluationSummary",
    "GalleryState",
    "Health",
    "ModelState",
    "ServiceState",
    "Thresholds",
]


class Health(Answered):
    """Whether the service lives, or is ready.

    Attributes:
        status: `ok`, or `failing` where the gallery cannot be read.
    """

    status: Literal["ok", "failing"]


class ModelState(Answered):
    """The model that answers.

    Attributes:
        name: of the model.
        fingerprint: changes with weights or preprocessing.
        metric: the distance its vectors are meant for.
        dimension: length of a vector.
        finds_faces: whether it looks for faces, or takes pictures as a whole.
    """

    name: str
    fingerprint: str
    metric: str
    dimension: int
    finds_faces: bool


class ServiceState(Answered):
    """What answers here.

    Attributes:
        version: of Lookalike.
        role: of the key that asked.
        kind: what the gallery holds; None while it holds nothing.
        model: that answers.
        limits: `bytes` of a request, `pictures` of a request, `pixels` of a picture.
    """

    version: str
    role: str
    kind: Literal["people", "landmarks"] | None
    model: ModelState
    limits: dict[str, int]


class GalleryState(Answered):
    """How much the gallery holds.

    Attributes:
        kind: None while it holds nothing.
        identities: how many.
        templates: how many vectors.
        encrypted: whether it is encrypted; None where that is not known.
        bytes_on_disk: None where it lies on a server.
        index: which parts are searched how; None before the first search.
    """

    kind: Literal["people", "landmarks"] | None
    identities: int
    templates: int
    encrypted: bool | None = None
    bytes_on_disk: int | None = None
    index: dict[str, Any] | None = None


class Thresholds(Answered):
    """By which distances answers are decided, for the gallery as it is now.

    Attributes:
        metric: whose distances these are.
        identify: a search names who is at most so far; None of landmarks, where each place has its own.
        identify_source: the promise that it rests on, in words.
        verify: two pictures match that are at most so far; None where there is no threshold for pairs.
        verify_source: likewise.
        promised: of `identify`, in numbers; None where it was measured, documented or given.
    """

    metric: str
    identify: float | None
    identify_source: str
    verify: float | None
    verify_source: str
    promised: dict[str, Any] | None = None


class AuditEntryAnswer(Answered):
    """One entry of the gallery's audit log; it names nobody. See `lookalike.gallery.audit.AuditEntry`."""

    n: int
    at: str
    actor: str
    act: str
    subjects: list[str]
    details: dict[str, Any]
    previous: str
    hash: str


class AuditPage(Answered):
    """Some entries, in order.

    Attributes:
        entries: of this page.
        next: give it as `after` for the page that follows; None where this is the last one.
    """

    entries: list[AuditEntryAnswer]
    next: int | None = None


class AuditVerdict(Answered):
    """Whether the log is what was written.

    Attributes:
        entries: how many there are.
        head: the hash of the last one: note it elsewhere.
        first_bad: number of the first entry that is wrong; None where none is.
        fault: what is wrong; None where nothing is.
    """

    entries: int
    head: str
    first_bad: int | None = None
    fault: str | None = None


class EvaluationSummary(Answered):
    """What was measured of the model: the calibration that thresholds come from.

    Attributes:
        source: on what it was measured, in words.
        identities: how many took part.
        pictures: how many took part.
        eer: equal error rate of pairs.
        points: of each target false match rate: threshold, measured rates and their intervals.
        note: a warning, or empty.
    """

    source: str
    identities: int
    pictures: int
    genuine_pairs: int
    impostor_pairs: int
    eer: float
    points: list[dict[str, Any]]
    note: str = ""
