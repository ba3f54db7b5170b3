"""How the service does now, from two readings of its measures: the numbers that `/metrics` gives, and no others."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.samples import Sample

__all__ = ["LiveNumbers", "Reading", "live_numbers"]

#: What routes are called; of those of people, only enrolments have a name of their own.
_KINDS = {
    "/v1/identify": "identify",
    "/v1/identify/vectors": "identify by vector",
    "/v1/verify": "verify",
    "/v1/detect": "detect",
    "/v1/embed": "embed",
}
#: Answers of these take as long as their readers listen.
_STREAMS = "/events"

Labels = Mapping[str, str]


class Reading:
    """All measures at one moment.

    Args:
        samples: of `Measures.samples`.
        at: seconds of a clock that never goes back.
    """

    def __init__(self, samples: Iterable[Sample], at: float) -> None:
        self.at = at
        self._found: dict[str, list[tuple[Labels, float]]] = defaultdict(list)
        for one in samples:
            self._found[one.name].append((one.labels, one.value))

    def sums(self, name: str, key: Callable[[Labels], str | None]) -> dict[str, float]:
        """Values of a measure added up by what a function makes of their labels; None leaves one out."""
        sums: dict[str, float] = defaultdict(float)
        for labels, value in self._found.get(name, ()):
            if (of := key(labels)) is not None:
                sums[of] += value
        return dict(sums)

    def value(self, name: str) -> float | None:
        """A measure without labels; None where it is not measured here."""
        found = self._found.get(name)
        return found[0][1] if found else None


@dataclass(frozen=True)
class LiveNumbers:
    """What happened between two readings, and how it is now.

    Attributes:
        per_second: requests answered a second, by kind.
        median: seconds within which half of the requests were answered; None where there were none.
        slowest: likewise 99 of 100.
        refused: how many were refused since the start, by the code of the answer.
        busy: threads that work.
        waiting: requests that wait for one.
        batch: pictures that passed the network together, on average; None where none did.
        decoders: processes that decode.
        died: how many of them had to be replaced.
        memory: of the process, in bytes; None where the system does not tell.
    """

    per_second: dict[str, float]
    median: float | None
    slowest: float | None
    refused: dict[str, int]
    busy: int
    waiting: int
    batch: float | None
    decoders: int
    died: int
    memory: int | None


def live_numbers(before: Reading, now: Reading, threads: int) -> LiveNumbers:
    """Compare two readings.

    Args:
        before: the earlier one.
        now: the later one.
        threads: that the service works with.
    """
    seconds = max(now.at - before.at, 1e-9)
    answered = _grown(before, now, "lookalike_requests_total", _kind)
    buckets = _grown(before, now, "lookalike_request_seconds_bucket", _bound)
    pictures = _since(before, now, "lookalike_embedded_pictures")
    calls = _since(before, now, "lookalike_embedding_calls")
    working = int(now.value("lookalike_working_requests") or 0)
    memory = now.value("process_resident_memory_bytes")
    return LiveNumbers(
        per_second={kind: count / seconds for kind, count in answered.items()},
        median=_quantile(0.5, buckets),
        slowest=_quantile(0.99, buckets),
        refused={code: int(count) for code, count in sorted(now.sums("lookalike_refusals_total", _code).items())},
        busy=min(working, threads),
        waiting=max(0, working - threads),
        batch=pictures / calls if calls else None,
        decoders=int(now.value("lookalike_decoders") or 0),
        died=int(now.value("lookalike_dead_decoders") or 0),
        memory=None if memory is None else int(memory),
    )


def _kind(labels: Labels) -> str | None:
    route = labels["route"]
    if route in _KINDS:
        return _KINDS[route]
    if route == "/v1/people" and labels["method"] in ("POST", "PUT"):
        return "enroll"
    return "other" if route.startswith("/v1/") else None


def _bound(labels: Labels) -> str | None:
    """The bound of a bucket; of requests that `_kind` names, and that end by themselves."""
    route = labels["route"]
    return labels["le"] if route.startswith("/v1/") and not route.endswith(_STREAMS) else None


def _code(labels: Labels) -> str:
    return labels["code"]


def _grown(before: Reading, now: Reading, name: str, key: Callable[[Labels], str | None]) -> dict[str, float]:
    earlier = before.sums(name, key)
    return {of: value - earlier.get(of, 0.0) for of, value in now.sums(name, key).items()}


def _since(before: Reading, now: Reading, name: str) -> float:
    return (now.value(name) or 0.0) - (before.value(name) or 0.0)


def _quantile(share: float, buckets: Mapping[str, float]) -> float | None:
    """A quantile from counts up to bounds, between two bounds in proportion, as Prometheus does."""
    bounds = sorted((float(bound), count) for bound, count in buckets.items())
    total = bounds[-1][1] if bounds else 0.0
    if total <= 0:
        return None
    below, counted = 0.0, 0.0
    for bound, count in bounds:
        if count >= share * total:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (share * total - counted) / (count - counted)
        below, counted = bound, count
    return below
