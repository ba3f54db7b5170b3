"""The measured terms of a plan over several hosts (`lookalike index plan --hosts`); prints JSON lines.

    python benchmarks/billion_terms.py                       # all, about a quarter of an hour on two cores
    python benchmarks/billion_terms.py --only segments --kinds ivf

A vector database that keeps its vectors in segments, such as Milvus, searches every segment for every query and merges
what they find. What this measures, one query at a time, the engines in one thread:

- segments: n vectors as 1, 4 and 16 indexes. `own`: the setting that reaches the recall within each segment; `merged`:
  the lower one that reaches it in the merged answer. `factor` = all segments at `merged` / all segments at `own`, what
  the plan multiplies the sum with. `sum_over_alone` = all segments / (segments x one that is searched over and over),
  both at `own`; above 1 where one segment fits the processor's caches. `over_one_index` = all segments at `merged` /
  one index over all vectors.
- additive: the same `sum_over_alone` for four segments of which none fits the caches, as none of 1 GiB does.
- cells: k-means and assignment of an inverted file as faiss does it, in one thread; multiply-adds a second. Our own
  kinds learn cells in two levels, which is faster, and which a database on plain faiss does not do.
- sq8: an inverted file of bytes beside one of float32 over the same centroids; recall and time at the same `nprobe`.
- merge: the k best of S lists of k, by NumPy.
- round_trip: a vector to another process of this machine and k hits back, over TCP and over HTTP.
- reads: random reads of 4 KiB, past the page cache; write: a file in order, synced.
- threads: an inverted file searched by two threads beside one.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import http.client
import http.server
import json
import mmap
import multiprocessing
import os
import platform
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.lists.coarse_lists import list_count

DIMENSION, QUERIES, K, RECALL, SEED = 128, 300, 10, 0.95, 1
#: Settings are tried in steps of a tenth more.
STEP = 1.1

Floats = npt.NDArray[np.float32]
#: The library's types do not name all parameters of a search.
parameters: Any = faiss
Line = dict[str, Any]


def gallery(count: int) -> tuple[Floats, Floats]:
    """Vectors in random order, as segments get them, and queries: further pictures of some of the identities."""
    vectors, identities = generated_vectors(count, DIMENSION, seed=SEED)
    random = np.random.default_rng(2)
    who = random.choice(identities[-1] + 1, QUERIES, replace=False)
    queries = generated_probes(who, DIMENSION, seed=SEED)
    for rows in (vectors, queries):
        faiss.normalize_L2(rows)
    return vectors[random.permutation(count)], queries


def truth(queries: Floats, vectors: Floats) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)[1]
    return found


# --- segments ---------------------------------------------------------------------------------------------------------


class Engine:
    """How one kind is built, and its setting for recall."""

    def __init__(self, setting: str, first: int, build: Callable[[Floats], Any]) -> None:
        self.setting, self.first, self.build = setting, first, build

    def searcher(self, index: Any, value: int) -> Callable[[Floats], tuple[Any, Any]]:
        """Searches `index` with that value of the setting."""
        if self.setting == "efSearch":
            found = parameters.SearchParametersHNSW(efSearch=value)
        else:
            found = parameters.SearchParametersIVF(nprobe=value)
            if isinstance(index, faiss.IndexRefineFlat):
                refined = parameters.IndexRefineSearchParameters()
                refined.k_factor, refined.base_index_params = 10, found
                return lambda query: index.search(query, K, params=refined)
        return lambda query: index.search(query, K, params=found)


def ivf(vectors: Floats) -> Any:
    return filled(faiss.index_factory(DIMENSION, f"IVF{list_count(len(vectors))},Flat", faiss.METRIC_L2), vectors)


def hnsw(vectors: Floats) -> Any:
    index = faiss.IndexHNSWFlat(DIMENSION, 16, faiss.METRIC_L2)
    index.hnsw.efConstruction = 100
    return filled(index, vectors)


def scann(vectors: Floats) -> Any:
    """As Knowhere's SCANN: packed 4-bit codes, and the vectors to compare again."""
    lists = list_count(len(vectors))
    base = faiss.index_factory(DIMENSION, f"IVF{lists},PQ{DIMENSION // 2}x4fs", faiss.METRIC_L2)
    return filled(faiss.IndexRefineFlat(base), vectors)


def rabitq(vectors: Floats) -> Any:
    lists = list_count(len(vectors))
    base = faiss.index_factory(DIMENSION, f"IVF{lists},RaBitQ", faiss.METRIC_L2)
    return filled(faiss.IndexRefineFlat(base), vectors)


def filled(index: Any, vectors: Floats) -> Any:
    index.train(vectors)
    index.add(vectors)
    return index


ENGINES = {
    "ivf": Engine("nprobe", 4, ivf),
    "hnsw": Engine("efSearch", 10, hnsw),
    "scann": Engine("nprobe", 4, scann),
    "rabitq": Engine("nprobe", 4, rabitq),
}


class Segment:
    """An index over some of the vectors, and the true neighbours among these."""

    def __init__(self, engine: Engine, rows: npt.NDArray[np.int64], vectors: Floats, queries: Floats) -> None:
        own = np.ascontiguousarray(vectors[rows])
        self.rows, self.index, self.truth = rows, engine.build(own), truth(queries, own)


def share(found: npt.NDArray[np.int64], true: npt.NDArray[np.int64]) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, true, strict=True)])) / K


def merged_recall(engine: Engine, segments: list[Segment], queries: Floats, true: Any, value: int) -> float:
    distances, ids = [], []
    for segment in segments:
        found = engine.searcher(segment.index, value)(queries)
        distances.append(found[0])
        ids.append(segment.rows[found[1]])
    order = np.argsort(np.hstack(distances), axis=1)[:, :K]
    return share(np.take_along_axis(np.hstack(ids), order, axis=1), true)


def own_recall(engine: Engine, segments: list[Segment], queries: Floats, value: int) -> float:
    return statistics.fmean(share(engine.searcher(s.index, value)(queries)[1], s.truth) for s in segments)


def first_value(recall_of: Callable[[int], float], first: int) -> tuple[int, float]:
    """The lowest tried setting that reaches the recall, and what it reaches."""
    value = first
    while (reached := recall_of(value)) < RECALL and value < 4096:
        value = max(value + 1, round(value * STEP))
    return value, reached


def pass_ms(searches: list[Callable[[Floats], Any]], queries: Floats) -> float:
    """Median milliseconds of a query over these searches, one after another."""
    taken = []
    for i in range(len(queries)):
        start = time.perf_counter()
        for search in searches:
            search(queries[i : i + 1])
        taken.append(time.perf_counter() - start)
    return 1e3 * statistics.median(taken)


def in_turns(runs: list[Callable[[], float]], rounds: int = 7) -> list[list[float]]:
    """Each run's values, all runs once a round: what disturbs the machine then disturbs all of them."""
    values: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, kept in zip(runs, values, strict=True):
            kept.append(run())
    return values


def ratio(over: list[float], under: list[float], parts: int = 1) -> dict[str, float]:
    """Median and range of the ratios of the rounds."""
    ratios = sorted(a / (parts * b) for a, b in zip(over, under, strict=True))
    return {
        "median": round(statistics.median(ratios), 3),
        "low": round(ratios[0], 3),
        "high": round(ratios[-1], 3),
    }


def segments(count: int, kinds: list[str], divisions: list[int]) -> Iterator[Line]:
    vectors, queries = gallery(count)
    true = truth(queries, vectors)
    for name in kinds:
        engine = ENGINES[name]
        one_index: list[Callable[[Floats], Any]] = []
        for parts in divisions:
            faiss.omp_set_num_threads(os.cpu_count() or 1)
            start = time.process_time()
            made = [Segment(engine, rows, vectors, queries) for rows in np.array_split(np.arange(count), parts)]
            built = time.process_time() - start
            own = first_value(functools.partial(own_recall, engine, made, queries), engine.first)
            merged = first_value(functools.partial(merged_recall, engine, made, queries, true), engine.first)
            faiss.omp_set_num_threads(1)
            at = {
                name: [engine.searcher(s.index, value) for s in made]
                for name, value in (("own", own[0]), ("merged", merged[0]))
            }
            one_index = at["merged"] if parts == 1 else one_index
            alone, same, together, single = in_turns(
                [
                    functools.partial(pass_ms, searches, queries)
                    for searches in (at["own"][:1], at["own"], at["merged"], one_index or at["merged"])
                ]
            )
            yield {
                "term": "segments",
                "kind": name,
                "vectors": count,
                "segments": parts,
                "build_cpu_s": round(built, 2),
                "own": {"value": own[0], "recall": round(own[1], 4), "alone_ms": round(min(alone), 4)},
                "merged": {"value": merged[0], "recall": round(merged[1], 4), "ms": round(min(together), 4)},
                "merged_recall_at_own_value": round(merged_recall(engine, made, queries, true, own[0]), 4),
                "sum_over_alone": ratio(same, alone, parts),
                "factor": ratio(together, same),
                "over_one_index": ratio(together, single) if one_index else None,
            }


def additive(count: int) -> Iterator[Line]:
    """Four segments, each larger than the caches; their cells are learned quickly, for only the time counts."""
    vectors, queries = gallery(4 * count)
    made = []
    for rows in np.array_split(np.arange(len(vectors)), 4):
        lists = list_count(len(rows)) // 4
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(DIMENSION), DIMENSION, lists)
        index.cp.niter, index.cp.max_points_per_centroid = 4, 64
        made.append(filled(index, vectors[rows]))
    faiss.omp_set_num_threads(1)
    searches = [ENGINES["ivf"].searcher(index, 64) for index in made]
    alone, same = in_turns([functools.partial(pass_ms, some, queries) for some in (searches[:1], searches)])
    yield {
        "term": "additive",
        "vectors": len(vectors),
        "segments": 4,
        "alone_ms": round(min(alone), 4),
        "sum_over_alone": ratio(same, alone, 4),
    }


# --- cells ------------------------------------------------------------------------------------------------------------


def cells(count: int) -> Iterator[Line]:
    vectors, _ = gallery(count)
    faiss.omp_set_num_threads(1)
    for rows in (count // 4, count):
        lists = list_count(rows)
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(DIMENSION), DIMENSION, lists)
        rounds, sample = index.cp.niter, min(rows, index.cp.max_points_per_centroid * lists)
        start = time.process_time()
        filled(index, vectors[:rows])
        taken = time.process_time() - start
        work = (rounds * sample + rows) * lists * DIMENSION
        yield {
            "term": "cells",
            "vectors": rows,
            "lists": lists,
            "rounds": rounds,
            "points_per_list": index.cp.max_points_per_centroid,
            "cpu_s": round(taken, 2),
            "multiply_adds_per_second": round(work / taken),
        }


# --- codes of bytes ---------------------------------------------------------------------------------------------------


def sq8(count: int) -> Iterator[Line]:
    vectors, queries = gallery(count)
    true, lists = truth(queries, vectors), list_count(count)
    quantizer = faiss.IndexFlatL2(DIMENSION)
    flat = faiss.IndexIVFFlat(quantizer, DIMENSION, lists)
    flat.cp.max_points_per_centroid, flat.cp.niter = 40, 8
    filled(flat, vectors)
    coded = faiss.IndexIVFScalarQuantizer(quantizer, DIMENSION, lists, faiss.ScalarQuantizer.QT_8bit)
    filled(coded, vectors)
    engine = ENGINES["ivf"]
    faiss.omp_set_num_threads(1)
    for nprobe in (16, 64, 128, 256):
        searches = {"flat": engine.searcher(flat, nprobe), "sq8": engine.searcher(coded, nprobe)}
        recall = {which: share(search(queries)[1], true) for which, search in searches.items()}
        flat_ms, coded_ms = in_turns([functools.partial(pass_ms, [search], queries) for search in searches.values()], 3)
        yield {
            "term": "sq8",
            "vectors": count,
            "nprobe": nprobe,
            "recall_flat": round(recall["flat"], 4),
            "recall_sq8": round(recall["sq8"], 4),
            "flat_ms": round(min(flat_ms), 4),
            "sq8_over_flat": ratio(coded_ms, flat_ms),
        }


# --- merging and asking -----------------------------------------------------------------------------------------------


def merge() -> Iterator[Line]:
    random = np.random.default_rng(0)
    for lists in (16, 128, 512, 2048):
        for k in (10, 100):
            distances = np.sort(random.random((lists, k), dtype=np.float32))
            ids = random.integers(0, 1 << 60, (lists, k))

            def best(distances: Floats = distances, ids: Any = ids, k: int = k) -> Any:
                flat = distances.ravel()
                kept = np.argpartition(flat, k)[:k]
                kept = kept[np.argsort(flat[kept])]
                return flat[kept], ids.ravel()[kept]

            seconds = _median_seconds(best, 500)
            yield {"term": "merge", "lists": lists, "k": k, "us": round(1e6 * seconds, 2)}


def _median_seconds(run: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


_QUESTION, _ANSWER = bytes(4 * DIMENSION), bytes(12 * K)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return b""
        data += part
    return data


def _tcp_server(port: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port.put(server.getsockname()[1])
        connection = server.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while _exactly(connection, len(_QUESTION)):
            connection.sendall(_ANSWER)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, *given: object) -> None:
        """Nothing: a line for each request would be measured as well."""


def _http_server(port: Any) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
    port.put(server.server_port)
    server.serve_forever()


def round_trip() -> Iterator[Line]:
    context = multiprocessing.get_context("spawn")
    for protocol, serve in (("tcp", _tcp_server), ("http", _http_server)):
        port = context.Queue()
        process = context.Process(target=serve, args=(port,), daemon=True)
        process.start()
        address = port.get(timeout=60)
        if protocol == "tcp":
            client = socket.create_connection(("127.0.0.1", address))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def ask(client: socket.socket = client) -> None:
                client.sendall(_QUESTION)
                _exactly(client, len(_ANSWER))
        else:
            connection = http.client.HTTPConnection("127.0.0.1", address)
            connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def ask(connection: http.client.HTTPConnection = connection) -> None:  # type: ignore[misc]
                connection.request("POST", "/", _QUESTION)
                connection.getresponse().read()

        ask()
        taken = []
        for _ in range(2000):
            start = time.perf_counter()
            ask()
            taken.append(time.perf_counter() - start)
        process.terminate()
        process.join()
        yield {
            "term": "round_trip",
            "protocol": protocol,
            "ms_p50": round(1e3 * statistics.median(taken), 4),
            "ms_p99": round(1e3 * float(np.quantile(taken, 0.99)), 4),
        }


# --- the disk ---------------------------------------------------------------------------------------------------------


def disk(work: Path, size: int = 1 << 30) -> Iterator[Line]:
    path = work / "billion_terms.tmp"
    block = os.urandom(1 << 20)
    try:
        start = time.perf_counter()
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        yield {"term": "write", "bytes": size, "bytes_per_second": round(size / (time.perf_counter() - start))}
        pages = size // 4096
        for threads in (1, 8, 32):
            places = np.random.default_rng(threads).integers(0, pages, 4000 * threads) * 4096
            start = time.perf_counter()
            with concurrent.futures.ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda some: _read(path, some), np.array_split(places, threads)))
            taken = time.perf_counter() - start
            yield {"term": "reads", "threads": threads, "reads_per_second": round(len(places) / taken)}
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path, places: npt.NDArray[np.int64]) -> None:
    # O_DIRECT wants memory that begins at a page, which mmap gives.
    page, handle = mmap.mmap(-1, 4096), os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        for place in places.tolist():
            os.preadv(handle, [page], place)
    finally:
        os.close(handle)


# --- threads ----------------------------------------------------------------------------------------------------------


def threads(count: int) -> Iterator[Line]:
    """Queries of two threads, each by itself in one faiss thread, beside those of one."""
    vectors, queries = gallery(count)
    engine = ENGINES["ivf"]
    search = engine.searcher(engine.build(vectors), 128)
    faiss.omp_set_num_threads(1)

    def many(stop: float, done: list[int]) -> None:
        faiss.omp_set_num_threads(1)  # each thread has its own number
        i = asked = 0
        while time.perf_counter() < stop:
            search(queries[i : i + 1])
            i, asked = (i + 1) % len(queries), asked + 1
        done.append(asked)

    rates: dict[int, list[int]] = {1: [], 2: []}
    for _ in range(5):
        for workers in (1, 2):
            done: list[int] = []
            stop = time.perf_counter() + 2
            running = [threading.Thread(target=many, args=(stop, done)) for _ in range(workers)]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
            rates[workers].append(sum(done))
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    yield {
        "term": "threads",
        "vectors": count,
        "two_over_one": round(statistics.median(ratios), 3),
        "range": [round(min(ratios), 3), round(max(ratios), 3)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    terms = ["segments", "additive", "cells", "sq8", "merge", "round_trip", "disk", "threads"]
    parser.add_argument("--only", nargs="+", choices=terms, default=terms)
    parser.add_argument("--kinds", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--segments", nargs="+", type=int, default=[1, 4, 16], help="1 first, to compare with it")
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk to measure"
    )
    given = parser.parse_args()
    runs: dict[str, Callable[[], Iterator[Line]]] = {
        "segments": lambda: segments(given.count, given.kinds, given.segments),
        "additive": lambda: additive(given.count),
        "cells": lambda: cells(given.count),
        "sq8": lambda: sq8(2 * given.count),
        "merge": merge,
        "round_trip": round_trip,
        "disk": lambda: disk(given.work),
        "threads": lambda: threads(given.count),
    }
    for term in given.only:
        for line in runs[term]():
            print(json.dumps({**line, "machine": platform.processor() or platform.machine()}), flush=True)


if __name__ == "__main__":
    main()
