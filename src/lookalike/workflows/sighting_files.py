"""What is written of the sightings in a video: a CSV with a row for each, and a picture of each."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from lookalike.atomic_files import write_atomically
from lookalike.durations import clock_text
from lookalike.face_drawing import Mark, draw_marks
from lookalike.images import RGBArray, read_picture
from lookalike.workflows.face_tables import csv_table
from lookalike.workflows.output_folder import output_folder

if TYPE_CHECKING:
    from lookalike.progress import Reporter
    from lookalike.tracks import Look, Track
    from lookalike.workflows.sightings import Sighting

__all__ = ["BestFrames", "draw_sightings", "sightings_csv"]

_COLUMNS = (
    "who", "identity", "decision", "from", "to", "looks", "agreement", "distance", "threshold", "probability", "still",
)  # fmt: skip
#: What names of files have not: a name may hold anything.
_NO_NAME = r"[^\w.-]+"


class BestFrames:
    """The frame of each track's best look, encoded: a decoded one takes megabytes, and a video has many tracks."""

    def __init__(self) -> None:
        self._encoded: dict[Look, bytes] = {}
        self._best: dict[Track, Look] = {}

    def update(self, tracks: Sequence[Track], rgb: RGBArray) -> None:
        """Keep the frame for those tracks whose latest look is their best.

        Args:
            tracks: all that are in the frame, each with its look in it as the last.
            rgb: the frame, `(h, w, 3)` uint8.
        """
        better = [
            track for track in tracks if track not in self._best or track.looks[-1].quality > self._best[track].quality
        ]
        if not better:
            return
        encoded = io.BytesIO()
        Image.fromarray(rgb).save(encoded, "JPEG", quality=95)
        for track in better:
            before = self._best.get(track)
            if before is not None:
                del self._encoded[before]
            self._best[track] = track.looks[-1]
            self._encoded[track.looks[-1]] = encoded.getvalue()

    def frame(self, look: Look) -> RGBArray:
        """The frame of a track's best look, `(h, w, 3)` uint8."""
        return read_picture(self._encoded[look])


def draw_sightings(
    folder: Path, sightings: Sequence[Sighting], frames: BestFrames, report: Reporter
) -> tuple[Path, ...]:
    """Write the best frame of each sighting, with box and name, as `001-Ada.jpg`, `002-nobody_1.jpg`, …

    Raises:
        StorageError: the folder cannot be made, or the disk is full or failing.
    """
    written = []
    done = report.counted("Drawing", len(sightings))
    with output_folder(folder, "--draw"):
        for number, one in enumerate(sightings, 1):
            look = one.best
            mark = Mark(look.face.box, f"{one.label} {clock_text(look.time)}", one.decision)
            drawn = io.BytesIO()
            draw_marks(frames.frame(look), [mark]).save(drawn, "JPEG", quality=92, subsampling=0)
            path = folder / f"{number:03d}-{re.sub(_NO_NAME, '_', one.label)[:40]}.jpg"
            write_atomically(path, drawn.getvalue())
            written.append(path)
            done(1)
    return tuple(written)


def sightings_csv(sightings: Sequence[Sighting], stills: Sequence[Path] = ()) -> str:
    """A CSV with a row for each sighting, times in seconds."""
    rows = [one.to_json() for one in sightings]
    for row, still in zip(rows, stills, strict=False):
        row["still"] = still
    return csv_table(_COLUMNS, [{key: value for key, value in row.items() if key in _COLUMNS} for row in rows])
