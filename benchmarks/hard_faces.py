"""Which faces are found in hard pictures: small, turned, dark, covered, cut tight. dlib as we call it, and others.

    python benchmarks/hard_faces.py shared/data/lfw_10x10 [--pictures 100] [--onnx det.onnx] [--landmarks]

DATA is a folder of people of Labeled Faces in the Wild: 250×250 pixels, the person's face in the middle, about 114
pixels wide. Every picture is changed in every way; what counts as found is a box around the middle, as false a box
around none of the faces that two detectors agree on in the unchanged picture. Times are of the processor, all threads
together. Detectors that are not installed are left out: facenet-pytorch (MTCNN) and yuface (libfacedetection) are
installed for this benchmark only.

Prints JSON lines, then a table. With --landmarks: where dlib's five points lie in ArcFace's template, which
`embedder/face_templates.py` holds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
Detector = Callable[[np.ndarray[Any, Any]], list[Box]]
SIDE, FACE = 250, 114.0
MIDDLE: Box = ((SIDE - FACE) / 2, (SIDE - FACE) / 2, (SIDE + FACE) / 2, (SIDE + FACE) / 2)


def shrunk(pixels: float) -> Callable[[Image.Image], tuple[Image.Image, Callable[[Box], Box]]]:
    scale = pixels / FACE

    def change(image: Image.Image) -> tuple[Image.Image, Callable[[Box], Box]]:
        size = round(SIDE * scale)
        return image.resize((size, size), Image.Resampling.BICUBIC), lambda box: _box(scale * x for x in box)

    return change


def turned(degrees: float) -> Callable[[Image.Image], tuple[Image.Image, Callable[[Box], Box]]]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def moved(box: Box) -> Box:
        x, y = (box[0] + box[2]) / 2 - SIDE / 2, (box[1] + box[3]) / 2 - SIDE / 2
        x, y = cos * x + sin * y + SIDE / 2, cos * y - sin * x + SIDE / 2
        width, height = (box[2] - box[0]) / 2, (box[3] - box[1]) / 2
        return x - width, y - height, x + width, y + height

    return lambda image: (image.rotate(degrees, Image.Resampling.BICUBIC), moved)


def darkened(share: float) -> Callable[[Image.Image], tuple[Image.Image, Callable[[Box], Box]]]:
    return lambda image: (image.point(lambda level: round(level * share)), lambda box: box)


def covered(top: float, bottom: float) -> Callable[[Image.Image], tuple[Image.Image, Callable[[Box], Box]]]:
    """A grey bar over a part of the face, from and to shares of its height."""

    def change(image: Image.Image) -> tuple[Image.Image, Callable[[Box], Box]]:
        left, upper, right, _ = MIDDLE
        image = image.copy()
        corners = round(left), round(upper + top * FACE), round(right), round(upper + bottom * FACE)
        image.paste((110, 110, 110), corners)
        return image, lambda box: box

    return change


def cut(side: int) -> Callable[[Image.Image], tuple[Image.Image, Callable[[Box], Box]]]:
    start = (SIDE - side) / 2

    def change(image: Image.Image) -> tuple[Image.Image, Callable[[Box], Box]]:
        part = image.crop((round(start), round(start), round(start) + side, round(start) + side))
        return part, lambda box: _box(x - start for x in box)

    return change


WAYS = {
    "unchanged": darkened(1.0),
    "face of 64 pixels": shrunk(64),
    "face of 48 pixels": shrunk(48),
    "face of 32 pixels": shrunk(32),
    "turned by 15°": turned(15),
    "turned by 30°": turned(30),
    "turned by 45°": turned(45),
    "turned by 90°": turned(90),
    "a tenth of the light": darkened(0.1),
    "lower half covered": covered(0.55, 1.05),
    "eyes covered": covered(0.2, 0.45),
    "cut to 100×100": cut(100),
}


def detectors(onnx: list[Path]) -> dict[str, Detector]:
    """Those that are installed, each from RGB pixels to boxes."""
    from lookalike.embedder.face_detection import find_faces
    from lookalike.embedder.onnx_detector import OnnxDetector

    def boxes(faces: Any) -> list[Box]:
        return [(one.box.left, one.box.top, one.box.right, one.box.bottom) for one in faces]

    found: dict[str, Detector] = {"dlib HOG (ours)": lambda rgb: boxes(find_faces(rgb))}
    found |= _dlib_detectors()
    for path in onnx:
        network = OnnxDetector(path, "cpu")
        found[path.stem] = lambda rgb, network=network: boxes(network.find_faces(rgb))  # type: ignore[misc]
    try:
        from facenet_pytorch import MTCNN

        mtcnn = MTCNN(keep_all=True, device="cpu")
        found["MTCNN"] = lambda rgb: [_box(box) for box in _or_none(mtcnn.detect(Image.fromarray(rgb))[0])]
    except ImportError:
        pass
    try:
        import yuface

        def libfacedetection(rgb: np.ndarray[Any, Any]) -> list[Box]:
            _, rows, _ = yuface.detect(np.ascontiguousarray(rgb[..., ::-1]), 0.5)
            whole = np.asarray(rows).astype(np.int16).reshape(-1, 4)  # what is left of the picture wraps around
            return [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in whole]

        found["libfacedetection"] = libfacedetection
    except ImportError:
        pass
    return found


def _box(numbers: Any) -> Box:
    left, top, right, bottom = map(float, numbers)
    return left, top, right, bottom


def _or_none(found: Any) -> Any:
    return [] if found is None else found


def _dlib_detectors() -> dict[str, Detector]:
    import dlib

    from lookalike.embedder.dlib_tools import dlib_model_file

    def boxes(found: Any) -> list[Box]:
        rectangles = [one.rect if hasattr(one, "rect") else one for one in found]
        return [(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles]

    hog = dlib.get_frontal_face_detector()
    cnn = dlib.cnn_face_detection_model_v1(dlib_model_file("mmod_human_face_detector.dat"))
    return {
        "dlib HOG, enlarged once": lambda rgb: boxes(hog(rgb, 1)),
        "dlib CNN, enlarged once": lambda rgb: boxes(cnn(rgb, 1)),
    }


def overlap(a: Box, b: Box) -> float:
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, across) * max(0.0, down)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def known_faces(by_detector: dict[str, list[Box]]) -> list[Box]:
    """The face in the middle, and what two detectors agree on."""
    faces = [MIDDLE]
    for name, boxes in by_detector.items():
        for box in boxes:
            others = [one for other, many in by_detector.items() if other != name for one in many]
            if any(overlap(box, one) > 0.3 for one in others) and all(overlap(box, one) < 0.3 for one in faces):
                faces.append(box)
    return faces


def measure(images: list[Image.Image], found: dict[str, Detector], ways: list[str]) -> list[dict[str, Any]]:
    faces = [known_faces({name: run(np.asarray(image)) for name, run in found.items()}) for image in images]
    lines = []
    for way in ways:
        changed = [WAYS[way](image) for image in images]
        for name, run in found.items():
            hits, false, seconds = 0, 0, []
            for (image, moved), known in zip(changed, faces, strict=True):
                start = time.process_time()
                boxes = run(np.asarray(image))
                seconds.append(time.process_time() - start)
                here = [moved(one) for one in known]
                hits += any(overlap(box, here[0]) > 0.3 for box in boxes)
                false += sum(all(overlap(box, one) < 0.2 for one in here) for box in boxes)
            lines.append(
                {
                    "detector": name,
                    "pictures": way,
                    "found": round(hits / len(images), 3),
                    "false_per_100": round(100 * false / len(images), 1),
                    "cpu_milliseconds": round(1000 * statistics.median(seconds), 1),
                    "count": len(images),
                }
            )
            print(json.dumps(lines[-1], ensure_ascii=False), flush=True)
    return lines


def table(lines: list[dict[str, Any]], ways: list[str]) -> None:
    names = list(dict.fromkeys(line["detector"] for line in lines))
    print("| pictures | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
    for way in ways:
        row = {line["detector"]: line for line in lines if line["pictures"] == way}
        cells = [f"{row[name]['found']:.2f} ({row[name]['false_per_100']:g})" for name in names]
        print(f"| {way} | " + " | ".join(cells) + " |")
    medians = [
        statistics.median(line["cpu_milliseconds"] for line in lines if line["detector"] == name) for name in names
    ]
    print("| milliseconds of a processor | " + " | ".join(f"{one:.0f}" for one in medians) + " |")


def landmarks(images: list[Image.Image]) -> dict[str, Any]:
    """Where dlib's five points lie after the face was aligned to ArcFace's template by MTCNN's."""
    from facenet_pytorch import MTCNN

    from lookalike.embedder.face_detection import find_faces
    from lookalike.embedder.face_templates import template
    from lookalike.embedder.similarity_transform import similarity_transform

    mtcnn, placed, errors = MTCNN(keep_all=True, device="cpu"), [], []
    arcface, ours = template("arcface-112", "eye-centres", 112), template("arcface-112", "eye-corners", 112)
    for image in images:
        boxes, scores, points = mtcnn.detect(image, landmarks=True)
        near = [one for one in find_faces(np.asarray(image)) if overlap(_corners(one.box), MIDDLE) > 0.3]
        if boxes is None or not near:
            continue
        at = int(np.argmax([overlap(_box(box), MIDDLE) for box in boxes]))
        if scores[at] < 0.95:
            continue
        theirs, dlib = np.array(points[at], np.float64), np.array(near[0].landmarks)
        matrix = similarity_transform(theirs, arcface)
        placed.append(dlib @ matrix[:, :2].T + matrix[:, 2])
        by_dlib = similarity_transform(dlib, ours)
        errors.append(np.linalg.norm(theirs @ by_dlib[:, :2].T + by_dlib[:, 2] - arcface, axis=1).mean())
    return {
        "faces": len(placed),
        "dlib_points_in_arcface_template": np.mean(placed, axis=0).round(1).tolist(),
        "standard_deviation": np.std(placed, axis=0).round(1).tolist(),
        "mtcnn_points_from_template_when_aligned_by_dlib": round(float(np.mean(errors)), 2),
    }


def _corners(box: Any) -> Box:
    return box.left, box.top, box.right, box.bottom


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--onnx", type=Path, action="append", default=[], help="an ONNX detector to measure as well")
    parser.add_argument("--without", action="append", default=[], help="a detector to leave out, by its name")
    parser.add_argument("--only", action="append", choices=WAYS, help="one of the ways to change pictures")
    parser.add_argument("--landmarks", action="store_true")
    given = parser.parse_args()
    paths = sorted(given.data.rglob("*.jpg"))
    chosen = [paths[at] for at in np.linspace(0, len(paths) - 1, min(given.pictures, len(paths))).astype(int)]
    images = [Image.open(path).convert("RGB") for path in chosen]
    if given.landmarks:
        print(json.dumps(landmarks(images)))
        return
    found = {name: run for name, run in detectors(given.onnx).items() if name not in given.without}
    ways = given.only or list(WAYS)
    table(measure(images, found, ways), ways)


if __name__ == "__main__":
    main()
