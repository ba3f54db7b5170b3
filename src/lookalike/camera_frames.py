"""Frames of a camera: always the newest one, for whoever looks at them is slower than the camera.

Drivers keep frames until they are fetched (Linux: seconds of them), so a thread fetches all and keeps the last.
"""

from __future__ import annotations

import re
import stat
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from lookalike.errors import VideoError
from lookalike.images import MAX_PIXELS
from lookalike.video_frames import Frame, load_av, upright_rgb

__all__ = ["Camera", "is_camera"]

_WEBCAM = re.compile(r"webcam:(\d+)", re.IGNORECASE)
#: How long a camera may give no frame, in seconds: some need several to start.
_PATIENCE = 10.0


def is_camera(name: str | Path) -> bool:
    """Whether a camera is meant: `webcam:0`, or a device such as `/dev/video0`.

    Example:
        >>> is_camera("webcam:0"), is_camera("photo.jpg")
        (True, False)
    """
    if re.match("webcam:", str(name), re.IGNORECASE) or re.fullmatch(r"/dev/video\d+", str(name)):
        return True
    try:
        return stat.S_ISCHR(Path(name).stat().st_mode) and str(Path(name).resolve()).startswith("/dev/video")
    except (OSError, ValueError):
        return False


class Camera:
    """A camera: its newest frame at even distances in time, until the reader stops.

    Args:
        name: `webcam:0` for the first camera, `webcam:1` for the next; or on Linux a device such as `/dev/video0`.
        device: what FFmpeg is to open, and by which of its input devices, in place of what follows from the name;
            for other inputs than cameras, such as `("testsrc", "lavfi")`. Never made of untrusted text.

    Attributes:
        name: as given, for messages.
        live: True: frames that are not asked for in time are lost.
        duration: None.
        seen_to: the time of the last frame that was given, in seconds since the first.
        remarks: why it ended, where nobody asked it to.

    Raises:
        VideoError: there is no such camera, or it is in use, or may not be used.
        MissingDependencyError: PyAV is not installed.

    Example:
        >>> with Camera("webcam:0") as camera:    # doctest: +SKIP
        ...     for frame in camera.frames(every=1.0, until=30.0):
        ...         print(frame.time)
    """

    live = True
    duration: float | None = None

    def __init__(self, name: str, device: tuple[str, str] | None = None) -> None:
        self.name = name
        self._av = load_av()
        file, driver = device or _device(name, self._av)
        # avfoundation's own rate is one that many cameras do not have.
        options = {"framerate": "30"} if driver == "avfoundation" else {}
        try:
            self._container = self._av.open(file, format=driver, options=options)
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise VideoError(
                f"camera {name} cannot be opened ({reason}); connect it, close other programs that use it, or give "
                "another: webcam:0, webcam:1, or a device such as /dev/video0"
            ) from None
        self.seen_to = 0.0
        self.remarks: list[str] = []
        self._arrived = threading.Condition()
        self._newest: tuple[float, Any] | None = None
        self._ended: str | None = None
        self._stop = self._works = False
        self._reader = threading.Thread(target=self._read, name="camera", daemon=True)

    def __enter__(self) -> Camera:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._reader.join(1.0)
        if not self._reader.is_alive():  # a driver that hangs keeps its thread, which ends with the process
            self._container.close()

    def count(self, every: float, until: float | None = None) -> int | None:
        """How many frames `frames` gives at most; None where it goes on until it is stopped."""
        return None if until is None or not every else int(until / every) + 1

    def frames(self, every: float, until: float | None = None) -> Generator[Frame, None, None]:
        """Yield the newest frame, `every` seconds or as fast as they are taken.

        Args:
            every: in seconds; 0 for each as soon as it is there.
            until: end at this time, in seconds since the first frame.

        Raises:
            VideoError: the camera gave no frame at all.
        """
        number, due, began = 0, 0.0, 0.0
        while True:
            found = self._next(began + due)
            if found is None:
                return
            arrived, decoded = found
            began = began if number else arrived
            passed = arrived - began
            if until is not None and passed > until:
                return
            self.seen_to = passed
            yield Frame(number, passed, upright_rgb(decoded))
            number += 1
            due = (int((passed + 1e-6) / every) + 1) * every if every else passed

    def _next(self, wanted: float) -> tuple[float, Any] | None:
        """The newest frame that arrived at a time or later, none twice; None where no more come."""
        latest = time.monotonic()
        with self._arrived:
            while True:
                found = self._newest
                if found is not None and found[0] >= wanted:
                    self._newest, self._works = None, True
                    return found
                if self._ended is not None:
                    if not self._works:
                        raise VideoError(f"camera {self.name} gives no frames ({self._ended}); try another")
                    self.remarks.append(f"camera {self.name} gives no more frames ({self._ended})")
                    return None
                latest = max(latest, wanted, found[0] if found else 0.0)
                if time.monotonic() - latest > _PATIENCE:
                    self._ended = f"none for {_PATIENCE:.0f} s"
                else:
                    self._arrived.wait(0.2)

    def _read(self) -> None:
        """In a thread: fetch every frame, keep the newest."""
        reason = "it ended"
        try:
            for frame in self._container.decode(video=0):
                if self._stop:
                    return
                if frame.width * frame.height <= MAX_PIXELS:
                    with self._arrived:
                        self._newest = time.monotonic(), frame
                        self._arrived.notify()
        except (self._av.error.FFmpegError, OSError, IndexError) as error:
            reason = str(getattr(error, "strerror", None) or error)
        with self._arrived:
            self._ended = reason
            self._arrived.notify()


def _device(name: str, av: Any) -> tuple[str, str]:
    """What FFmpeg opens for a camera on this system, and by which of its input devices."""
    found = _WEBCAM.fullmatch(name)
    if found is None and name.lower().startswith("webcam:"):
        raise VideoError(f"{name} is no camera; give webcam:0 for the first, webcam:1 for the next")
    if found is None:
        return name, "v4l2"
    number = int(found[1])
    if sys.platform == "darwin":
        return str(number), "avfoundation"
    if sys.platform == "win32":  # cameras have names there, not numbers
        cameras = [one for one in av.device.enumerate_input_devices("dshow") if "video" in one.media_types]
        if number >= len(cameras):
            raise VideoError(f"{name} is not there: {len(cameras)} cameras were found; connect it, or give another")
        return f"video={cameras[number].name}", "dshow"
    return f"/dev/video{number}", "v4l2"
