"""Recognising people with dlib's faces: this state of the repository, another one, and face_recognition's own calls.

    python benchmarks/face_speed.py --photos FOLDER [--before CHECKOUT] [--rounds 3]

FOLDER: a folder of photographs for each person (Labeled Faces in the Wild); the first three of each, and of the first
two people a fourth, are enrolled, the others identified. CHECKOUT: another state of this repository. The states run in
turns, each job as a process of its own: `enroll` of the folder, `identify` of one photograph and of all, and warm calls
of `Recognizer.identify`. face_recognition is reproduced where it is not installed: at import it reads dlib's detector,
both landmark predictors, the CNN detector and the network; `face_encodings` is detector(picture, 1), predictor and
`compute_face_descriptor`; `face_distance` a norm. Prints a JSON line for every job and state: seconds (median), the
kernel's high-water mark of memory, and how often each was right; then the ratios to this state.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

#: One photograph after the other, in a process that keeps its model: `photo gallery calls`.
WARM = """
import json, statistics, sys, time
from lookalike import Embedder, Recognizer, open_gallery
photo, gallery, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
recognizer = Recognizer(Embedder.load("dlib"), open_gallery(gallery))
recognizer.identify(photo)
seconds = []
for _ in range(calls):
    began = time.perf_counter()
    recognizer.identify(photo)
    seconds.append(time.perf_counter() - began)
print(json.dumps({"seconds": statistics.median(seconds)}))
"""

#: What somebody writes with face_recognition: `job gallery photos...`, the gallery a file of encodings.
PEER = """
import json, statistics, sys, time
from pathlib import Path
import dlib, numpy as np
from PIL import Image
from lookalike.embedder.dlib_tools import dlib_model_file as file
detector = dlib.get_frontal_face_detector()
predictors = [dlib.shape_predictor(file(f"shape_predictor_{n}_face_landmarks.dat")) for n in (68, 5)]
cnn = dlib.cnn_face_detection_model_v1(file("mmod_human_face_detector.dat"))
network = dlib.face_recognition_model_v1(file("dlib_face_recognition_resnet_model_v1.dat"))
def encodings(photo):
    picture = np.array(Image.open(photo).convert("RGB"))
    faces = [predictors[1](picture, box) for box in detector(picture, 1)]
    return [np.array(network.compute_face_descriptor(picture, face, 1)) for face in faces]
job, gallery, photos = sys.argv[1], sys.argv[2], sys.argv[3:]
if job == "enroll":
    known = [(Path(photo).parent.name, found[0]) for photo in photos if (found := encodings(photo))]
    np.savez(gallery, names=[name for name, _ in known], vectors=np.stack([vector for _, vector in known]))
else:
    held = np.load(gallery)
    def identify(photo):
        found = encodings(photo)
        if not found:
            return None
        distances = np.linalg.norm(held["vectors"] - found[0], axis=1)
        return str(held["names"][distances.argmin()]) if distances.min() <= 0.6 else None
    if job == "warm":
        identify(photos[0])
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            identify(photos[0])
            seconds.append(time.perf_counter() - began)
        print(json.dumps({"seconds": statistics.median(seconds)}))
    else:
        print(json.dumps([identify(photo) for photo in photos]))
"""


@dataclass
class Run:
    """One process: wall seconds, seconds of processor time, mebibytes at its high-water mark, and what it printed."""

    seconds: float
    processor: float
    memory: float
    output: str


def run(checkout: Path, command: list[str]) -> Run:
    """Run Python with a checkout's sources and measure the process."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        source = {**os.environ, "PYTHONPATH": str(checkout / "src")}
        process = subprocess.Popen([sys.executable, *command], stdout=output, stderr=subprocess.DEVNULL, env=source)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if process.returncode not in (0, 1):  # 1: somebody is unknown
        raise SystemExit(f"{' '.join(command)[:200]} ended with {process.returncode}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, printed)


def identities(output: str) -> list[str | None]:
    """Whom `lookalike identify --json` named, or the peer."""
    printed = json.loads(output)
    return [one["identity"] for one in printed["answers"]] if isinstance(printed, dict) else list(printed)


def one_round(state: str, checkout: Path, folder: Path, probes: list[str], work: Path) -> dict[str, Run]:
    """Every job once."""
    enrolled = sorted(str(path) for path in folder.rglob("*.jpg"))
    if state == "face_recognition":
        gallery = str(work / "peer.npz")
        jobs = {
            "enroll": ["-c", PEER, "enroll", gallery, *enrolled],
            "one": ["-c", PEER, "identify", gallery, probes[0]],
            "many": ["-c", PEER, "identify", gallery, *probes],
            "warm": ["-c", PEER, "warm", gallery, probes[0]],
        }
        return {job: run(HERE, command) for job, command in jobs.items()}
    gallery = str(work / f"{state}.gallery")
    shutil.rmtree(gallery, ignore_errors=True)
    flags = ["--gallery", gallery, "--model", "dlib", "--json"]
    jobs = {
        "enroll": ["-m", "lookalike", "enroll", str(folder), *flags],
        "one": ["-m", "lookalike", "identify", probes[0], *flags],
        "many": ["-m", "lookalike", "identify", *probes, *flags],
        "warm": ["-c", WARM, probes[0], gallery, "5"],
    }
    return {job: run(checkout, command) for job, command in jobs.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    states = {"now": HERE, "face_recognition": HERE} | ({"before": arguments.before} if arguments.before else {})
    with tempfile.TemporaryDirectory() as work:
        folder, probes = Path(work, "people"), []
        for number, person in enumerate(sorted(path for path in arguments.photos.iterdir() if path.is_dir())):
            photos = sorted(person.glob("*.jpg"))
            kept = 3 + (number < 2)
            (folder / person.name).mkdir(parents=True)
            for photo in photos[:kept]:
                shutil.copy(photo, folder / person.name)
            probes += [str(photo) for photo in photos[kept:]]
        found: dict[str, list[dict[str, Run]]] = {state: [] for state in states}
        for _ in range(arguments.rounds):
            for state, checkout in states.items():
                found[state].append(one_round(state, checkout, folder, probes, Path(work)))
    report(found, probes)


def report(found: dict[str, list[dict[str, Run]]], probes: list[str]) -> None:
    """A line for every job and state, then one of ratios for every job."""
    people = [Path(probe).parent.name for probe in probes]
    for job in ("one", "warm", "many", "enroll"):
        seconds, processor = {}, {}
        for state, rounds in found.items():
            runs = [one[job] for one in rounds]
            walls = [json.loads(one.output)["seconds"] if job == "warm" else one.seconds for one in runs]
            seconds[state], processor[state] = statistics.median(walls), statistics.median(r.processor for r in runs)
            line = {"job": job, "state": state, "seconds": round(seconds[state], 3),
                    "processor_seconds": round(processor[state], 3),
                    "memory_mib": round(max(one.memory for one in runs))}  # fmt: skip
            if job == "many":
                named = identities(runs[-1].output)
                line |= {"photos": len(people), "right": sum(a == b for a, b in zip(named, people, strict=True))}
            print(json.dumps(line), flush=True)
        others = [state for state in seconds if state != "now"]
        print(json.dumps({"job": job, **{f"{state}/now": round(seconds[state] / seconds["now"], 2) for state in others},
                          **{f"{state}/now of processor time": round(processor[state] / processor["now"], 2)
                             for state in others}}), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
