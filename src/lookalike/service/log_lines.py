"""The service's log on stderr: one line an event, as JSON for programs or as text for people. No names, no keys."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

__all__ = ["log_to_stderr"]


class _JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        line |= getattr(record, "request", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _TextLines(logging.Formatter):
    """Time, level and message; of a request also how long it took."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request = getattr(record, "request", None)
        return line if request is None else f"{line} {request['ms']} ms, key {request['key']}, id {request['id']}"


def log_to_stderr(how: Literal["json", "text"]) -> None:
    """Send the lines of Lookalike and of the server to stderr, in this process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if how == "json" else _TextLines("%(asctime)s %(levelname)s %(message)s"))
    for name in ("lookalike", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # "started", "waiting": ours say it
