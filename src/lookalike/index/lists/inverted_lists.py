"""From vectors to a filled inverted file: train on a sample, encode in parts, put the parts together.

The three steps are apart so that a hundred million vectors can be encoded in shards that survive a crash. Within one
inverted file nothing depends on how its vectors were parted: part after part gives what one go would have given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.lists.coarse_lists import CoarseLists, ListNumbers, grouped, list_count, train_centroids

__all__ = [
    "BLOCK",
    "CODED_FROM",
    "CodeSettings",
    "EncodedPart",
    "InvertedLists",
    "centroids_compared",
    "is_packed",
    "one_thread_each",
]

faiss = EngineLibrary("faiss")

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

#: Vectors encoded at a time: enough for full matrix products, little enough for memory (64 MiB at 128 dimensions).
BLOCK = 1 << 17

#: From so many lists on, a query compares codes of the centroids first: of 32,768 it finds the nearest 512 in 0.35 ms,
#: where comparing with all takes 1.2, and a graph of them 1.8.
CODED_FROM = 8192
_CODE_SAMPLE = 1 << 16
#: The name of faiss' metric; of the others it is L2.
_METRICS = {"inner_product": "METRIC_INNER_PRODUCT", "manhattan": "METRIC_L1"}


_limiting = threading.Lock()
_limited: set[object] = set()
_limits = ExitStack()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Matrix libraries stay within the calling thread meanwhile; work is spread over vectors, not within a product.

    Threads that wait for each other at every small product do badly on a busy machine, and sums of another order
    would make a repeated build differ in its last bits.
    """
    from threadpoolctl import threadpool_limits

    before, this = 0, object()
    try:
        with _limiting:
            # BLAS has one limit for the process: only the last of several builds that overlap may lift it again.
            if not _limited:
                _limits.enter_context(threadpool_limits(1, user_api="blas"))
            _limited.add(this)
        # After the limit, which is OpenMP's where BLAS uses it.
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # OpenMP keeps this number for every thread apart
        yield
    finally:
        if before:
            faiss.omp_set_num_threads(before)
        with _limiting:
            _limited.discard(this)  # not counted: a signal may have come before it was in
            if not _limited:
                _limits.close()


class CodeSettings(Protocol):
    """How vectors are coded."""

    @property
    def code(self) -> str:
        """`pq`, `fastscan` or `rabitq`."""

    @property
    def m(self) -> int:
        """Sub-quantisers, a divisor of the dimension; 0 chooses."""

    @property
    def opq(self) -> bool:
        """Whether vectors are rotated first, so that codes lose least."""

    @property
    def store(self) -> str:
        """What candidates are compared with again; `none` where they are not."""


def is_packed(code: CodeSettings | None) -> bool:
    """Whether codes are packed in the end, for comparing 32 of them at once in SIMD registers."""
    return code is not None and code.code != "pq"


@dataclass(frozen=True)
class EncodedPart:
    """Codes of the vectors `start`, `start + 1`, ..., arranged by list.

    Attributes:
        start: position of the first vector.
        ends: `(lists,)` int64, where the rows of each list end.
        order: `(n,)` uint32, each row's position less `start`.
        codes: `(n, code size)` uint8.
    """

    start: int
    ends: npt.NDArray[np.int64]
    order: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.uint8]


class InvertedLists:
    """A trained inverted file without vectors: knows every vector's list and code.

    Args:
        template: a trained, empty faiss IVF index, or one behind a linear transform.
        fast: whether codes of 4 bits, or of RaBitQ, are packed for SIMD registers in the end.
    """

    def __init__(self, template: Any, fast: bool) -> None:
        self.template = template
        self._fast = fast
        self._transform: Any = None
        lists = faiss.downcast_index(template)
        if isinstance(lists, faiss.IndexPreTransform):
            self._transform = faiss.downcast_VectorTransform(lists.chain.at(0))
            lists = faiss.downcast_index(lists.index)
        self._lists = lists
        self._unit = lists.metric_type == faiss.METRIC_INNER_PRODUCT
        quantizer = faiss.downcast_index(lists.quantizer)
        self._coarse = CoarseLists(quantizer.reconstruct_n(0, lists.nlist))

    @property
    def code_size(self) -> int:
        """Bytes a vector."""
        return int(self._lists.code_size)

    @property
    def lists(self) -> int:
        """How many."""
        return int(self._lists.nlist)

    # --- training -------------------------------------------------------------------------------------------

    @classmethod
    def train(
        cls, sample: Floats, nlist: int, metric: str, count: int, code: CodeSettings | None = None
    ) -> InvertedLists:
        """Learn centroids, rotation and codebooks.

        Args:
            sample: `(n, d)` float32, prepared for the metric.
            nlist: lists; 0 chooses.
            metric: `euclidean`, `cosine` (unit vectors), `inner_product` or, without codes, `manhattan`.
            count: how many vectors there will be.
            code: how vectors are coded; None keeps them as they are.

        Raises:
            InputError: settings that do not fit the dimension or the sample.
        """
        lists = min(list_count(count, nlist), len(sample))
        with one_thread_each():
            directions = _unit(sample) if metric == "inner_product" else sample
            centroids = train_centroids(directions, lists)
            if metric == "inner_product":
                # By inner product a query probes the centroids it points to, however short they came out as means.
                centroids = _unit(centroids)
            if code is None:
                return cls(_flat_template(centroids, metric), fast=False)
            return cls(_code_template(centroids, sample, directions, code, metric), is_packed(code))

    # --- encoding -------------------------------------------------------------------------------------------

    def encode_block(self, vectors: Floats) -> tuple[ListNumbers, Codes]:
        """Lists, `(n,)` int32, and codes, `(n, code size)` uint8, of `(n, d)` prepared vectors, in this thread."""
        turned = np.ascontiguousarray(vectors)
        if self._transform is not None:
            turned = self._transform.apply(turned)
        numbers = self._coarse.nearest(_unit(turned) if self._unit else turned)
        codes = np.empty((len(vectors), self.code_size), np.uint8)
        keys = numbers.astype(np.int64)
        self._lists.encode_vectors(len(vectors), *(faiss.swig_ptr(array) for array in (turned, keys, codes)))
        return numbers, codes

    def arranged(self, start: int, numbers: ListNumbers, codes: Codes) -> EncodedPart:
        """Arrange by list what `encode_block` gave for the vectors from position `start` on."""
        order, ends = grouped(numbers, self.lists)
        return EncodedPart(start, ends, order.astype(np.uint32), codes[order])

    def encode_all(self, vectors: Floats, threads: int) -> list[EncodedPart]:
        """Encode `(n, d)` prepared vectors, several blocks at a time."""

        def encoded(start: int) -> EncodedPart:
            faiss.omp_set_num_threads(1)  # OpenMP keeps this number for every thread apart
            return self.arranged(start, *self.encode_block(vectors[start : start + BLOCK]))

        with one_thread_each(), ThreadPoolExecutor(threads) as pool:
            return list(pool.map(encoded, range(0, len(vectors), BLOCK)))

    # --- putting together -----------------------------------------------------------------------------------

    def filled(self, parts: Sequence[EncodedPart], progress: Callable[[int], None] | None = None) -> Any:
        """The faiss index of all parts, and the end of this object: its lists are full now.

        Args:
            parts: in the order of their positions.
            progress: called with the number of lists done since the last call.
        """
        lists = self._lists
        starts = [0] * len(parts)
        for number in range(self.lists):
            slices = []
            for at, part in enumerate(parts):
                end = int(part.ends[number])
                if end > starts[at]:
                    slices.append((part, starts[at], end))
                starts[at] = end
            if slices:
                ids = np.concatenate([part.order[a:b].astype(np.int64) + part.start for part, a, b in slices])
                codes = np.concatenate([part.codes[a:b] for part, a, b in slices])
                lists.invlists.add_entries(number, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
            if progress is not None and (number % 1024 == 1023 or number == self.lists - 1):
                progress(number % 1024 + 1)
        lists.ntotal = sum(starts)
        whole, packed = self.template, _packed(lists) if self._fast else None
        if self._transform is None:
            return whole if packed is None else packed
        if packed is not None:
            whole.index = packed
            packed.this.disown()
            lists.this.own(True)  # nobody else deletes the emptied lists now
        whole.ntotal = sum(starts)
        return whole


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1  # a zero vector goes to any list: its inner products are zero everywhere
    return np.asarray(vectors / lengths, np.float32)


def _quantizer(centroids: Floats, metric: str) -> Any:
    measure = faiss.METRIC_INNER_PRODUCT if metric == "inner_product" else faiss.METRIC_L2
    dimension = centroids.shape[1]
    if len(centroids) < CODED_FROM or dimension % 2:
        quantizer = faiss.IndexFlat(dimension, measure)
    else:
        codes = faiss.IndexPQFastScan(dimension, dimension // 2, 4, measure)
        codes.pq.cp.min_points_per_centroid = 1  # else faiss warns, on standard error, of what it then does anyway
        quantizer = faiss.IndexRefineFlat(codes)
        quantizer.own_fields = True
        codes.this.disown()
        quantizer.k_factor = centroids_compared(1)  # where vectors are added; a search says its own
        quantizer.train(centroids)
    quantizer.add(centroids)
    return quantizer


def centroids_compared(probed: int) -> float:
    """How many centroids are compared in full after their codes, as a multiple of the lists that are probed.

    Twice as many and 64: all but 1 in 40 of the nearest lists are found, and where one is probed, nearly always the
    nearest.
    """
    return 2 + 64 / probed


def _owning(lists: Any, quantizer: Any) -> Any:
    """`lists` with its quantizer its own, so that it lives as long."""
    quantizer.this.disown()
    lists.own_fields = True
    lists.is_trained = True
    return lists


def _flat_template(centroids: Floats, metric: str) -> Any:
    quantizer = _quantizer(centroids, metric)
    measure = getattr(faiss, _METRICS.get(metric, "METRIC_L2"))
    return _owning(faiss.IndexIVFFlat(quantizer, centroids.shape[1], len(centroids), measure), quantizer)


def _code_template(centroids: Floats, sample: Floats, directions: Floats, code: CodeSettings, metric: str) -> Any:
    dimension = centroids.shape[1]
    some = np.linspace(0, len(sample) - 1, min(len(sample), _CODE_SAMPLE)).astype(np.int64)
    coded = np.ascontiguousarray(sample[some])
    # Where candidates are compared again, codes of 4 bits are of the vectors themselves: of what a list's centroid
    # leaves, tables would be made anew for every list, which takes longer than comparing its codes, and finds no more.
    residual = code.code != "fastscan" or code.store == "none"
    if residual:
        coded = coded - centroids[CoarseLists(centroids).nearest(np.ascontiguousarray(directions[some]))]
    transform = _transform(coded, code)
    if transform is not None:
        centroids, coded = transform.apply(centroids), transform.apply(coded)
    turned, measure = centroids.shape[1], getattr(faiss, _METRICS.get(metric, "METRIC_L2"))
    quantizer = _quantizer(centroids, metric)
    if code.code == "rabitq":
        lists = faiss.IndexIVFRaBitQ(quantizer, turned, len(centroids), measure)
    else:
        parts = _sub_quantisers(dimension, code)
        lists = faiss.IndexIVFPQ(quantizer, turned, len(centroids), parts, _bits(code), measure)
        lists.pq.cp.min_points_per_centroid = 1  # else faiss warns, on standard error, of what it then does anyway
        lists.by_residual = residual
        lists.pq.train(coded)
    _owning(lists, quantizer)
    if transform is None:
        return lists
    whole = faiss.IndexPreTransform(transform, lists)
    whole.own_fields = True
    whole.is_trained = True
    transform.this.disown()
    lists.this.disown()
    return whole


def _bits(code: CodeSettings) -> int:
    return 8 if code.code == "pq" else 4


def _sub_quantisers(dimension: int, code: CodeSettings) -> int:
    """How many: as asked, else one for two dimensions of 4-bit codes, for four of 8-bit codes."""
    wide = 4 if code.code == "pq" else 2
    parts = code.m or -(-dimension // wide)
    if parts > dimension or (code.m and dimension % code.m):
        raise InputError(f"m={code.m} does not divide the dimension {dimension}; give a divisor of it, or 0")
    return parts


def _transform(coded: Floats, code: CodeSettings) -> Any:
    """A rotation learned from what is coded, which also pads the dimension where sub-quantisers need it; or None."""
    dimension = coded.shape[1]
    if code.code == "rabitq":
        rotation = faiss.RandomRotationMatrix(dimension, dimension)
        rotation.init(1234)
        return rotation
    parts = _sub_quantisers(dimension, code)
    padded = -(-dimension // parts) * parts
    if not code.opq:
        if padded == dimension:
            return None
        rotation = faiss.LinearTransform(dimension, padded, False)
        faiss.copy_array_to_vector(np.eye(padded, dimension, dtype=np.float32).ravel(), rotation.A)
        rotation.is_trained = True
        rotation.is_orthonormal = True
        return rotation
    rotation = faiss.OPQMatrix(dimension, parts, padded)
    # Few bits: the rotation that balances the parts hardly depends on them, and learning it takes a tenth as long.
    codebooks = faiss.ProductQuantizer(padded, parts, 4)
    codebooks.cp.min_points_per_centroid = 1
    rotation.pq = codebooks
    rotation.niter = 15
    rotation.train(coded[::2])
    rotation.pq = None
    return rotation


def _packed(lists: Any) -> Any:
    """The same codes packed for comparing 32 of them at once; takes over the quantizer and empties `lists`."""
    kind = faiss.IndexIVFRaBitQFastScan if isinstance(lists, faiss.IndexIVFRaBitQ) else faiss.IndexIVFPQFastScan
    packed = kind(lists, 32)
    lists.own_fields = False
    packed.own_fields = True
    lists.invlists.reset()
    return packed
