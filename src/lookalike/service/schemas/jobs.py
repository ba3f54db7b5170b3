"""Long work that the service does in another process: what is asked, and how far it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from lookalike.service.schemas.base import Answered, Asked

__all__ = [
    "DoctorJob",
    "EvaluateJob",
    "JobAnswer",
    "JobEvent",
    "JobFiles",
    "JobRequest",
    "JobState",
    "Jobs",
    "ReembedJob",
    "TrainJob",
]

#: What a job does next, or how it ended. `interrupted`: the service ended meanwhile.
JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
#: A name of the service's settings, never a path.
Named = Annotated[str, Field(min_length=1, max_length=200, examples=["people-2026"])]


class EvaluateJob(Asked):
    """Measure the model on labelled pictures: report, metrics, thresholds.

    Attributes:
        data: a name in the setting `data`.
        enrolled: pictures enrolled of each person.
        calibrate: also measure thresholds.
    """

    kind: Literal["evaluate"]
    data: Named
    enrolled: int = Field(default=1, ge=1, le=1000)
    calibrate: bool = False


class TrainJob(Asked):
    """Train a network on labelled pictures.

    Attributes:
        data: a name in the setting `data`.
        loss: as of `lookalike train`; by default the recipe's.
        epochs: by default the recipe's.
        seed: of all that is random.
    """

    kind: Literal["train"]
    data: Named
    loss: str | None = Field(default=None, min_length=1, max_length=50, pattern=r"^[a-z][a-z0-9_-]*$")
    epochs: int | None = Field(default=None, ge=1, le=10_000)
    seed: int = Field(default=0, ge=0, le=2**31 - 1)


class ReembedJob(Asked):
    """Embed the gallery's templates again with another model; switching to it is a step of its own.

    Attributes:
        model: a name in the setting `models`.
    """

    kind: Literal["reembed"]
    model: Named


class DoctorJob(Asked):
    """What is wrong in the gallery: names of one person, wrong names, poor pictures, copies.

    Attributes:
        measure_quality: measure the quality of every picture that can be read.
    """

    kind: Literal["doctor"]
    measure_quality: bool = False


#: Any of them.
JobRequest = Annotated[EvaluateJob | TrainJob | ReembedJob | DoctorJob, Field(discriminator="kind")]


class JobEvent(Answered):
    """How far a job is.

    Attributes:
        n: number of the event, from 1 on.
        at: ISO 8601, UTC.
        stage: what is being done, in words.
        done: how much of it.
        total: of how much; None where that is not known.
        detail: a figure that changes, or empty.
        warning: something to know, or empty.
        state: the job's state where it changed; None otherwise.
    """

    n: int
    at: str
    stage: str = ""
    done: int = 0
    total: int | None = None
    detail: str = ""
    warning: str = ""
    state: JobState | None = None


class JobAnswer(Answered):
    """A job.

    Attributes:
        id: by which it is asked about.
        kind: what it does.
        asked: the request.
        state: how it stands.
        caller: name of the key that asked for it.
        created_at: ISO 8601, UTC.
        started_at: None before.
        ended_at: None before.
        latest: how far it is; None before the first event.
        error: why it failed; empty where it did not.
        result: what the work printed for programs; None before, and where it is very long.
    """

    id: str
    kind: Literal["evaluate", "train", "reembed", "doctor"]
    asked: dict[str, Any]
    state: JobState
    caller: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    latest: JobEvent | None = None
    error: str = ""
    result: Any = None


class Jobs(Answered):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


class JobFiles(Answered):
    """What a job has written, by name: `report.html`, `metrics.json`."""

    files: dict[str, int] = Field(description="Bytes of each.")
