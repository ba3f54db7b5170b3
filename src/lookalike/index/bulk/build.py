"""Build an index over more vectors than fit in memory, in steps that survive a crash: a hundred million on one machine.

Train once on a sample; encode in shards, whose vectors go into one preallocated store file; put the shards together;
rename the finished index into place. Every finished step is recorded in a journal (`build.json` in a work folder beside
the output). After a crash, a full disk or Ctrl-C the same call continues at the first step that is not recorded, and
ends with the same index as an uninterrupted build. A call with other settings, or another source, is refused.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lookalike.atomic_files import write_atomically, written_folder
from lookalike.errors import InputError, StorageError
from lookalike.index.bulk.journal import BulkJournal
from lookalike.index.core.artefact import NewIndexFolder, check_path, write_header
from lookalike.index.core.checks import checked_ids, checked_vectors
from lookalike.index.core.ids import IdMap
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.core.prefix_index import EXACT_BELOW
from lookalike.index.kinds.registry import KINDS
from lookalike.index.lists.inverted_file import InvertedFileIndex
from lookalike.progress import ProgressSink, counted

if TYPE_CHECKING:
    from lookalike.distances import Covariance
    from lookalike.index.bulk.source import BulkSource
    from lookalike.index.lists.inverted_lists import InvertedLists
    from lookalike.index.lists.vector_store import VectorStore
    from lookalike.index.spec import IndexSpec

__all__ = ["BulkOptions", "build_bulk"]

Floats = npt.NDArray[np.float32]
#: The training sample is read in runs of so many rows: a gallery sorted by identity or time is still seen all over, and
#: a disk reads them 500 kB at a time.
_RUN = 1024


@dataclass(frozen=True, kw_only=True)
class BulkOptions:
    """How a bulk build works; the index does not depend on it.

    Attributes:
        work: folder for unfinished work, `.NAME.building` beside the output by default; deleted at the end. On the
            output's file system the store is moved, not copied.
        threads: how many encode; all processors by default.
        shard: vectors a shard: so many are encoded again after a crash.
    """

    work: str | Path | None = None
    threads: int | None = None
    shard: int = 1 << 20


def build_bulk(
    source: BulkSource,
    output: str | Path,
    spec: IndexSpec,
    options: BulkOptions | None = None,
    *,
    ids: npt.ArrayLike | None = None,
    covariance: Covariance | None = None,
    progress: ProgressSink | None = None,
) -> dict[str, Any]:
    """Build an inverted file over `source` into the directory `output`; call again to continue after an interruption.

    Memory: 40 vectors a list to learn from, about 300 MiB a thread, and in the end the finished index twice: at 100
    million vectors of 32-byte codes a peak of 11.3 GiB, pages of files included. Disk: the finished index and, until
    it is there, its codes once more.

    Args:
        source: the vectors.
        output: directory to write, as `index.save` would; an index that is there is replaced at the very end.
        spec: kind `ivf` or `ivfpq`, metric and settings; `IndexSpec.create`.
        options: work folder, threads, size of a shard.
        ids: `(n,)` int64, none twice; by default 0..n-1.
        covariance: for the Mahalanobis metric.
        progress: told of the stages `Training`, `Encoding` (vectors), `Merging` (lists) and `Writing`.

    Returns:
        a summary for JSON: `count`, `dimension`, `kind`, `lists`, `code_bytes`, `resumed` (shards found done),
        `bytes` (by file) and `seconds` (by phase, over all calls).

    Raises:
        InputError: a kind that is not built in bulk, too few vectors, or a work folder of another build.
        VectorError: a vector or id that cannot be indexed; the message names the row.
        StorageError: the disk is full or failing, or another process builds the same index; finished shards are kept.

    Example:
        >>> build_bulk(open_vectors("people.npy"), "people.index", IndexSpec.create("ivfpq", "cosine", 128))
        ... # doctest: +SKIP
    """
    build = _BulkBuild(
        source, Path(output), spec, options or BulkOptions(), ids=ids, covariance=covariance, progress=progress
    )
    return build.run()


class _Stopped(Exception):  # noqa: N818 - ends a thread whose work is no longer wanted
    """Another thread failed, or the user interrupted."""


class _BulkBuild:
    def __init__(
        self,
        source: BulkSource,
        output: Path,
        spec: IndexSpec,
        options: BulkOptions,
        *,
        ids: npt.ArrayLike | None,
        covariance: Covariance | None,
        progress: ProgressSink | None,
    ) -> None:
        if not _is_inverted_file(spec.kind):
            able = " or ".join(name for name in KINDS if _is_inverted_file(name))
            raise InputError(f"kind {spec.kind!r} is not built in bulk; choose {able}, or build_index")
        if source.dimension != spec.dimension:
            raise InputError(
                f"the source has {source.dimension} dimensions, the spec {spec.dimension}; make them agree"
            )
        if source.count <= EXACT_BELOW:
            raise InputError(
                f"the source has {source.count} vectors, a bulk build more than {EXACT_BELOW}; use build_index"
            )
        threads = (os.cpu_count() or 1) if options.threads is None else options.threads
        if options.shard < 1 or threads < 1:
            raise InputError(f"shard={options.shard}, threads={threads}: both must be at least 1")
        check_path(output)
        self.source, self.output, self.spec, self.covariance = source, output, spec, covariance
        self.threads, self.shard = threads, min(options.shard, source.count)
        self.work = Path(options.work or output.with_name(f".{output.name}.building"))
        self.space = MetricSpace(spec.metric, spec.dimension, covariance)
        self.ids = None if ids is None else checked_ids(ids, source.count)
        if self.ids is not None:
            IdMap(self.ids)  # raises where an id is there twice, now rather than hours later
        self._progress = progress
        self._lock = threading.Lock()

    @property
    def shards(self) -> int:
        return -(-self.source.count // self.shard)

    def _stage(self, name: str, total: int, done: int = 0) -> Callable[[int], None]:
        """Report that a stage begins; returns a function that is called with what is done since the last call."""
        advance = counted(self._progress, name, total)
        advance(done)
        return advance

    def run(self) -> dict[str, Any]:
        from lookalike.index.lists.inverted_lists import one_thread_each

        with BulkJournal.opened(self.work, self.spec, self.source, self.ids, self.covariance, self.shard) as journal:
            if journal.finished_in(self.output):
                journal.delete()
                return journal.summary
            with _explained(self.work), one_thread_each():
                lists = self._train(journal)
                store = self._store(journal)
                resumed = self._encode(journal, lists, store)
                self._finish(journal, lists, store, resumed)
            journal.delete()
            return journal.summary

    # --- steps ----------------------------------------------------------------------------------------------

    def _train(self, journal: BulkJournal) -> InvertedLists:
        from lookalike.index.kinds.ivfpq import IvfPqBuild
        from lookalike.index.lists.coarse_lists import SAMPLE_PER_LIST, list_count
        from lookalike.index.lists.inverted_lists import InvertedLists, faiss, is_packed
        from lookalike.index.lists.vector_store import VectorStore

        build = self.spec.build
        code = build if isinstance(build, IvfPqBuild) else None
        path = journal.folder / "trained.faiss"
        if journal.trained:
            trained = faiss.deserialize_index(np.frombuffer(journal.trained_bytes(path), np.uint8))
            return InvertedLists(trained, is_packed(code))
        done = self._stage("Training", 1)
        with journal.timed("train"):
            nlist: int = build.nlist  # type: ignore[attr-defined]
            wanted = max(1 << 16, SAMPLE_PER_LIST * list_count(self.source.count, nlist))
            sample = self._sample(wanted)
            lists = InvertedLists.train(sample, nlist, self.space.metric, self.source.count, code)
            content = faiss.serialize_index(lists.template).tobytes()
            write_atomically(path, content)
            if isinstance(build, IvfPqBuild) and build.store == "sq8":
                ranges = VectorStore.learned_ranges(sample)
                write_atomically(journal.folder / "store_ranges.bin", ranges.tobytes())
        journal.note_trained(content)
        done(1)
        return lists

    def _sample(self, wanted: int) -> Floats:
        count = self.source.count
        if wanted >= count:
            return self._read(0, count)
        runs = np.random.default_rng(0).permutation(count // _RUN)[: -(-wanted // _RUN)]
        parts = [self._read(int(run) * _RUN, int(run + 1) * _RUN) for run in np.sort(runs)]
        return np.concatenate(parts)

    def _read(self, start: int, stop: int) -> Floats:
        _, rows = next(iter(self.source.blocks(stop - start, start)))
        name = f"vectors of rows {start}..{stop - 1}"
        checked = checked_vectors(rows, self.spec.dimension, name)
        if len(checked) != stop - start:
            raise InputError(f"the source gave {len(checked)} {name}; it must not change during a build")
        return self.space.vectors(checked, name)

    def _store(self, journal: BulkJournal) -> VectorStore | None:
        """The coder of the store, whose file is there and has its full length afterwards; None for no store."""
        from lookalike.index.kinds.ivfpq import IvfPqBuild
        from lookalike.index.lists.vector_store import VectorStore

        build = self.spec.build
        if not isinstance(build, IvfPqBuild) or build.store == "none":
            return None
        ranges = None
        if build.store == "sq8":
            content = (journal.folder / "store_ranges.bin").read_bytes()
            ranges = np.frombuffer(content, np.float32).reshape(2, self.spec.dimension)
        store = VectorStore(build.store, self.spec.dimension, ranges)
        if not journal.allocated:
            store.allocate(journal.folder / "store.npy", self.source.count)
            journal.note_allocated()
        return store

    def _encode(self, journal: BulkJournal, lists: InvertedLists, store: VectorStore | None) -> int:
        missing = journal.missing_shards(self.shards)
        done = self._stage("Encoding", self.source.count, self.source.count - sum(map(self._rows_of, missing)))
        stop = threading.Event()
        clock = [monotonic()]

        def shard(number: int) -> None:
            if stop.is_set():
                return
            ends, rows = self._encoded(journal, lists, store, number, stop)
            with self._lock:
                journal.note_shard(number, ends, rows, monotonic() - clock[0])
                clock[0] = monotonic()
                done(self._rows_of(number))

        with ThreadPoolExecutor(self.threads) as pool:
            futures: list[Future[None]] = [pool.submit(shard, number) for number in missing]
            try:
                finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
            except BaseException:
                stop.set()  # the other threads leave their shard at the next block
                raise
        return self.shards - len(missing)

    def _rows_of(self, number: int) -> int:
        return min(self.shard, self.source.count - number * self.shard)

    def _encoded(
        self, journal: BulkJournal, lists: InvertedLists, store: VectorStore | None, number: int, stop: threading.Event
    ) -> tuple[bytes, bytes]:
        """Write one shard's vectors into the store and its codes beside it."""
        from lookalike.index.lists.inverted_lists import BLOCK, faiss

        faiss.omp_set_num_threads(1)  # OpenMP keeps this number for every thread apart
        first, last = number * self.shard, min(self.source.count, (number + 1) * self.shard)
        numbers, codes = np.empty(last - first, np.int32), np.empty((last - first, lists.code_size), np.uint8)
        with store.writer(journal.folder / "store.npy") if store is not None else contextlib.nullcontext() as writer:
            for start in range(first, last, BLOCK):
                if stop.is_set():
                    raise _Stopped
                vectors = self._read(start, min(last, start + BLOCK))
                part = slice(start - first, start - first + len(vectors))
                numbers[part], codes[part] = lists.encode_block(vectors)
                if writer is not None:
                    writer(start, vectors)
        return journal.write_shard(number, lists.arranged(first, numbers, codes))

    def _finish(self, journal: BulkJournal, lists: InvertedLists, store: VectorStore | None, resumed: int) -> None:
        count = self.source.count
        summary: dict[str, Any] = {
            "count": count,
            "dimension": self.spec.dimension,
            "kind": self.spec.kind,
            "lists": lists.lists,
            "code_bytes": lists.code_size,
            "resumed": resumed,
        }
        with journal.timed("merge"):
            parts = [journal.read_shard(number, number * self.shard) for number in range(self.shards)]
            engine = lists.filled(parts, self._stage("Merging", lists.lists))
            del parts
        started = monotonic()
        done = self._stage("Writing", 1)
        with written_folder(self.output) as partial:
            journal.note_partial(partial)
            folder = NewIndexFolder(partial)
            folder.add_faiss("index.faiss", engine)
            folder.add_array("tail.npy", np.empty((0, self.spec.dimension), np.float32))
            folder.add_array("ids.npy", np.arange(count) if self.ids is None else self.ids)
            folder.add_array("dead.npy", np.zeros(count, bool))
            if self.covariance is not None:
                folder.add_array("covariance.npy", self.covariance.matrix)
            if store is not None:
                _linked(journal.folder / "store.npy", partial / "store.npy")
                folder.add_written("store.npy")
                store.write_ranges(folder)
            summary["bytes"] = {name: entry["bytes"] for name, entry in folder.files.items()}
            summary["seconds"] = {**journal.seconds, "write": round(monotonic() - started, 1)}
            journal.write_summary(partial / "build.json", summary)
            folder.add_written("build.json")
            highest = count if self.ids is None else max(0, int(self.ids.max()) + 1)
            write_header(folder, self.spec, count, highest, {})
        done(1)


def _is_inverted_file(kind: str) -> bool:
    return issubclass(KINDS[kind].index, InvertedFileIndex)


def _linked(source: Path, target: Path) -> None:
    """The same file under a second name: where the process dies before the swap, the first is still there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)  # another file system, or one without links


@contextmanager
def _explained(work: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = str(error) if isinstance(error, StorageError) else error.strerror or str(error)
        raise StorageError(
            f"the bulk build stopped: {reason}; what is done lies in {work}, free space or mend the disk, then make "
            f"the same call again"
        ) from error
