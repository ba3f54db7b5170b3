"""Named points between the steps of a change, at which a test kills the process to see what the next one finds.

A point does nothing unless the environment variable `LOOKALIKE_FAILPOINT` names it when it is reached.
"""

from __future__ import annotations

import os
import signal

__all__ = ["FAILPOINTS", "VARIABLE", "reached"]

VARIABLE = "LOOKALIKE_FAILPOINT"

#: What is written in one transaction.
_CHANGES = ("enroll", "rename", "merge", "split", "undo", "tag", "forget")
#: All points, in the order of a change's steps.
FAILPOINTS = (
    "keyring of a new gallery made",
    "database of a new gallery written",
    "database of a new gallery linked",
    "before commit of upgrade",
    "record of the annex appended",
    "annex written",
    *(f"{when} commit of {change}" for change in _CHANGES for when in ("before", "after")),
    "keys kept",
    "remains noted",
    "log emptied",
    "log scrubbed",
    "keys destroyed",
    "vectors of a segment erased",
    "segments scrubbed",
    "records of the annex overwritten",
    "records of the annex written again",
    "annexes swept",
    "segment written",
    "before commit of segment",
    "after commit of segment",
    "segments swept",
)


def reached(point: str) -> None:
    """Kill this process (SIGKILL) where the environment names the point.

    Args:
        point: one of `FAILPOINTS`.

    Example:
        >>> reached("after commit of forget")
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is not None and wanted == point:
        os.kill(os.getpid(), signal.SIGKILL)
