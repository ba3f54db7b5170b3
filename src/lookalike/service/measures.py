"""What the service counts and times, for Prometheus; with several workers, of all of them together."""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

__all__ = ["MULTIPROCESS_VARIABLE", "Measures"]

#: Where Prometheus' client keeps the numbers of several processes; set before this module is imported.
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Measures:
    """Counters of one application, in a registry of their own.

    Example:
        >>> measures = Measures()
        >>> measures.request("GET", "/v1/service", 200, 0.01)
        >>> b'lookalike_requests_total{method="GET",route="/v1/service",status="200"} 1.0' in measures.text()
        True
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "lookalike_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "lookalike_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        self._refusals = Counter(
            "lookalike_refusals", "Requests refused, by the code of the answer", ["code"], registry=self._registry
        )
        self._decisions = Counter(
            "lookalike_decisions", "Answers by decision", ["question", "decision"], registry=self._registry
        )
        self._pictures = Counter("lookalike_pictures", "Pictures decoded", ["outcome"], registry=self._registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refusal(self, code: str) -> None:
        """A request was refused."""
        self._refusals.labels(code).inc()

    def decision(self, question: str, decision: str) -> None:
        """A verification or identification was decided."""
        self._decisions.labels(question, decision).inc()

    def picture(self, outcome: str) -> None:
        """A picture was decoded, or refused."""
        self._pictures.labels(outcome).inc()

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Tell a number that changes, as it is when it is asked for; of one process only."""
        if MULTIPROCESS_VARIABLE not in os.environ:
            Gauge(f"lookalike_{name}", text, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._together())

    def samples(self) -> list[Sample]:
        """All of it as numbers: names, labels, values."""
        return [sample for family in self._together().collect() for sample in family.samples]

    def _together(self) -> CollectorRegistry:
        if MULTIPROCESS_VARIABLE not in os.environ:
            return self._registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return together
