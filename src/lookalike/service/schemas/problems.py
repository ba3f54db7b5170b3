"""What the service says when it refuses or fails: one form for every error."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lookalike.service.schemas.base import Answered

__all__ = ["Problem", "ProblemAnswer"]


class Problem(Answered):
    """Why a request was refused or failed.

    Attributes:
        code: for programs, such as `no_face`; does not change with the wording.
        message: for people: what was given, what was expected, what to do.
        details: what else is known, such as the position of a picture; its keys depend on the code.
        request_id: the same as in the header `X-Request-ID` and in the service's log.
    """

    code: str = Field(examples=["no_face"])
    message: str = Field(examples=["no face was found; give a picture in which a face is larger than 40 pixels"])
    details: dict[str, Any] = Field(default_factory=dict)
    request_id: str = Field(default="", examples=["5f0c1a6e9b7d4c2f"])


class ProblemAnswer(Answered):
    """The body of every answer whose status is 400 or above."""

    error: Problem
