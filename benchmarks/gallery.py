"""A gallery of 10,000 to a million templates: enrolling, opening, searching, forgetting; beside its peers.

    python benchmarks/gallery.py --counts 10k 100k --peers chromadb lancedb qdrant

One template per identity, 128 numbers, cosine, generated. Prints JSON lines; every stage in a process of its own where
opening is what is measured. Times are of this machine; what is worth quoting is the ratio of two lines of one run.

- enrol: all in one `enroll_many`; then single `enroll`s, each on the disk (fsync) when it returns.
- open: a new process opens the gallery and answers one search; after that, after a `forget` in another process.
- search: p50 and p99 of single probes with 1 and 2 threads, and while somebody enrolls and forgets; recall of the
  nearest template against exact search.
- built: the same after each segment that is built: of many templates lists, then the graph.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.gallery import EmbeddedGallery
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count

DIMENSION = 128
SINGLES = 300
PROBES = 1000
SECONDS = 5.0

Floats = npt.NDArray[np.float32]


def tell(**what: object) -> None:
    """Print one line."""
    print(json.dumps(what), flush=True)


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Of times, in milliseconds."""
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1000
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}


def opened(folder: Path) -> EmbeddedGallery:
    """The gallery, bound."""
    gallery = EmbeddedGallery(folder)
    gallery.bind("benchmark", "generated", "cosine", DIMENSION)
    return gallery


def timed_searches(gallery: EmbeddedGallery, probes: Floats, threads: int) -> tuple[list[float], float]:
    """Seconds of every search of some threads, and searches a second over all."""
    times: list[list[float]] = [[] for _ in range(threads)]
    end = time.perf_counter() + SECONDS

    def search(mine: list[float], first: int) -> None:
        at = first
        while (began := time.perf_counter()) < end:
            gallery.search(probes[at % len(probes)], k=5)
            mine.append(time.perf_counter() - began)
            at += threads

    workers = [threading.Thread(target=search, args=(mine, n)) for n, mine in enumerate(times)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    every = [one for mine in times for one in mine]
    return every, len(every) / SECONDS


def first_answer(folder: Path) -> dict[str, Any]:
    """Seconds until a new process has opened the gallery and answered, imports left out."""
    code = (
        "import sys, time, json, numpy as np\n"
        "import faiss, lookalike.index.core.hits\n"
        "from lookalike.gallery import EmbeddedGallery\n"
        "began = time.perf_counter()\n"
        "g = EmbeddedGallery(sys.argv[1]); opened = time.perf_counter()\n"
        f"g.search(np.ones({DIMENSION}, np.float32), k=5); answered = time.perf_counter()\n"
        "i = g.stats()['index']\n"
        "print(json.dumps({'open_s': round(opened - began, 3), 'first_answer_s': round(answered - began, 3),"
        " 'compared_one_by_one': i['compared_one_by_one'], 'segments': [s['kind'] for s in i['segments']]}))\n"
        "import os; os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def searched(gallery: EmbeddedGallery, probes: Floats, best: npt.NDArray[np.int64], stage: str, count: int) -> None:
    """Search with 1 and 2 threads, and beside somebody who writes."""
    found = [candidates[0].template_id - 1 for candidates in gallery.search(probes, k=1)]
    recall = round(float((np.array(found) == best).mean()), 4)
    one, rate = timed_searches(gallery, probes, 1)
    _, both = timed_searches(gallery, probes, 2)
    tell(stage=stage, count=count, recall_at_1=recall, **quantiles(one), two_threads=round(both / rate, 2))
    stop, forgotten, names = threading.Event(), [], iter(range(10**9))

    def write() -> None:
        while not stop.is_set():
            name = f"new {next(names)}"
            gallery.enroll(name, np.random.default_rng().normal(size=DIMENSION).astype(np.float32))
            began = time.perf_counter()
            gallery.forget(name)
            forgotten.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    writer.start()
    beside, _ = timed_searches(gallery, probes, 1)
    stop.set()
    writer.join()
    tell(
        stage=f"{stage}, beside a writer", count=count, **quantiles(beside),
        p99_over_quiet=round(quantiles(beside)["p99_ms"] / quantiles(one)["p99_ms"], 2),
        forget=quantiles(forgotten), forgets=len(forgotten),
    )  # fmt: skip


def opened_after_forget(folder: Path, name: str, stage: str, count: int) -> None:
    """Forget somebody, imports left out, and open the gallery in a new process."""
    code = (
        "import sys, time, faiss, lookalike.index.erasing\n"
        "from lookalike.gallery import EmbeddedGallery\n"
        "g = EmbeddedGallery(sys.argv[1]); g.model; faiss.IndexFlat\n"
        "began = time.perf_counter(); g.forget(sys.argv[2])\n"
        "print(round(1000 * (time.perf_counter() - began), 1), flush=True)\n"
        "import os; os._exit(0)\n"  # nothing is built when this one ends
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder), name], capture_output=True, text=True, check=True)
    tell(stage=stage, count=count, forget_ms=float(done.stdout), **first_answer(folder))


def ours(count: int, folder: Path, build: str) -> None:
    """All stages of our gallery."""
    vectors, _ = generated_vectors(count, DIMENSION, per_identity=1)
    probes = generated_probes(np.arange(0, count, max(1, count // PROBES))[:PROBES], DIMENSION)
    best = nearest(vectors, probes)
    with opened(folder) as gallery:
        began = time.perf_counter()
        gallery.enroll_many((f"person {n}", vector, None) for n, vector in enumerate(vectors))
        bulk = count / (time.perf_counter() - began)
        began = time.perf_counter()
        for n in range(SINGLES):
            gallery.enroll(f"single {n}", probes[n % len(probes)] + np.float32(1 + n) * 10)
        single = SINGLES / (time.perf_counter() - began)
        for n in range(SINGLES):
            gallery.forget(f"single {n}")
        began = time.perf_counter()
    tell(
        stage="enrol", count=count, bulk_per_s=round(bulk), single_per_s=round(single), fsync=True,
        close_s=round(time.perf_counter() - began, 2),
    )  # fmt: skip
    tell(stage="open", count=count, **first_answer(folder))
    opened_after_forget(folder, "person 0", "open after a forget", count)
    with opened(folder) as gallery:
        gallery._builder.begin = lambda model: None  # type: ignore[method-assign]  # built below
        searched(gallery, probes[1:], best[1:], "search", count)
    for number in range(0 if build == "none" else 3):
        with opened(folder) as gallery:
            gallery._builder.begin = lambda model: None  # type: ignore[method-assign]
            began = time.perf_counter()
            if not gallery._builder.build_one(gallery.model):  # type: ignore[arg-type]
                break
            seconds = time.perf_counter() - began
            gallery.search(probes[:1], k=1)
            segments = gallery.stats()["index"]["segments"]
            kinds = " and ".join(sorted({one["kind"] for one in segments}))
            tell(stage=f"build {kinds}", count=count, seconds=round(seconds, 1), segments=segments)
            searched(gallery, probes[1:], best[1:], f"search {kinds}", count)
        tell(stage=f"open {kinds}", count=count, **first_answer(folder))
        opened_after_forget(folder, f"person {number + 1}", f"open {kinds} after a forget", count)
        if build == "lists" and kinds == "ivf":
            break


def nearest(vectors: Floats, probes: Floats) -> npt.NDArray[np.int64]:
    """Row of the nearest vector of every probe, exactly."""
    from lookalike.index.core.flat_vectors import nearest_among
    from lookalike.index.core.metric_space import MetricSpace

    space = MetricSpace("cosine", DIMENSION)
    _, rows = nearest_among(space.queries(probes), space.vectors(vectors), 1, "cosine")
    return rows[:, 0]


# --- peers --------------------------------------------------------------------------------------------------


def chromadb_peer(folder: Path) -> tuple[Callable[[list[str], Floats], None], Callable[[Floats], Any]]:
    """How to enrol and search."""
    import chromadb

    collection = chromadb.PersistentClient(str(folder)).get_or_create_collection(
        "people", metadata={"hnsw:space": "cosine"}, embedding_function=None
    )

    def enrol(names: list[str], vectors: Floats) -> None:
        for start in range(0, len(names), 5000):
            collection.add(ids=names[start : start + 5000], embeddings=vectors[start : start + 5000])

    return enrol, lambda probe: collection.query(query_embeddings=[probe], n_results=5)["ids"][0]


def lancedb_peer(folder: Path) -> tuple[Callable[[list[str], Floats], None], Callable[[Floats], Any]]:
    """How to enrol and search; without an index, as it is by default."""
    import lancedb
    import pyarrow as pa

    base = lancedb.connect(str(folder))
    schema = pa.schema([("name", pa.string()), ("vector", pa.list_(pa.float32(), DIMENSION))])
    table = base.create_table("people", schema=schema, exist_ok=True)

    def enrol(names: list[str], vectors: Floats) -> None:
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSION)
        table.add(pa.table({"name": names, "vector": column}, schema=schema))

    return enrol, lambda probe: [
        row["name"]
        for row in table.search(probe).distance_type("cosine").select(["name", "_distance"]).limit(5).to_list()
    ]


def qdrant_peer(folder: Path) -> tuple[Callable[[list[str], Floats], None], Callable[[Floats], Any]]:
    """How to enrol and search, in its local mode."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(path=str(folder))
    if not client.collection_exists("people"):
        params = models.VectorParams(size=DIMENSION, distance=models.Distance.COSINE)
        client.create_collection("people", vectors_config=params)
    numbers = iter(range(10**9))

    def enrol(names: list[str], vectors: Floats) -> None:
        points = [
            models.PointStruct(id=next(numbers), vector=vector.tolist(), payload={"name": name})
            for name, vector in zip(names, vectors, strict=True)
        ]
        for start in range(0, len(points), 1000):
            client.upsert("people", points[start : start + 1000])

    def search(probe: Floats) -> list[str]:
        found = client.query_points("people", query=probe.tolist(), limit=5).points
        return [point.payload["name"] for point in found if point.payload]

    return enrol, search


def face_recognition_peer(folder: Path) -> tuple[Callable[[list[str], Floats], None], Callable[[Floats], Any]]:
    """How to enrol and search as its examples do: a list in memory, pickled whole into a file."""
    import face_recognition

    names: list[str] = []
    encodings: list[Floats] = []

    def enrol(new: list[str], vectors: Floats) -> None:
        names.extend(new)
        encodings.extend(vectors)
        folder.mkdir(exist_ok=True)
        with (folder / "encodings.pickle").open("wb") as file:
            pickle.dump((names, encodings), file)

    def search(probe: Floats) -> list[str]:
        apart = face_recognition.face_distance(encodings, probe)
        return [names[one] for one in np.argsort(apart)[:5]]

    return enrol, search


PEERS = {
    "face_recognition": face_recognition_peer,
    "chromadb": chromadb_peer,
    "lancedb": lancedb_peer,
    "qdrant": qdrant_peer,
}


def peer(name: str, count: int, folder: Path) -> None:
    """Enrol and search by a peer."""
    vectors, _ = generated_vectors(count, DIMENSION, per_identity=1)
    probes = generated_probes(np.arange(0, count, max(1, count // PROBES))[:PROBES], DIMENSION)
    best = nearest(vectors, probes)
    enrol, search = PEERS[name](folder)
    began = time.perf_counter()
    enrol([f"person {n}" for n in range(count)], vectors)
    bulk = count / (time.perf_counter() - began)
    began = time.perf_counter()
    for n in range(30):
        enrol([f"single {n}"], -vectors[n : n + 1])
    single = 30 / (time.perf_counter() - began)
    times, right, end = [], 0, time.perf_counter() + SECONDS
    for at, probe in enumerate(probes):
        began = time.perf_counter()
        if began > end:
            break
        found = search(probe)
        times.append(time.perf_counter() - began)
        right += found[0] == f"person {best[at]}"
    tell(
        peer=name, count=count, bulk_per_s=round(bulk), single_per_s=round(single, 1), **quantiles(times),
        recall_at_1=round(right / len(times), 4),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--counts", type=parse_count, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--peers", nargs="*", default=[], choices=sorted(PEERS))
    parser.add_argument(
        "--build", choices=["none", "lists", "all"], default="all", help="until when; a graph of a million takes long"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where to make the galleries")
    given = parser.parse_args()
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    for count in given.counts:
        with tempfile.TemporaryDirectory(dir=given.folder) as temporary:
            ours(count, Path(temporary) / "people.gallery", given.build)
            for name in given.peers:
                peer(name, count, Path(temporary) / name)
                shutil.rmtree(Path(temporary) / name, ignore_errors=True)


if __name__ == "__main__":
    main()
