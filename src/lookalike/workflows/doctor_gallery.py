"""What `lookalike doctor` looks at of a gallery: its file, its log, its index, and who else may read it."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import numpy as np

from lookalike.counted_nouns import how_many
from lookalike.gallery import EmbeddedGallery, Gallery
from lookalike.gallery.audit import AuditLog, open_audit_log
from lookalike.gallery.gallery_stats import described
from lookalike.index.quantities import size_text
from lookalike.workflows.doctor_findings import Finding, refused

__all__ = ["check_gallery", "last_written"]

#: Templates that a search compares one by one: from so many on it is worth a word.
_MANY_UNINDEXED = 100_000


def check_gallery(gallery: Gallery, *, whole: bool) -> list[Finding]:
    """What is held, whether it is as it was written, how quickly it answers, and who may read it.

    Args:
        gallery: opened.
        whole: read all of its file and of its audit log; seconds for a million templates.
    """
    stats = gallery.stats()
    held = described(gallery.counts(), gallery.model, gallery.kind)
    on_disk = stats.get("bytes_on_disk")
    encrypted = ", encrypted" if stats.get("encrypted") else ""
    size = f", {size_text(on_disk)} on disk" if on_disk else ""
    found = [Finding("gallery", "ok", f"{held}{encrypted}{size}")]
    if isinstance(gallery, EmbeddedGallery):
        if whole:
            fault = gallery.fault()
            if fault is not None:
                found[0] = Finding("gallery", "fault", f"its file is damaged ({fault})", "restore a backup")
            found += _check_log(gallery.audit)
        found += _check_access(Path(stats["path"]))
    return found + _check_search(gallery)


def last_written(address: str | Path) -> datetime | None:
    """When a gallery's audit log was last added to; None for one that keeps none, or has no entry."""
    if "://" in str(address):
        return None
    with open_audit_log(address) as log:
        n, _ = log.head()
        entries = log.page(1, after=n - 1) if n else []
    return datetime.fromisoformat(entries[0].at) if entries else None


def _check_log(log: AuditLog) -> list[Finding]:
    found: list[Finding] = []
    with refused("audit log", found):
        verdict = log.verified()
        if verdict.fault is not None:
            advice = "compare it with an exported copy: somebody changed what had been written"
            return [Finding("audit log", "fault", verdict.fault, advice)]
        found.append(Finding("audit log", "ok", f"{how_many(verdict.entries, 'entry', 'entries')}, as written"))
    return found


def _check_access(folder: Path) -> list[Finding]:
    open_to = folder.stat().st_mode & 0o077
    if open_to:
        return [
            Finding(
                "access",
                "warning",
                f"other users of this machine can open {folder} (mode {folder.stat().st_mode & 0o777:o})",
                f"chmod 700 {folder}",
            )
        ]
    return [Finding("access", "ok", "only its owner can open the folder")]


def _check_search(gallery: Gallery) -> list[Finding]:
    model = gallery.model
    if model is None or not gallery.counts().templates:
        return []
    found: list[Finding] = []
    with refused("search", found):
        probe = np.random.default_rng(0).standard_normal((1, model.dimension)).astype(np.float32)
        gallery.search(probe, k=1)  # opens what is opened at first use
        began = time.perf_counter()
        gallery.search(probe, k=1)
        took = 1000 * (time.perf_counter() - began)
        index = gallery.stats()["index"]
        said = f"answers in {took:.2g} ms"
        beside = index.get("compared_one_by_one", 0) if isinstance(index, dict) else 0
        if isinstance(index, dict) and index.get("damaged"):
            damaged = how_many(index["damaged"], "damaged part")
            advice = "it is built again by whoever next enrolls; look at the disk"
            found.append(Finding("search", "warning", f"{said}; {damaged} of the index is passed over", advice))
        elif beside >= _MANY_UNINDEXED:
            advice = "an index is built by whoever next enrolls, or by a service that runs; it needs free disk"
            found.append(Finding("search", "warning", f"{said}; {beside:,} templates are in no index yet", advice))
        else:
            found.append(Finding("search", "ok", said))
    return found
