"""Frames with their times, from a video file. Untrusted bytes: an allow-list of formats and decoders, a pixel limit.

Decoding is FFmpeg's, through PyAV. A file is read with the protocol `file` alone and by the demuxers named here, for
others of FFmpeg's read playlists, and open the files and addresses that these name.
"""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.errors import MissingDependencyError, VideoError
from lookalike.images import MAX_PIXELS, RGBArray

__all__ = ["VIDEO_SUFFIXES", "Frame", "VideoFile", "is_video", "load_av", "upright_rgb"]

#: File name endings of videos, lower case.
VIDEO_SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
     ".webm", ".wmv"}
)  # fmt: skip
#: Demuxers and decoders that may run on untrusted bytes, by FFmpeg's names; it knows some hundreds more.
_DEMUXERS = "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg"
_DECODERS = (
    "h264,hevc,vp8,vp9,libvpx-vp9,av1,libdav1d,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,mpeg2video,mpeg1video,h263,flv,mjpeg,"
    "theora,wmv1,wmv2,wmv3,vc1,prores,dvvideo,ffv1"
)
#: A frame without a time is taken to come this long after the one before, where the file does not say, in seconds.
_USUAL_STEP = 1 / 25
#: Times of successive frames that go back by more than this are of two recordings, in seconds.
_BACKWARD = 0.25
#: A file may end this long before what it says, in seconds and as a share of it, and is not called cut off.
_SLACK, _SLACK_SHARE = 1.0, 0.02

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6")
#: Brands of files that hold still pictures in the form of a video (HEIC, AVIF).
_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"})


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        number: among those that were asked for, from 0.
        time: seconds since the first frame of the video.
        rgb: `(h, w, 3)` uint8, upright, with square pixels.
    """

    number: int
    time: float
    rgb: RGBArray


def load_av() -> Any:
    """Import PyAV, or raise a `MissingDependencyError` that names the command to install it."""
    try:
        import av
    except ImportError:
        raise MissingDependencyError(
            "videos and cameras need PyAV, which is not installed; pip install 'lookalike[video]'"
        ) from None
    return av


def is_video(path: str | Path) -> bool:
    """Whether a file is to be read as a video: by its content, and by its ending where the content tells nothing.

    A picture that is named like a video is a picture, a video without an ending a video. What is named like a video and
    is neither is called one, so that `VideoFile` says what is wrong with it. A file that cannot be read is none.

    Example:
        >>> is_video("photo.jpg")
        False
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return False
        with Path(path).open("rb") as file:
            beginning = file.read(512)
    except (OSError, ValueError):  # ValueError: a path with a null byte
        return False
    if _begins_video(beginning):
        return True
    picture = beginning.startswith(_PICTURES) or beginning[4:8] == b"ftyp" or beginning[8:12] == b"WEBP"
    return Path(path).suffix.lower() in VIDEO_SUFFIXES and not picture


def _begins_video(beginning: bytes) -> bool:
    kind = beginning[4:8]
    if kind == b"ftyp":  # ISO base media: MP4, QuickTime, 3GP; and still pictures
        return beginning[8:12] not in _STILL_BRANDS
    return (
        kind in (b"moov", b"mdat", b"wide")  # QuickTime before `ftyp`
        or beginning.startswith(
            (b"\x1aE\xdf\xa3", b"OggS", b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\0\0\1\xba")
        )
        or (beginning.startswith(b"RIFF") and beginning[8:11] == b"AVI")
        or any(beginning[at::step][:2] == b"GG" for at, step in ((0, 188), (4, 192)))  # MPEG transport stream
    )


def upright_rgb(frame: Any, aspect: float = 1.0) -> RGBArray:
    """The pixels of a decoded frame of PyAV as they are to be shown: faces are found in upright pictures only.

    Phones write frames as the sensor lies, and a matrix that turns them; DV and DVD have pixels that are not square.

    Args:
        frame: of PyAV.
        aspect: width of a pixel by its height.

    Returns:
        `(h, w, 3)` uint8.
    """
    width = round(frame.width * aspect) if 0.25 <= aspect <= 4 else frame.width
    rgb = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
    quarters = round((frame.rotation or 0) / 90) % 4  # of FFmpeg's matrix, in degrees counterclockwise
    return np.ascontiguousarray(np.rot90(rgb, quarters)) if quarters else rgb


class VideoFile:
    """A video file: frames at even distances in time, and remarks on what could not be read.

    Args:
        path: of a regular file.

    Attributes:
        name: the path, for messages.
        live: False: frames are decoded when they are asked for.
        duration: in seconds, as the file says; None where it does not.
        seen_to: the time of the last frame that was decoded, in seconds.
        remarks: on damage, filled while frames are read.

    Raises:
        VideoError: missing, no video, no such format, damaged, or frames that are too large.
        MissingDependencyError: PyAV is not installed.

    Example:
        >>> with VideoFile("party.mp4") as video:    # doctest: +SKIP
        ...     times = [frame.time for frame in video.frames(every=1.0)]
    """

    live = False

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        self._av = load_av()
        self._container = self._opened(Path(path))
        try:
            self._stream = self._video_stream()
        except BaseException:
            self._container.close()
            raise
        known = self._stream.duration
        total = self._container.duration
        self.duration: float | None = None
        if known:
            self.duration = float(known * self._stream.time_base)
        elif total:
            self.duration = total / 1_000_000
        rate = self._stream.average_rate
        self._step = 1 / float(rate) if rate else _USUAL_STEP
        self._aspect = float(self._stream.sample_aspect_ratio or 1)
        self.seen_to = 0.0
        self.remarks: list[str] = []
        self._damaged = 0

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def _opened(self, path: Path) -> Any:
        try:
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                raise VideoError(f"{self.name} is not a regular file; expected a video file")
            if path.stat().st_size == 0:
                raise VideoError(f"{self.name} is empty (0 bytes); expected a video file")
            options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS, "codec_whitelist": _DECODERS}
            # "file:" and the whole path: a name may look like an address, such as "http:one.mp4".
            return self._av.open(f"file:{path.absolute()}", options=options, metadata_errors="ignore")
        except VideoError:
            raise
        except self._av.error.FFmpegError as error:
            # Of the allow-lists FFmpeg says "Invalid argument".
            reason = "its format is not read" if error.errno == 22 else error.strerror
            raise VideoError(
                f"{self.name} is not a video that is read, or damaged or cut off ({reason}); give a whole MP4, MOV, "
                "MKV, WebM, AVI, MPEG, WMV, FLV or OGV file"
            ) from None
        except OSError as error:
            raise VideoError(f"{self.name} cannot be read: {error.strerror or error}") from None
        except ValueError as error:  # a path with a null byte
            raise VideoError(f"{self.name!r} cannot be read: {error}") from None

    def _video_stream(self) -> Any:
        streams = [
            one
            for one in self._container.streams.video
            if not one.disposition & self._av.stream.Disposition.attached_pic
        ]
        if not streams:
            raise VideoError(f"{self.name} has no pictures, only sound or nothing; give a video")
        stream = streams[0]
        context = stream.codec_context
        if context is None or context.name not in _DECODERS.split(","):
            coded = "an unknown form" if context is None else context.name
            raise VideoError(f"{self.name} is coded as {coded}, which is not read; save it as H.264 (MP4)")
        if context.width * context.height > MAX_PIXELS:
            raise VideoError(
                f"{self.name} has frames of {context.width}×{context.height} pixels; at most {MAX_PIXELS:,} are read"
            )
        context.options = {"max_pixels": str(MAX_PIXELS)}  # a stream may change its size in the middle
        stream.thread_type = "AUTO"
        return stream

    def count(self, every: float, until: float | None = None) -> int | None:
        """How many frames `frames` will give, about; None where the file does not say how long it is."""
        if self.duration is None:
            return None
        shown = self.duration if until is None else min(self.duration, until)
        return max(1, int((shown - 1e-6) / (every or self._step)) + 1)

    def frames(self, every: float, until: float | None = None) -> Generator[Frame, None, None]:
        """Yield the first frame at or after the times 0, `every`, 2 × `every`, …; damaged ones are passed over.

        Args:
            every: in seconds; 0 for every frame.
            until: end at this time, in seconds.

        Raises:
            VideoError: no frame at all could be decoded.
        """
        number, due = 0, 0.0
        for time, frame in self._decoded():
            if until is not None and time > until:
                break
            self.seen_to = time
            if time + 1e-6 < due:
                continue
            yield Frame(number, time, upright_rgb(frame, self._aspect))
            number += 1
            due = (int((time + 1e-6) / every) + 1) * every if every else 0.0
        else:
            self._remark_end(number)

    def _remark_end(self, given: int) -> None:
        if not given:
            raise VideoError(f"{self.name} is damaged: none of its frames can be decoded; get a whole copy")
        if self._damaged:
            self.remarks.append(f"{self.name} is damaged: {self._damaged} of its frames or packets were passed over")
        length = self.duration
        if length is not None and length - self.seen_to > self._step + _SLACK + _SLACK_SHARE * length:
            self.remarks.append(
                f"{self.name} is cut off or damaged: it was read up to {self.seen_to:.1f} s, and says that it is "
                f"{length:.1f} s long"
            )

    def _decoded(self) -> Iterator[tuple[float, Any]]:
        """Frames with times that begin with 0 and never go back, as they would where two recordings were joined."""
        error = self._av.error.FFmpegError
        offset: float | None = None
        latest = -self._step
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except error as reason:
                self.remarks.append(f"{self.name} is damaged: it cannot be read on ({reason.strerror})")
                return
            if packet is None:
                return
            try:
                frames = packet.decode()
            except error:
                self._damaged += 1
                continue
            for frame in frames:
                if frame.is_corrupt or frame.width * frame.height > MAX_PIXELS:
                    self._damaged += 1
                    continue
                stamp = frame.time
                if stamp is None:
                    time = latest + self._step
                else:
                    if offset is None or stamp - offset < latest - _BACKWARD:  # the first, or a jump backward
                        offset = stamp - (latest + self._step)
                    time = max(latest, stamp - offset)
                latest = time
                yield time, frame
