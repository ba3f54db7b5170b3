"""Who was seen when, against the truth: a video made from photos, in which it is known who is where at any time.

    python benchmarks/video_truth.py FOLDER [--every 0.5] [--keep video.mp4]

FOLDER has a subfolder per person. Of the first people some photos are enrolled; the video shows their other photos, and
those of strangers: alone or two at a time, each slowly zoomed and panned, with cuts and empty scenes. No photo is shown
that was enrolled. Prints JSON lines: the video, one row for each sighting, then frames per second, seconds of video per
second, and the share of the seconds in which a face is shown that are named rightly, wrongly, or missed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.video_frames import VideoFile, load_av
from lookalike.workflows.identify_video import SMALLEST_FACE, VideoIdentification, identify_frames
from lookalike.workflows.sightings import Sighting

ENROLLED, STRANGERS, TEMPLATES, RATE = 6, 2, 5, 25


@dataclass(frozen=True)
class Scene:
    """Some seconds of the video: photos side by side, or none; whose, and whether that person is enrolled."""

    start: float
    seconds: float
    photos: tuple[tuple[str, Path], ...]


def script(people: list[Path], seed: int) -> list[Scene]:
    """Every photo that is not enrolled once: alone or two people at a time, in random order, with empty scenes."""
    random = np.random.default_rng(seed)
    left = {one.name: sorted(one.iterdir())[TEMPLATES:] for one in people}
    scenes: list[Scene] = []
    at = 0.0
    while any(left.values()):
        names = [name for name, photos in left.items() if photos]
        chosen = random.choice(names, size=min(len(names), 1 if random.random() < 0.6 else 2), replace=False)
        shown = tuple((str(name), left[name].pop(0)) for name in chosen)
        seconds = float(random.integers(2, 6))
        scenes.append(Scene(at, seconds, shown))
        at += seconds
        if random.random() < 0.2:
            scenes.append(Scene(at, 2.0, ()))
            at += 2.0
    return scenes


def drawn(scene: Scene, size: tuple[int, int]) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames of a scene: each photo moves and grows by up to a fifth within its part of the picture."""
    width, height = size
    parts = max(1, len(scene.photos))
    count = round(scene.seconds * RATE)
    background = np.full((height, width, 3), (70, 80, 95), np.uint8)
    pictures = [Image.open(path).convert("RGB") for _, path in scene.photos]
    for number in range(count):
        canvas = Image.fromarray(background)
        share = number / count
        for at, picture in enumerate(pictures):
            side = round(height * (0.6 + 0.2 * share))
            moved = (width // parts - side) * (0.3 + 0.4 * share)
            place = (round(at * width / parts + moved), round((height - side) * (0.7 - 0.4 * share)))
            canvas.paste(picture.resize((side, side), Image.Resampling.BICUBIC), place)
        yield np.asarray(canvas)


def write_video(path: Path, scenes: list[Scene], size: tuple[int, int]) -> None:
    """H.264, as phones and cameras write it."""
    av = load_av()
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for scene in scenes:
            for rgb in drawn(scene, size):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())


def score(found: VideoIdentification, scenes: list[Scene], enrolled: set[str]) -> dict[str, float]:
    """Of the seconds in which a person is shown, which share was answered rightly; in steps of the looks.

    For somebody enrolled it is right to be named, for a stranger not to be. Wrong is another's name, or a stranger
    named. Who is looked for and in no sighting at that time is missed.
    """
    step = found.every
    counts = dict.fromkeys(("right", "wrong", "unnamed", "missed", "strangers right", "strangers named"), 0.0)
    for scene in scenes:
        first = int(np.ceil(scene.start / step - 1e-9))
        times = [at * step for at in range(first, int(np.ceil((scene.start + scene.seconds) / step - 1e-9)))]
        shown = {name for name, _ in scene.photos}
        for time_ in times:
            here = [one for one in found.sightings if one.start - 1e-3 <= time_ <= one.end + 1e-3]
            names = {one.identity for one in here if one.identity}
            nameless = sum(one.identity is None for one in here)
            known, unknown = shown & enrolled, shown - enrolled
            counts["right"] += len(known & names)
            counts["wrong"] += len(names - shown) if not unknown else 0
            counts["strangers named"] += len(names - shown) if unknown else 0
            without = len(known - names)
            counts["strangers right"] += min(len(unknown), nameless)
            spare = max(0, nameless - len(unknown))
            counts["unnamed"] += min(without, spare)
            counts["missed"] += without - min(without, spare)
    return {name: value * step for name, value in counts.items()}


def said(one: Sighting) -> dict[str, Any]:
    numbers = {"from": one.start, "to": one.end, "agreement": one.agreement, "distance": one.distance}
    return {"who": one.label, "looks": one.looks, **{name: round(value, 3) for name, value in numbers.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--smallest-face", type=int, default=SMALLEST_FACE, help="pixels; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    people = sorted(one for one in given.folder.iterdir() if one.is_dir())[: ENROLLED + STRANGERS]
    enrolled, scenes = {one.name for one in people[:ENROLLED]}, script(people, given.seed)
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        video = given.keep or Path(folder) / "video.mp4"
        write_video(video, scenes, (width, height))
        with open_gallery(Path(folder) / "people.gallery") as gallery:
            recognizer = Recognizer(Embedder.load("dlib"), gallery)
            for one in people[:ENROLLED]:
                recognizer.enroll(one.name, sorted(one.iterdir())[:TEMPLATES])
            with VideoFile(video) as source:
                began = time.perf_counter()
                for _ in source.frames(given.every):
                    pass
                decoding = time.perf_counter() - began
            processor = time.process_time()
            with VideoFile(video) as source:
                found = identify_frames(recognizer, source, every=given.every, smallest_face=given.smallest_face)
    processor = time.process_time() - processor
    print(json.dumps({"size": given.size, "seconds": found.duration, "scenes": len(scenes), "every": given.every}))
    for scene in scenes:
        truth = [name for name, _ in scene.photos]
        print(json.dumps({"truth": truth, "from": scene.start, "to": scene.start + scene.seconds}))
    for one in found.sightings:
        print(json.dumps(said(one)))
    assert found.duration is not None
    shown = sum(scene.seconds * sum(name in enrolled for name, _ in scene.photos) for scene in scenes)
    strange = sum(scene.seconds * sum(name not in enrolled for name, _ in scene.photos) for scene in scenes)
    seconds = score(found, scenes, enrolled)
    shares = {name: round(value / (strange if "strangers" in name else shown), 4) for name, value in seconds.items()}
    print(json.dumps({"seconds of enrolled people": shown, "of strangers": strange, **shares}))
    print(json.dumps({
        "frames looked at": found.frames, "faces": found.faces, "seconds": round(found.seconds, 2),
        "frames per second": round(found.frames / found.seconds, 2),
        "seconds of video per second": round(found.duration / found.seconds, 2),
        "decoding alone, frames of the video per second": round(found.duration * RATE / decoding, 1),
        "processor seconds per frame looked at": round(processor / found.frames, 3),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
