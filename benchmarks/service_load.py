"""A service under load from another process: requests a second and times, beside the library's own call.

    python benchmarks/service_load.py --people 100k --output service_load.json

The gallery holds generated vectors and is asked by vector; pictures (`--photographs`, a folder of faces, or the ORL
faces of the extra `faces`) are asked by dlib, or by the model given. Clients are in a process of their own, each with
one connection that asks again as soon as it has its answer. Measured, each for `--seconds`:

- `library`: the same question asked of the recognizer in this process, one thread.
- `quiet`: 1, 8 and 64 clients ask.
- `enrolling`: 8 clients ask while one enrolls.
- `overload`: requests begin at twice the rate that was reached, whether answers come or not: how many are answered, how
  many refused, how soon either, and the rate after the load is gone.

Prints JSON lines; `over_library` is the median time of one client less that of the library, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from peak_memory import machine

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count


def filled(folder: Path, people: int, embedder: Embedder) -> Path:
    """A gallery of generated people of the embedder's dimension, with its segments built."""
    gallery = folder / "people.gallery"
    with open_gallery(gallery) as made:
        made.bind(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
        vectors = generated_vectors(people, embedder.dimension, per_identity=1)[0]
        made._builder.begin = lambda model: None  # type: ignore[attr-defined]  # built here, before anything is measured
        made.enroll_many((f"person {at}", vector, None) for at, vector in enumerate(vectors))
        while made._builder.build_one(made.model):  # type: ignore[attr-defined]
            pass
    return gallery


def pictures_of(given: Path | None) -> list[bytes]:
    """Some face pictures."""
    if given is not None:
        paths = sorted(path for path in given.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
        return [path.read_bytes() for path in paths[:64]]
    from lookalike.samples.orl_faces import orl_faces

    return [Path(path).read_bytes() for path in orl_faces().paths[:64]]


def questions(dimension: int, pictures: list[bytes]) -> dict[str, list[bytes]]:
    """Requests as they are sent, but for the head's last lines: by vector, and by picture."""
    probes = generated_probes(np.arange(256), dimension, sample=1)
    vectors = [json.dumps({"vectors": [one.tolist()]}).encode() for one in probes]
    encoded = [json.dumps({"pictures": [base64.b64encode(one).decode()]}).encode() for one in pictures]
    return {
        "vector": [_request("/v1/identify/vectors", body) for body in vectors],
        "picture": [_request("/v1/identify", body) for body in encoded],
    }


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\nAuthorization: Bearer KEY\r\n\r\n".encode() + body


def asking(address: str, key: str, asked: list[bytes], clients: int, seconds: float, rate: float) -> Any:
    """What clients of this process saw: status and milliseconds of every request, and how long it took in all.

    Bare sockets: whoever asks shares the processors with the service, and must not take much of them. With a rate, so
    many requests begin a second, whether those before are answered or not.
    """
    host, port = address.removeprefix("http://").split(":")
    ready = [one.replace(b"Bearer KEY", f"Bearer {key}".encode(), 1) for one in asked]
    seen: list[tuple[int, float]] = []

    async def client(own: int, began: float) -> None:
        number, reader, writer = own, None, None
        while True:
            if rate:
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            start = time.perf_counter()
            if start - began > seconds:
                break
            if writer is None or reader is None:
                reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(ready[number % len(ready)])
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            seen.append((int(head[9:12]), (time.perf_counter() - start) * 1000))
            if b"connection: close" in head:
                writer.close()
                reader = writer = None
            number += clients
        if writer is not None:
            writer.close()

    async def run() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(client(own, began) for own in range(clients)))
        return time.perf_counter() - began

    return seen, asyncio.run(run())


def summed(seen: list[tuple[int, float]], seconds: float) -> dict[str, Any]:
    """Rates and quantiles of what was answered, and of what was refused."""
    answered = np.array([took for status, took in seen if status == 200] or [np.nan])
    refused = np.array([took for status, took in seen if status == 503] or [np.nan])
    others = sorted({status for status, _ in seen} - {200, 503})
    found = {
        "answered_per_s": round(float(np.isfinite(answered).sum()) / seconds, 1),
        "p50_ms": round(float(np.quantile(answered, 0.5)), 2),
        "p99_ms": round(float(np.quantile(answered, 0.99)), 2),
        "refused_per_s": round(float(np.isfinite(refused).sum()) / seconds, 1),
        "other_statuses": others,
    }
    if np.isfinite(refused).any():
        found["refused_p50_ms"] = round(float(np.quantile(refused, 0.5)), 2)
    return found


def measured(pool: Any, *given: Any) -> dict[str, Any]:
    """`asking`, in a process of its own."""
    seen, seconds = pool.apply(asking, given)
    return summed(seen, seconds)


def started(arguments: argparse.Namespace, gallery: Path) -> tuple[subprocess.Popen[str], str, str]:
    """The service as a process, its address, and a key."""
    command = [sys.executable, "-m", "lookalike", "serve", "--json", "--port", "0", "--model", arguments.model]
    command += ["--gallery", str(gallery), "--workers", str(arguments.workers)]
    environment = {**os.environ, "LOOKALIKE_SERVICE_RATE": "0", "LOOKALIKE_SERVICE_THREADS": str(arguments.threads)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    told = json.loads(text)
    with httpx2.Client(base_url=told["address"], timeout=5) as client:
        while True:
            try:
                if client.get("/health/ready").status_code == 200:
                    return process, told["address"], told["first_key"]
            except httpx2.HTTPError:
                time.sleep(0.1)


def library(gallery: Path, embedder: Embedder, pictures: list[bytes], seconds: float) -> dict[str, dict[str, Any]]:
    """Milliseconds of the library's own call, one thread."""
    found = {}
    with Recognizer(embedder, str(gallery), threshold=0.6) as recognizer:
        probes = generated_probes(np.arange(256), embedder.dimension, sample=1)
        for by, ask in (
            ("vector", lambda at: recognizer.identify_vectors(probes[at % len(probes)][None])),
            ("picture", lambda at: recognizer.identify(pictures[at % len(pictures)])),
        ):
            for at in range(20):
                ask(at)
            taken, end = list[float](), time.perf_counter() + seconds
            while time.perf_counter() < end:
                start = time.perf_counter()
                ask(len(taken))
                taken.append((time.perf_counter() - start) * 1000)
            found[by] = {"per_s": round(1000 / float(np.mean(taken)), 1), "p50_ms": round(float(np.median(taken)), 2)}
    return found


def tell(rows: list[dict[str, Any]], **row: Any) -> None:
    rows.append(row)
    print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=parse_count, default=100_000)
    parser.add_argument("--model", default="dlib")
    parser.add_argument("--photographs", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--output", type=Path, default=Path("service_load.json"))
    given = parser.parse_args()
    embedder, rows = Embedder.load(given.model), list[dict[str, Any]]()
    pictures = pictures_of(given.photographs)
    with tempfile.TemporaryDirectory() as temporary:
        gallery = filled(Path(temporary), given.people, embedder)
        own = library(gallery, embedder, pictures, given.seconds)
        tell(rows, stage="library", people=given.people, **own)
        process, address, key = started(given, gallery)
        pool = multiprocessing.get_context("spawn").Pool(1)
        try:
            for by, asked in questions(embedder.dimension, pictures).items():
                reached = 0.0
                for clients in given.clients:
                    row = measured(pool, address, key, asked, clients, given.seconds, 0.0)
                    reached = max(reached, row["answered_per_s"])
                    if clients == 1:
                        row["over_library_ms"] = round(row["p50_ms"] - own[by]["p50_ms"], 2)
                    tell(rows, stage="quiet", by=by, clients=clients, **row)
                done = threading.Event()
                enrolled: list[int] = []
                thread = threading.Thread(target=enroll, args=(address, key, pictures, done, enrolled))
                thread.start()
                row = measured(pool, address, key, asked, 8, given.seconds, 0.0)
                done.set()
                thread.join()
                tell(rows, stage="enrolling", by=by, clients=8, enrolled=len(enrolled), **row)
                row = measured(pool, address, key, asked, 256, given.seconds, 2 * reached)
                tell(rows, stage="overload", by=by, asked_per_s=round(2 * reached, 1), **row)
                row = measured(pool, address, key, asked, 8, given.seconds / 2, 0.0)
                tell(rows, stage="after overload", by=by, clients=8, **row)
        finally:
            pool.terminate()
            process.send_signal(signal.SIGTERM)
            tell(rows, stage="ended", code=process.wait(60))
    given.output.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")


def enroll(address: str, key: str, pictures: list[bytes], done: threading.Event, enrolled: list[int]) -> None:
    """Enroll one person after the other until told to stop."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=address, headers=headers, timeout=60) as client:
        while not done.is_set():
            files = [("pictures", ("a", pictures[len(enrolled) % len(pictures)]))]
            data = {"name": f"new {time.monotonic_ns()}"}
            if client.post("/v1/people", files=files, data=data).status_code == 200:
                enrolled.append(1)


if __name__ == "__main__":
    main()
