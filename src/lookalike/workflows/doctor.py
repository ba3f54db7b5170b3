"""Whether this machine can serve: versions, memory, clock, disks, model, gallery and thresholds, each with a line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lookalike.gallery.gallery_stats import bytes_below
from lookalike.progress import Progress, ProgressSink
from lookalike.workflows.doctor_findings import Finding, refused
from lookalike.workflows.doctor_gallery import check_gallery, last_written
from lookalike.workflows.doctor_machine import check_clock, check_disk, check_memory, check_versions
from lookalike.workflows.served_recognizer import served_recognizer

if TYPE_CHECKING:
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery

__all__ = ["Check", "DoctorOptions", "DoctorResult", "examine"]

#: Pictures that are embedded to see how long one takes.
_TIMED = 3


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """What is looked at: what a service with these settings would use.

    Attributes:
        model: a model folder, an ONNX file, or a pretrained model's name.
        gallery: its address; it is not made where it is not there.
        calibration: a `calibration.json` in place of the model's own.
        fpir: the promise of the service; None for the calibration's own rule.
        threshold: a distance in place of a measured one.
        device: on which the model runs.
        state: a folder in which the service keeps its own files; None where there is none.
        whole: read all of the gallery's file and of its audit log; seconds for a million templates.
    """

    model: str = "dlib"
    gallery: str = "people.gallery"
    calibration: Path | None = None
    fpir: float | None = None
    threshold: float | None = None
    device: str = "auto"
    state: Path | None = None
    whole: bool = True


@dataclass(frozen=True)
class DoctorResult:
    """All findings, in the order in which they were made.

    Attributes:
        findings: one for each thing that was looked at.
    """

    findings: tuple[Finding, ...]

    @property
    def faults(self) -> int:
        """How many do not work."""
        return sum(one.verdict == "fault" for one in self.findings)

    @property
    def warnings(self) -> int:
        """How many work, and want somebody to look."""
        return sum(one.verdict == "warning" for one in self.findings)


#: What is looked at, and what looks.
Check = tuple[str, Callable[[], Iterable[Finding]]]


def examine(
    options: DoctorOptions, further: Iterable[Check] = (), progress: ProgressSink | None = None
) -> DoctorResult:
    """Look at everything; what is refused is a finding, and the rest is looked at nevertheless.

    Args:
        options: what is looked at.
        further: more checks, which are made last.
        progress: told before each check.

    Example:
        >>> examine(DoctorOptions(model="dlib", gallery="people.gallery")).faults    # doctest: +SKIP
        0
    """
    findings: list[Finding] = []
    for done, (stage, look) in enumerate((*_Checks(options).all(), *further)):
        if progress is not None:
            progress(Progress("look", done, detail=stage))
        findings += look()
    return DoctorResult(tuple(findings))


class _Checks:
    """The checks of what is looked at; later ones need what earlier ones have opened."""

    def __init__(self, options: DoctorOptions) -> None:
        self._options = options
        self._folder = None if "://" in options.gallery else Path(options.gallery).expanduser()
        self._embedder: Embedder | None = None
        self._last_written: datetime | None = None

    def all(self) -> Iterator[Check]:
        yield "versions", check_versions
        yield "memory", check_memory
        yield "disk", self._disks
        yield "model", self._model
        yield "gallery", self._gallery
        yield "clock", lambda: check_clock(datetime.now(UTC), self._last_written)

    def _disks(self) -> Iterator[Finding]:
        folder, state = self._folder, self._options.state
        if folder is not None:
            yield from check_disk("disk", folder, bytes_below(folder))
        if state is not None and (folder is None or state.absolute().parent != folder.absolute().parent):
            yield from check_disk("disk of the service", state)

    def _model(self) -> list[Finding]:
        from lookalike.embedder import Embedder

        options, found = self._options, list[Finding]()
        with refused("model", found):
            # Cropped: the picture that is tried need not hold a face.
            self._embedder = Embedder.load(options.model, True, device=options.device)
            found += _check_model(self._embedder)
            if options.calibration is not None:
                with refused("thresholds", found):
                    self._embedder.use_calibration(options.calibration)
        return found

    def _gallery(self) -> list[Finding]:
        from lookalike.gallery import open_gallery

        options, found = self._options, list[Finding]()
        if self._folder is not None and not self._folder.exists():
            advice = "lookalike enroll makes it, and so does the service when it starts"
            return [Finding("gallery", "warning", f"{options.gallery} is not there yet", advice)]
        with refused("gallery", found):
            self._last_written = last_written(options.gallery)
            with open_gallery(options.gallery, create=False) as gallery:
                found += check_gallery(gallery, whole=options.whole)
                if self._embedder is not None:
                    found += _check_thresholds(options, self._embedder, gallery)
        return found


def _check_model(embedder: Embedder) -> list[Finding]:
    """Whether it makes vectors of a picture, the same ones twice, and how long one takes."""
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    first = embedder.embed(picture)
    began = time.perf_counter()
    again = np.concatenate([embedder.embed(picture) for _ in range(_TIMED)])
    took = 1000 * (time.perf_counter() - began) / _TIMED
    said = f"{embedder.name} ({embedder.fingerprint}), {embedder.dimension} numbers a picture in {took:.2g} ms"
    if not np.isfinite(first).all() or not np.allclose(first, again, atol=1e-4):
        advice = "give another --device, or install the model anew"
        return [Finding("model", "fault", f"{said}; one picture gave different vectors, or no numbers", advice)]
    return [Finding("model", "ok", said)]


def _check_thresholds(options: DoctorOptions, embedder: Embedder, gallery: Gallery) -> list[Finding]:
    """Whether the gallery belongs to the model, and what answers are decided by."""
    found: list[Finding] = []
    with refused("thresholds", found):
        if gallery.model is None:
            return []
        recognizer = served_recognizer(embedder, gallery, options.threshold, options.fpir)
        places = recognizer.place_recognition()
        if places is not None:
            return [Finding("thresholds", "ok", places.atlas.rejection.promised.source)]
        limits = recognizer.limits
        said = f"a match is a distance of at most {limits.threshold.distance:.4g}: {limits.threshold.source}"
        if recognizer.calibration is None and options.threshold is None:
            advice = "measure it on pictures like yours: lookalike evaluate DATA --model MODEL"
            found.append(Finding("thresholds", "warning", said, advice))
        else:
            found.append(Finding("thresholds", "ok", said))
    return found
