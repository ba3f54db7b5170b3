"""Faces found in photographs of 1 to 12 megapixels, by size, and false faces where there are none.

    python benchmarks/face_finding.py --faces FOLDER --backgrounds FOLDER [--before CHECKOUT]

FOLDER of faces: pictures of one face each (Labeled Faces in the Wild); each is shrunk until its face, as the detector
measures it, has the wanted side, and pasted at a random place (seeded) into a background. FOLDER of backgrounds:
photographs without faces, repeated side by side to the wanted size. CHECKOUT: another state of this repository, whose
detector looks at the same pictures. Prints JSON lines.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
SIZES = ((1200, 900), (2400, 1800), (4032, 3024))
SIDES = (40, 60, 100, 150, 200)
HERE = Path(__file__).resolve().parents[1]


def boxes(rgb: Pixels) -> list[tuple[int, int, int, int]]:
    """Every face's left, top, right, bottom; of the checkout that is imported."""
    try:
        from lookalike.embedder.face_detection import find_faces
    except ImportError:
        from lookalike.embedder import face_alignment

        found: list[Any] = face_alignment.find_faces(rgb)  # type: ignore[attr-defined]
    else:
        found = [face.box for face in find_faces(rgb)]
    return [(box.left, box.top, box.right, box.bottom) for box in found]


def background(photo: Path, size: tuple[int, int]) -> Pixels:
    """The photograph side by side until `size` (width, height) is filled; mirrored, leaves would look like faces."""
    one = np.asarray(Image.open(photo).convert("RGB"))
    width, height = size
    return np.tile(one, (-(-height // one.shape[0]), -(-width // one.shape[1]), 1))[:height, :width].copy()


def side_of_face(photo: Image.Image) -> float | None:
    """The detector's box of a picture's face, measured at twice its size; None where there is not one face."""
    import dlib

    found = dlib.get_frontal_face_detector()(np.asarray(photo.resize((photo.width * 2, photo.height * 2))), 0)
    return found[0].width() / 2 if len(found) == 1 else None


def shows(found: tuple[int, int, int, int], middle: tuple[float, float], side: float) -> bool:
    across, down = (found[0] + found[2]) / 2 - middle[0], (found[1] + found[3]) / 2 - middle[1]
    return max(abs(across), abs(down)) < side / 2 and 0.5 < (found[2] - found[0]) / side < 2


def measure(faces: list[Path], photos: list[Path], tries: int) -> None:
    """Print a line for every size of picture and face, and one for the backgrounds alone."""
    measured = [(photo, side) for path in faces if (side := side_of_face(photo := Image.open(path).convert("RGB")))]
    boxes(np.zeros((80, 80, 3), np.uint8))  # builds the detector
    for size in SIZES:
        for side in SIDES:
            random = np.random.default_rng(side)
            found = false = 0
            seconds = []
            for number in range(tries):
                photo, original = measured[number % len(measured)]
                scale = side / original
                pasted = np.asarray(photo.resize((round(photo.width * scale), round(photo.height * scale))))
                scene = background(photos[number % len(photos)], size)
                left, top = (
                    int(random.integers(0, free + 1)) for free in (size[0] - pasted.shape[1], size[1] - pasted.shape[0])
                )
                scene[top : top + pasted.shape[0], left : left + pasted.shape[1]] = pasted
                began = time.perf_counter()
                all_found = boxes(scene)
                seconds.append(time.perf_counter() - began)
                middle = (left + pasted.shape[1] / 2, top + pasted.shape[0] / 2)
                right = [one for one in all_found if shows(one, middle, side)]
                found, false = found + bool(right), false + len(all_found) - len(right)
            print(json.dumps({"picture": size, "face": side, "found": found, "of": tries, "false": false,
                              "seconds": round(float(np.median(seconds)), 2)}), flush=True)  # fmt: skip
        alone = [len(boxes(background(photo, size))) for photo in photos]
        print(json.dumps({"picture": size, "backgrounds": len(photos), "false": sum(alone)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--tries", type=int, default=12)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        faces = sorted(arguments.faces.rglob("*.jpg"))
        step = max(1, len(faces) // arguments.tries)
        measure(faces[::step][: arguments.tries], sorted(arguments.backgrounds.rglob("*.jpg")), arguments.tries)
        return
    for name, checkout in (("before", arguments.before), ("now", HERE)):
        if checkout is not None:
            print(json.dumps({"state": name}), flush=True)
            source = {**os.environ, "PYTHONPATH": str(checkout / "src")}
            subprocess.run([sys.executable, __file__, *sys.argv[1:], "--worker"], env=source, check=True)


if __name__ == "__main__":
    main()
