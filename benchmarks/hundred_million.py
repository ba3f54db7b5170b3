"""A hundred million persons on one machine: build, then identify mates; prints JSON lines.

    python benchmarks/hundred_million.py --count 100M --work /big/disk/hundred_million

The gallery is generated on the fly, one vector per identity, 128 dimensions, cosine; no file of 51 GB is needed. Each
stage can be killed and called again: a build goes on where it was.

- build: `build_bulk` of kind ivfpq; seconds of each phase, vectors a second, peak resident memory.
- truth: exact search for the probes, another picture each of identities drawn at random, streamed over all vectors.
- measure: for each `--nprobe` and `--rerank`: rank-1 of mates through the index and exactly, time of a single query
  (first as it comes: cold where the pages are not in memory; then again: warm), resident memory, of which anonymous.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.index import VectorIndex, load_index
from lookalike.index.bulk.build import BulkOptions, build_bulk
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count
from lookalike.index.spec import IndexSpec
from lookalike.progress import Progress

DIMENSION = 128
BLOCK = 1 << 18
DEPTH = 10

Floats = npt.NDArray[np.float32]


class Gallery:
    """One vector per identity, made when asked for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.dimension = DIMENSION

    def blocks(self, size: int, start: int) -> Iterator[tuple[int, Floats]]:
        """Rows from `start` on, in blocks."""
        for first in range(start, self.count, size):
            count = min(size, self.count - first)
            yield first, generated_vectors(count, DIMENSION, per_identity=1, start=first)[0]

    def rows(self, positions: npt.NDArray[np.int64]) -> Floats:
        """A few rows."""
        return np.concatenate([next(self.blocks(1, row))[1] for row in positions.tolist()])


def emit(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def memory() -> dict[str, float]:
    """Resident memory in GiB, by what backs it; pages of mapped files count while they stay in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return {
        "rss_GiB": round(sizes["VmRSS"] / 2**20, 2),
        "peak_rss_GiB": round(sizes["VmHWM"] / 2**20, 2),
        "anonymous_GiB": round(sizes["RssAnon"] / 2**20, 2),
        "mapped_GiB": round(sizes["RssFile"] / 2**20, 2),
    }


def build(options: argparse.Namespace, path: Path) -> None:
    spec = IndexSpec.create(
        "ivfpq", "cosine", DIMENSION, store=options.store, code=options.code, nlist=options.nlist, m=options.m
    )
    last = time.monotonic()

    def progress(event: Progress) -> None:
        nonlocal last
        if time.monotonic() - last > 30:
            last = time.monotonic()
            done = f"{event.stage} {event.done:,} of {event.total:,}"
            print(f"{time.strftime('%H:%M:%S')} {done}", file=sys.stderr, flush=True)

    started = time.monotonic()
    summary = build_bulk(
        Gallery(options.count),
        path,
        spec,
        BulkOptions(work=path.with_suffix(".building"), threads=options.threads),
        progress=progress,
    )
    wall, seconds = time.monotonic() - started, summary["seconds"]
    emit(
        stage="build",
        **summary,
        wall_seconds_of_this_call=round(wall, 1),
        hours={phase: round(value / 3600, 3) for phase, value in seconds.items()},
        vectors_per_second=round(options.count / sum(seconds.values())),
        disk_GiB=round(sum(summary["bytes"].values()) / 2**30, 2),
        peak_rss_GiB=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    )


def probes(options: argparse.Namespace) -> tuple[npt.NDArray[np.int64], Floats]:
    people = np.sort(np.random.default_rng(1).choice(options.count, options.queries, replace=False))
    return people, generated_probes(people, DIMENSION)


def truth(options: argparse.Namespace, path: Path) -> npt.NDArray[np.int64]:
    """`(queries, DEPTH)` the nearest rows, exactly; kept beside the index."""
    import faiss

    kept = path.with_suffix(f".truth-{options.queries}.npy")
    if kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False))
    started = time.monotonic()
    _, queries = probes(options)
    gallery = Gallery(options.count)
    best = np.full((len(queries), DEPTH), -np.inf, np.float32)
    where = np.full((len(queries), DEPTH), -1, np.int64)
    for start, block in gallery.blocks(BLOCK, 0):
        similar, rows = faiss.knn(queries, block, DEPTH, metric=faiss.METRIC_INNER_PRODUCT)
        best, where = np.hstack([best, similar]), np.hstack([where, rows + start])
        order = np.argsort(-best, axis=1, kind="stable")[:, :DEPTH]
        best, where = np.take_along_axis(best, order, 1), np.take_along_axis(where, order, 1)
    np.save(kept, where)
    emit(stage="truth", queries=len(queries), seconds=round(time.monotonic() - started, 1))
    return where


def timed(
    index: VectorIndex, queries: Floats, nprobe: int, rerank: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    found, seconds = [], []
    for row in range(len(queries)):
        query = queries[row : row + 1]
        started = time.perf_counter()
        hits = index.search(query, DEPTH, nprobe=nprobe, rerank=rerank)
        seconds.append(time.perf_counter() - started)
        found.append(hits.ids[0])
    return np.array(found), np.array(seconds)


def forget_pages(path: Path) -> None:
    """Ask the system to drop the index's pages, so that the first queries meet the disk."""
    for file in path.iterdir():
        handle = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)


def measure(options: argparse.Namespace, path: Path) -> None:
    import faiss

    people, queries = probes(options)
    exact = truth(options, path)
    exact_rank1 = float((exact[:, 0] == people).mean())
    faiss.omp_set_num_threads(1)
    forget_pages(path)
    started = time.monotonic()
    index = load_index(path, mapped=True)
    emit(stage="open", seconds=round(time.monotonic() - started, 1), count=len(index), **memory())
    for nprobe in options.nprobe:
        for rerank in options.rerank:
            first = None
            for turn in ("first", "again"):
                found, seconds = timed(index, queries, nprobe, rerank)
                if turn == "first":
                    first = seconds
            assert first is not None
            rank1 = float((found[:, 0] == people).mean())
            recall = np.mean(
                [len(set(a) & set(b)) / DEPTH for a, b in zip(found.tolist(), exact.tolist(), strict=True)]
            )
            emit(
                stage="measure",
                nprobe=nprobe,
                rerank=rerank,
                queries=len(queries),
                rank1=round(rank1, 4),
                exact_rank1=round(exact_rank1, 4),
                of_exact=round(rank1 / exact_rank1, 4),
                top1_as_exact=round(float((found[:, 0] == exact[:, 0]).mean()), 4),
                recall_at_10=round(float(recall), 4),
                **{
                    f"{name}_p{share}_ms": round(float(np.percentile(values, share)) * 1000, 2)
                    for name, values in (("first", first), ("again", seconds))
                    for share in (50, 99)
                },
                **memory(),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=parse_count, default=1_000_000)
    parser.add_argument("--work", type=Path, required=True, help="folder for the index and unfinished work")
    parser.add_argument("--stage", choices=("all", "build", "truth", "measure"), default="all")
    parser.add_argument("--store", default="sq8", choices=("float32", "float16", "sq8"))
    parser.add_argument("--code", default="fastscan", choices=("fastscan", "pq", "rabitq"))
    parser.add_argument("--m", type=int, default=0, help="parts of a code; 0: two dimensions a part")
    parser.add_argument("--nlist", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--nprobe", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--rerank", type=int, nargs="+", default=[50, 100])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / f"{options.count}.index"
    if options.stage in ("all", "build"):
        build(options, path)
    if options.stage in ("all", "truth"):
        truth(options, path)
    if options.stage in ("all", "measure"):
        measure(options, path)


if __name__ == "__main__":
    main()
