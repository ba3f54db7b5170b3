"""What is written of the sightings in a video: a CSV with a row for each, and a picture of each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from lookalike.errors import StorageError

if TYPE_CHECKING:
    from lookalike.images import RGBArray
    from lookalike.sightings import Sighting
    from lookalike.tracks import Look, Track

__all__ = ["COLUMNS", "BestFrames", "draw_sightings", "prepare_folder", "write_sightings"]

#: Of the CSV.
COLUMNS = (
    "who", "identity", "decision", "from", "to", "looks", "agreement", "distance", "threshold", "probability", "still",
)  # fmt: skip


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
        better = [track for track in tracks if track.best is track.looks[-1]]
        if not better:
            return
        encoded = io.BytesIO()
        Image.fromarray(rgb).save(encoded, "JPEG", quality=95)
        for track in better:
            before = self._best.get(track)
            if before is not None:
                del self._encoded[before]
            self._best[track] = track.best
            self._encoded[track.best] = encoded.getvalue()

    def frame(self, look: Look) -> Image.Image:
        """The frame of a track's best look."""
        return Image.open(io.BytesIO(self._encoded[look]))


def prepare_folder(folder: Path) -> None:
    """Make the folder of the stills, before the work.

    Raises:
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be made: {error.strerror}; choose another with --draw") from None


def draw_sightings(folder: Path, sightings: Sequence[Sighting], frames: BestFrames | None) -> tuple[Path, ...]:
    """Write the best frame of each sighting, with box and name, as `001-Ada.jpg`, `002-nobody_1.jpg`, …

    Raises:
        StorageError: the disk is full or failing.
    """
    import numpy as np

    from lookalike.atomic_files import write_atomically
    from lookalike.durations import clock_text
    from lookalike.face_drawing import Mark, draw_marks

    written = []
    for number, one in enumerate(sightings if frames is not None else (), 1):
        assert frames is not None
        look = one.best
        mark = Mark(look.face.box, f"{one.label} {clock_text(look.time)}", one.decision)
        drawn = io.BytesIO()
        draw_marks(np.asarray(frames.frame(look)), [mark]).save(drawn, "JPEG", quality=90)
        name = re.sub(r"[^\w.-]+", "_", one.label)[:40]
        path = folder / f"{number:03d}-{name}.jpg"
        write_atomically(path, drawn.getvalue())
        written.append(path)
    return tuple(written)


def write_sightings(path: Path, sightings: Sequence[Sighting], stills: Sequence[Path] = ()) -> None:
    """Write a CSV with a row for each sighting, times in seconds.

    Raises:
        StorageError: it cannot be written.
    """
    from lookalike.atomic_files import write_atomically
    from lookalike.json_values import plain

    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for one, still in zip_longest(sightings, stills, fillvalue=None):
        assert one is not None
        said = plain(one.to_json())
        row = [said[column] for column in COLUMNS[:-1]]
        table.writerow(["" if value is None else value for value in (*row, still)])
    write_atomically(path, text.getvalue().encode())
