"""Worker processes that take the planned photos and write them as JPEG files with their EXIF."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lookalike.atomic_files import write_atomically
from lookalike.errors import LookalikeError
from lookalike.progress import ProgressSink, counted
from lookalike.samples.buildings.plan import Shot

if TYPE_CHECKING:
    from lookalike.samples.buildings.renderer import Renderer
    from lookalike.samples.buildings.scenes import Photograph

__all__ = ["render_units"]

#: Worker processes by default.
_WORKERS = 2
_METRES_A_DEGREE = 111_320.0
#: Standard deviation of a camera's position, metres east and north.
_RECEIVER_ERROR = 6.0
#: Least and most JPEG quality.
_QUALITY = (70, 92)


def render_units(
    units: Mapping[str, Sequence[Shot]],
    working: Path,
    size: int,
    seed: int,
    workers: int | None,
    progress: ProgressSink | None,
) -> None:
    """Take all photos of the units that are not done yet; each unit that is done is recorded in `working/done`.

    Args:
        units: photos by the name of their unit.
        working: pictures go to `set/` below it, a row a picture to `done/NAME.json`.
        size: side of the pictures in pixels.
        seed: of the set.
        workers: processes; with one, this process renders itself, and must have loaded torch before if it ever will.
        progress: is called with the number of pictures that are done, those of earlier calls included.

    Raises:
        MissingDependencyError: VTK, or the library it draws with, is missing.
        LookalikeError: a worker died.
        OSError: a picture could not be written.
    """
    total = sum(map(len, units.values()))
    left = {name: shots for name, shots in units.items() if not (working / "done" / f"{name}.json").is_file()}
    advance = counted(progress, "Rendering", total)
    advance(total - sum(map(len, left.values())))
    if not left:
        return
    count = min(_WORKERS if workers is None else workers, len(left))
    # Only where it is asked for: torch, loaded after VTK has drawn in the same process, ends it.
    if workers == 1:
        for name, shots in left.items():
            advance(_render_unit(name, shots, working, size, seed))
        return
    # Spawned, not forked: a library that draws does not survive a fork.
    with ProcessPoolExecutor(count, get_context("spawn"), _prepare_worker) as pool:
        try:
            waiting = {pool.submit(_render_unit, name, shots, working, size, seed) for name, shots in left.items()}
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                advance(sum(future.result() for future in finished))
        except BrokenProcessPool:
            raise LookalikeError(
                "a rendering process died (killed, or out of memory); run it again, it goes on where it stopped"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _prepare_worker() -> None:
    """Ctrl-C is for the parent, which lets a worker finish what it has begun; one thread a worker draws fastest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["LP_NUM_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


#: One a process, by the pictures' size.
_renderers: dict[int, Renderer] = {}


def _render_unit(name: str, shots: Sequence[Shot], working: Path, size: int, seed: int) -> int:
    """Take the photos of a unit, then record that it is done; returns their number."""
    from lookalike.samples.buildings.other_scenes import photograph_other
    from lookalike.samples.buildings.renderer import Renderer
    from lookalike.samples.buildings.scenes import photograph_landmark

    if size not in _renderers:
        _renderers[size] = Renderer(size)
    rows = []
    for shot in shots:
        rng = np.random.default_rng(shot.stream)
        if shot.number is not None and shot.azimuth is not None:
            taken = photograph_landmark(
                _renderers[size], seed, shot.number, shot.azimuth, part=shot.part, weather=shot.weather, rng=rng
            )
        else:
            taken = photograph_other(_renderers[size], seed, shot.part, shot.weather, rng)
        latitude, longitude = _camera_position(shot, taken, rng)
        path = working / "set" / shot.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            _jpeg(taken.picture, int(rng.integers(*_QUALITY, endpoint=True)), _exif(latitude, longitude, taken.hour))
        )
        rows.append([
            shot.path, shot.identity, shot.split, f"{latitude:.6f}", f"{longitude:.6f}", f"{taken.azimuth:.2f}",
            f"{taken.elevation:.2f}", f"{taken.distance:.1f}", f"{taken.hour:.2f}", taken.weather,
        ])  # fmt: skip
    write_atomically(working / "done" / f"{name}.json", json.dumps(rows).encode())
    return len(rows)


def _camera_position(shot: Shot, taken: Photograph, rng: np.random.Generator) -> tuple[float, float]:
    """Latitude and longitude that the camera's receiver gives, a few metres off."""
    away, turn = taken.distance * np.cos(np.radians(taken.elevation)), np.radians(taken.azimuth)
    east, north = np.array([np.sin(turn), np.cos(turn)]) * away + rng.normal(0, _RECEIVER_ERROR, 2)
    shrink = np.cos(np.radians(shot.latitude))
    return shot.latitude + float(north) / _METRES_A_DEGREE, shot.longitude + float(east / shrink) / _METRES_A_DEGREE


def _jpeg(picture: Image.Image, quality: int, exif: Image.Exif) -> bytes:
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=quality, exif=exif)
    return held.getvalue()


def _exif(latitude: float, longitude: float, hour: float) -> Image.Exif:
    """Where and when, as a camera writes it (Exif 2.32: GPSInfo, DateTimeOriginal)."""

    def sexagesimal(degrees: float) -> tuple[float, float, float]:
        seconds = abs(degrees) * 3600
        return float(seconds // 3600), float(seconds % 3600 // 60), round(seconds % 60, 4)

    exif = Image.Exif()
    exif[0x8825] = {
        1: "N" if latitude >= 0 else "S", 2: sexagesimal(latitude),
        3: "E" if longitude >= 0 else "W", 4: sexagesimal(longitude),
    }  # fmt: skip
    minutes = int(hour * 60)
    exif[0x8769] = {0x9003: f"2024:06:15 {minutes // 60:02d}:{minutes % 60:02d}:00"}
    exif[0x0131] = "Lookalike, synthetic"
    return exif
