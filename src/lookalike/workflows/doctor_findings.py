"""What `lookalike doctor` finds: one line for each thing that it looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from lookalike.errors import LookalikeError

__all__ = ["Finding", "Verdict", "refused"]

#: `fault`: it does not work, or will lose something. `warning`: it works, and somebody should look at it.
Verdict = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        check: what was looked at, such as `disk`.
        verdict: whether it is well.
        said: what was found, in a sentence without a full stop.
        advice: what to do; empty where nothing is to be done.
    """

    check: str
    verdict: Verdict
    said: str
    advice: str = ""


@contextmanager
def refused(check: str, into: list[Finding], verdict: Verdict = "fault") -> Iterator[None]:
    """A block whose refusal is a finding: our errors say what is wrong and what to do."""
    try:
        yield
    except LookalikeError as error:
        said, _, advice = str(error).partition("; ")
        into.append(Finding(check, verdict, said, advice))
