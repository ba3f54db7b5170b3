"""What `lookalike doctor` looks at of the service itself: its keys, its address, and whether its processes fit."""

from __future__ import annotations

import http.client
import json
import resource
import sys

from lookalike.counted_nouns import how_many
from lookalike.index.quantities import size_text
from lookalike.service.api_keys import ApiKeys
from lookalike.service.settings import ServiceSettings
from lookalike.workflows.doctor import Check, DoctorOptions
from lookalike.workflows.doctor_findings import Finding, refused
from lookalike.workflows.doctor_machine import memory_available

__all__ = ["looked_at", "service_checks"]

#: Seconds that a service may take to say that it lives.
_PATIENCE = 3.0


def looked_at(settings: ServiceSettings, *, whole: bool = True) -> DoctorOptions:
    """What the doctor looks at for a service with these settings.

    Args:
        settings: of the service.
        whole: see `DoctorOptions`.
    """
    return DoctorOptions(
        model=settings.model,
        gallery=settings.gallery,
        calibration=settings.calibration,
        fpir=settings.fpir,
        threshold=settings.threshold,
        device=settings.device,
        state=settings.state_folder,
        whole=whole,
    )


def service_checks(settings: ServiceSettings) -> list[Check]:
    """The checks, to be made after the doctor's own, when the model is loaded."""
    return [
        ("keys", lambda: _keys(settings)),
        ("address", lambda: _address(settings)),
        ("processes", lambda: _processes(settings)),
    ]


def _keys(settings: ServiceSettings) -> list[Finding]:
    file = settings.keys_file
    found: list[Finding] = []
    with refused("keys", found):
        keys = [key for key in ApiKeys(file).listed() if not key.expired]
        if not keys:
            advice = "the service makes one of the role admin when it starts, and shows it once"
            return [Finding("keys", "warning", f"no key in {file} is valid", advice)]
        mode = file.stat().st_mode & 0o777
        if mode & 0o077:
            said = f"other users can read {file} (mode {mode:o})"
            found.append(Finding("keys", "warning", said, f"chmod 600 {file}"))
        roles = ", ".join(f"{sum(key.role == role for key in keys)} {role}" for role in sorted({k.role for k in keys}))
        if not any(key.role == "admin" for key in keys):
            advice = "lookalike keys add NAME --role admin"
            found.append(Finding("keys", "warning", f"{roles}: nobody may see the audit log or start a job", advice))
        elif not found:
            found.append(Finding("keys", "ok", f"{how_many(len(keys), 'key')}: {roles}"))
    return found


def _address(settings: ServiceSettings) -> list[Finding]:
    shown = f"{settings.host} port {settings.port}"
    answer = _answer(settings) if settings.port else None
    if answer == "":
        advice = "give another port, or end that program"
        return [Finding("address", "fault", f"another program listens at {shown}", advice)]
    if answer == "failing":
        advice = "see its log, and what is said of the gallery above"
        return [Finding("address", "fault", f"a service answers at {shown}, and cannot read its gallery", advice)]
    state = "is free" if answer is None else "answers"
    if not settings.on_loopback:
        advice = "put a proxy with TLS before it (deploy/nginx.conf): keys and pictures are sent as they are"
        names = "any name" if "*" in settings.hosts else ", ".join(settings.hosts)
        said = f"{shown} {state}; it can be reached from elsewhere, under {names}"
        return [Finding("address", "warning", said, advice)]
    return [Finding("address", "ok", f"{shown} {state}; only this machine reaches it")]


def _answer(settings: ServiceSettings) -> str | None:
    """What is told of the health of who listens there; empty if it is no service of ours, None if nobody listens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    asked = http.client.HTTPConnection(host, settings.port, timeout=_PATIENCE)
    try:
        asked.connect()
    except OSError:
        return None
    try:
        asked.request("GET", "/health/ready", headers={"Host": settings.hosts[0].replace("*", "localhost")})
        answer = asked.getresponse()
        told = json.loads(answer.read(10_000))
        return str(told["status"]) if answer.getheader("X-Request-ID") else ""
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return ""
    finally:
        asked.close()


def _processes(settings: ServiceSettings) -> list[Finding]:
    left = memory_available()
    if left is None:
        return []
    import lookalike.service.app  # noqa: F401  # what a process that answers holds, beside the model

    unit = 1 if sys.platform == "darwin" else 1024
    each = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit  # as large as a process that answers
    needed = settings.workers * each
    said = f"{how_many(settings.workers, 'process', 'processes')} of about {size_text(each)}, {size_text(left)} left"
    if needed > left:
        return [Finding("processes", "fault", said, "give fewer --workers, or more memory")]
    worst = needed + settings.workers * settings.decoders * settings.decode_memory
    if worst > left:
        most = f"while pictures are decoded up to {size_text(worst)}"
        advice = "lower decode_memory or decoders, or trust that few pictures are that large"
        return [Finding("processes", "warning", f"{said}; {most}", advice)]
    return [Finding("processes", "ok", said)]
