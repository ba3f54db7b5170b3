"""`ivfpq`, an inverted file over short codes, whose best candidates are compared again in a store of the vectors.

Jégou, Douze & Schmid, "Product Quantization for Nearest Neighbor Search" (2011); codes of 4 bits compared in SIMD
registers by André, Kermarrec & Le Scouarnec (2015); rotation by Ge et al., "Optimized Product Quantization" (2013);
RaBitQ by Gao & Long (2024); all by faiss. The store and the second comparison are ours: faiss' refining indexes cannot
remove, nor leave the vectors on the disk. The codes of 128 dimensions take 32 bytes, the store 256 bytes in float16.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from lookalike.index.core.costs import JUMP, Costs, Footprint, Measured, Shape
from lookalike.index.core.engine_library import EngineLibrary
from lookalike.index.core.hits import Floats, Found, Positions
from lookalike.index.core.kind import ALL_BUT_MANHATTAN, BuildSettings, Candidate, Kind, SearchSettings
from lookalike.index.lists import list_work
from lookalike.index.lists.inverted_file import InvertedFileIndex, filled_lists
from lookalike.index.lists.searchable_lists import SearchableLists, in_convention
from lookalike.index.lists.vector_store import VectorStore

if TYPE_CHECKING:
    from lookalike.index.core.allowed import Allowed, FilterPlan
    from lookalike.index.core.artefact import IndexFolder, NewIndexFolder

__all__ = ["KIND", "IvfPqBuild", "IvfPqIndex", "IvfPqSearch"]

faiss = EngineLibrary("faiss")


class IvfPqBuild(BuildSettings):
    """Inverted file over product-quantised vectors (Jégou et al., 2011), re-ranked from a store of vectors.

    `code`: `pq` (8 bits a sub-quantiser), `fastscan` (4 bits, compared in SIMD registers; André et al., 2015) or
    `rabitq` (1 bit a dimension; Gao & Long, 2024). `m`: sub-quantisers, a divisor of the dimension; 0 chooses.
    `opq`: rotate first so that codes lose least (Ge et al., 2013). `store`: what re-ranking reads.
    """

    nlist: int = Field(default=0, ge=0, le=4_194_304)
    code: Literal["pq", "fastscan", "rabitq"] = "fastscan"
    m: int = Field(default=0, ge=0, le=65_536)
    opq: bool = True
    store: Literal["float32", "float16", "sq8", "none"] = "float16"


class IvfPqSearch(SearchSettings):
    """`nprobe`: cells whose codes are compared; `rerank`: candidates compared again by the store, 0 for none."""

    nprobe: int = Field(default=32, ge=1, le=4_194_304)
    rerank: int = Field(default=100, ge=0, le=1_000_000)


class _Coded(NamedTuple):
    """The codes, and the vectors at the same positions, or None."""

    codes: SearchableLists
    store: VectorStore | None


class IvfPqIndex(InvertedFileIndex):
    """Codes in cells; `nprobe` and `rerank` trade recall for speed. Metrics euclidean, cosine, inner product.

    Distances are those of the store's vectors. With `store="none"` or `rerank=0` they are estimates from the codes,
    also where a filter leaves few vectors: what a code gives back lies elsewhere than its estimate (of RaBitQ, twice as
    far).
    """

    def _engine(self) -> Any:
        return None if self._built.engine is None else self._built.engine.codes.engine

    def _build_engine(self, vectors: Floats) -> _Coded:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        store = None
        if build.store != "none":
            ranges = VectorStore.learned_ranges(vectors) if build.store == "sq8" else None
            store = VectorStore(build.store, self.dimension, ranges)
            store.append(vectors)
        codes = filled_lists(vectors, build.nlist, self._space.metric, code=build)
        return _Coded(SearchableLists(codes, addressable=store is None), store)

    def _extend(self, engine: Any, vectors: Floats) -> None:
        if engine.store is not None:
            engine.store.append(vectors)
        engine.codes.engine.add(vectors)

    def _truncate_engine(self, engine: Any, size: int) -> None:
        if engine.store is not None:
            engine.store.truncate(size)
        engine.codes.truncate(size)

    def _found(
        self, engine: _Coded, queries: Floats, k: int, settings: SearchSettings, allowed: Allowed | None
    ) -> Found:
        wanted: IvfPqSearch = settings  # type: ignore[assignment]
        metric = self._space.metric
        if engine.store is None or not wanted.rerank:
            distances, positions, computed = engine.codes.search(queries, k, wanted.nprobe, allowed)
            return in_convention(distances, positions, metric), positions, computed
        fetched = min(max(k, wanted.rerank), len(engine.store))
        _, positions, computed = engine.codes.search(queries, fetched, wanted.nprobe, allowed)
        distances = in_convention(engine.store.compare(queries, positions, metric), positions, metric)
        computed = None if computed is None else computed + positions.size
        best = np.argsort(distances, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(distances, best, 1), np.take_along_axis(positions, best, 1), computed

    def _estimates(self, settings: SearchSettings) -> bool:
        """Whether these searches answer with the distances that the codes estimate."""
        wanted: IvfPqSearch = settings  # type: ignore[assignment]
        engine = self._built.engine
        return engine is not None and (engine.store is None or not wanted.rerank)

    def _scan_pays(self, allowed: Allowed, fetched: int, settings: SearchSettings, queries: int) -> bool:
        # Which way is quicker is timed: one distance must not depend on that.
        return not self._estimates(settings) and super()._scan_pays(allowed, fetched, settings, queries)

    def _as_planned(self, queries: Floats, allowed: Allowed, plan: FilterPlan) -> Found:
        if not plan.one_by_one or not self._estimates(plan.settings):
            return super()._as_planned(queries, allowed, plan)
        everywhere = plan.settings.model_copy(update={"nprobe": _ALL_LISTS})
        found = self._search_allowed(queries, plan.k, allowed, plan.k, everywhere)
        if (found[1][:, -1] >= 0).all():
            return found
        return super()._as_planned(queries, allowed, plan)  # an estimate that is no number is not found

    def _engine_vectors(self, engine: Any, positions: Positions) -> Floats:
        vectors: Floats = (engine.codes if engine.store is None else engine.store).vectors_at(positions)
        return vectors

    def _engine_bytes(self, engine: Any) -> int:
        return int(engine.codes.bytes) + (0 if engine.store is None else engine.store.bytes)

    def _write_engine(self, engine: Any, folder: NewIndexFolder) -> None:
        folder.add_faiss("index.faiss", engine.codes.engine)
        if engine.store is not None:
            engine.store.write(folder)

    def _read_engine(self, folder: IndexFolder, covered: int) -> _Coded:
        build: IvfPqBuild = self._spec.build  # type: ignore[assignment]
        if build.code == "pq":
            engine = folder.faiss("index.faiss")
        else:
            # faiss copies packed codes into memory even where it maps: mapped, they would be there twice.
            engine = faiss.read_index(str(folder.file("index.faiss")))
        codes = SearchableLists(engine, addressable=build.store == "none")
        codes.check(covered, self.dimension)
        store = None if build.store == "none" else VectorStore.read(folder, build.store, self.dimension, covered)
        return _Coded(codes, store)


#: More lists than an index may have; a search probes those that there are.
_ALL_LISTS = 1 << 22
#: Bytes a number of the store.
_STORE_BYTES = {"float32": 4, "float16": 2, "sq8": 1, "none": 0}
#: Copies of its block that a thread of a streamed build works with (`bulk`): read, prepared, turned, encoded.
_COPIES = 4
#: What learning a code and its rotation costs, as comparisons of two vectors; its sample is of one size.
_CODE_LEARNING = {"fastscan": 2e9, "pq": 3e9, "rabitq": 0.0}
#: Candidates compared again in full when this was measured.
_RERANKED = 100


def _code_bytes(dimension: int, build: IvfPqBuild) -> float:
    """Bytes of a vector's code."""
    if build.code == "rabitq":
        return dimension / 8 + 8
    parts = build.m or math.ceil(dimension / (4 if build.code == "pq" else 2))
    return float(parts) if build.code == "pq" else parts / 2


def _footprint(shape: Shape) -> Footprint:
    build: IvfPqBuild = shape.build
    count, dimension, lists = shape.count, shape.dimension, list_work.lists_of(shape)
    code = _code_bytes(dimension, build)
    # Codes for SIMD registers keep a list in blocks of 32 codes; half a block a list is empty on average.
    padding = lists * 16 * code if build.code != "pq" else 0
    codes = round((code + 8) * count + padding)
    book = {"pq": 1024, "fastscan": 64, "rabitq": 0}[build.code] * dimension
    tables = lists * (4 * dimension + 64) + 4 * dimension * dimension + book
    store = _STORE_BYTES[build.store] * dimension * count
    # Streamed. Learning sorts copies of the sample; merging holds the codes as encoded (files being read), as lists and
    # as packed lists, and then new ids.
    building = tables + max(
        4 * list_work.sample_bytes(shape),
        _COPIES * list_work.block_bytes(shape),
        round((code + 4) * count) + 2 * codes,
    )
    size = codes + tables
    if not store:
        size += 8 * count  # where each code lies, so that vectors can be given back
    return Footprint(size, building, size + store, store)


def _search_work(shape: Shape, nprobe: int) -> float:
    codes = list_work.visited_vectors(shape, nprobe) * _code_bytes(shape.dimension, shape.build)
    return list_work.centroid_work(shape, nprobe) + codes + _RERANKED * (shape.dimension + JUMP)


def _build_work(shape: Shape) -> float:
    return list_work.build_work(shape, _CODE_LEARNING[shape.build.code])


def _measured(build: IvfPqBuild) -> Sequence[Measured]:
    # Rounding to 11 bits changes no recall that could be measured.
    ending = "" if build.store in ("float32", "float16") else f"-{build.store}"
    return _MEASURED[f"{build.code}{ending}"]


#: By code, and by the store where it changes recall.
# fmt: off
_MEASURED: Mapping[str, Sequence[Measured]] = {
    "fastscan": (
        Measured(20_000, 5.23, (
            (4, 0.6053, 0.0864), (8, 0.702, 0.0978), (16, 0.7907, 0.118), (32, 0.8817, 0.1545),
            (64, 0.944, 0.2354), (96, 0.9753, 0.2927), (128, 0.9877, 0.3559), (192, 0.9963, 0.5243),
        )),
        Measured(100_000, 13.74, (
            (4, 0.49, 0.0997), (8, 0.603, 0.1876), (16, 0.701, 0.2245), (32, 0.804, 0.2681),
            (64, 0.8933, 0.2731), (96, 0.9363, 0.3528), (128, 0.956, 0.4404), (192, 0.9777, 0.6169),
            (256, 0.988, 0.7936), (384, 0.9953, 1.3956),
        )),
        Measured(1_000_000, 23.16, (
            (4, 0.3213, 0.1306), (8, 0.4293, 0.1513), (16, 0.5433, 0.1916), (32, 0.6657, 0.2746),
            (64, 0.7807, 0.4388), (96, 0.8367, 0.6245), (128, 0.8753, 0.8081), (192, 0.9227, 1.1562),
            (256, 0.9473, 1.4465), (384, 0.975, 2.2287), (512, 0.9867, 2.6892),
        )),
    ),
    "fastscan-sq8": (
        Measured(20_000, 5.23, (
            (4, 0.6057, 0.0721), (8, 0.7023, 0.0823), (16, 0.7907, 0.1029), (32, 0.8793, 0.1388),
            (64, 0.938, 0.2089), (96, 0.9683, 0.28), (128, 0.98, 0.3471), (192, 0.988, 0.4757),
            (256, 0.9887, 0.6509), (384, 0.9893, 0.9719), (512, 0.9893, 1.2527),
        )),
        Measured(100_000, 13.74, (
            (4, 0.49, 0.1638), (8, 0.603, 0.0974), (16, 0.7003, 0.1256), (32, 0.802, 0.1867),
            (64, 0.8887, 0.304), (96, 0.9297, 0.3609), (128, 0.949, 0.4465), (192, 0.9693, 0.6132),
            (256, 0.9783, 0.7897), (384, 0.985, 1.26), (512, 0.9877, 1.7629),
        )),
        Measured(1_000_000, 17.83, (
            (4, 0.2983, 0.1192), (8, 0.4027, 0.1412), (16, 0.5213, 0.1859), (32, 0.646, 0.2634),
            (64, 0.766, 0.434), (96, 0.8233, 0.6082), (128, 0.8633, 0.8233), (192, 0.913, 1.2231),
            (256, 0.9357, 1.5995), (384, 0.96, 2.2771), (512, 0.9703, 2.8354),
        )),
    ),
    "fastscan-none": (
        Measured(20_000, 5.23, (
            (4, 0.5947, 0.0219), (8, 0.6777, 0.0308), (16, 0.733, 0.0475), (32, 0.7887, 0.0798),
            (64, 0.8207, 0.1444), (96, 0.8327, 0.2083), (128, 0.8367, 0.2635), (192, 0.8383, 0.3815),
            (256, 0.838, 0.5043), (384, 0.8393, 0.7598), (512, 0.8383, 1.115),
        )),
        Measured(100_000, 13.74, (
            (4, 0.4827, 0.03), (8, 0.5833, 0.0413), (16, 0.6597, 0.0647), (32, 0.7283, 0.1039),
            (64, 0.778, 0.1823), (96, 0.7973, 0.2696), (128, 0.806, 0.3407), (192, 0.8113, 0.7248),
            (256, 0.8157, 0.7101), (384, 0.8153, 1.1702), (512, 0.8153, 1.4824),
        )),
        Measured(1_000_000, 23.16, (
            (4, 0.3187, 0.056), (8, 0.4197, 0.074), (16, 0.5223, 0.1077), (32, 0.6203, 0.1722),
            (64, 0.6967, 0.311), (96, 0.7243, 0.4462), (128, 0.742, 0.5997), (192, 0.7637, 0.8867),
            (256, 0.7687, 1.1667), (384, 0.7783, 1.7302), (512, 0.7843, 2.2626),
        )),
    ),
    "rabitq": (
        Measured(20_000, 0.86, (
            (4, 0.6053, 0.0889), (8, 0.702, 0.1), (16, 0.7907, 0.1133), (32, 0.8807, 0.1343),
            (64, 0.9417, 0.1763), (96, 0.9713, 0.2124), (128, 0.982, 0.2425), (192, 0.9897, 0.309),
            (256, 0.991, 0.3716), (384, 0.9907, 0.4927), (512, 0.991, 0.6489),
        )),
        Measured(100_000, 5.63, (
            (4, 0.49, 0.1025), (8, 0.603, 0.1162), (16, 0.7003, 0.1401), (32, 0.8007, 0.1772),
            (64, 0.8867, 0.2431), (96, 0.9243, 0.2939), (128, 0.9407, 0.3507), (192, 0.9563, 0.4475),
            (256, 0.9653, 0.5316), (384, 0.97, 0.7138), (512, 0.973, 0.9634),
        )),
        Measured(1_000_000, 16.03, (
            (4, 0.3213, 0.147), (8, 0.4293, 0.1716), (16, 0.5427, 0.2068), (32, 0.664, 0.2788),
            (64, 0.772, 0.412), (96, 0.821, 0.5124), (128, 0.8517, 0.7088), (192, 0.8897, 1.0068),
            (256, 0.9027, 1.3096), (384, 0.9177, 1.8305), (512, 0.9247, 2.3707),
        )),
    ),
    "rabitq-sq8": (
        Measured(20_000, 0.86, (
            (4, 0.6057, 0.0753), (8, 0.7023, 0.0862), (16, 0.7907, 0.1018), (32, 0.8787, 0.1296),
            (64, 0.9363, 0.1695), (96, 0.965, 0.1983), (128, 0.975, 0.2302), (192, 0.982, 0.2938),
            (256, 0.9823, 0.3584), (384, 0.9823, 0.4751), (512, 0.9827, 0.6384),
        )),
        Measured(100_000, 5.63, (
            (4, 0.49, 0.0905), (8, 0.603, 0.1071), (16, 0.6997, 0.1288), (32, 0.7987, 0.1632),
            (64, 0.8823, 0.2359), (96, 0.9187, 0.2956), (128, 0.9347, 0.3581), (192, 0.9503, 0.4532),
            (256, 0.9583, 0.5297), (384, 0.9633, 0.7427), (512, 0.9657, 1.0495),
        )),
    ),
    "rabitq-none": (
        Measured(20_000, 0.86, (
            (4, 0.575, 0.0183), (8, 0.6373, 0.0238), (16, 0.6757, 0.0333), (32, 0.7013, 0.0519),
            (64, 0.7053, 0.089), (96, 0.7083, 0.1223), (128, 0.709, 0.1489), (192, 0.7077, 0.2099),
            (256, 0.7073, 0.2756), (384, 0.707, 0.4069), (512, 0.708, 0.4923),
        )),
        Measured(100_000, 5.63, (
            (4, 0.4613, 0.0262), (8, 0.544, 0.0352), (16, 0.5983, 0.0518), (32, 0.6333, 0.0851),
            (64, 0.656, 0.1436), (96, 0.6603, 0.2088), (128, 0.6587, 0.2507), (192, 0.659, 0.3195),
            (256, 0.662, 0.4224), (384, 0.6587, 0.6187), (512, 0.6587, 0.8278),
        )),
    ),
    "pq": (
        Measured(20_000, 18.06, (
            (4, 0.6053, 0.101), (8, 0.702, 0.1191), (16, 0.7907, 0.1499), (32, 0.8817, 0.2122),
            (64, 0.944, 0.3259), (96, 0.9753, 0.4331), (128, 0.9877, 0.5562), (192, 0.9963, 0.7847),
        )),
        Measured(100_000, 14.32, (
            (4, 0.49, 0.1161), (8, 0.603, 0.1391), (16, 0.701, 0.1823), (32, 0.804, 0.2632),
            (64, 0.8933, 0.4269), (96, 0.9363, 0.6399), (128, 0.956, 0.7472), (192, 0.9777, 1.0482),
            (256, 0.988, 1.3472), (384, 0.9953, 2.0185),
        )),
        Measured(1_000_000, 25.44, (
            (4, 0.3213, 0.1606), (8, 0.4293, 0.2016), (16, 0.5433, 0.3179), (32, 0.6657, 0.4366),
            (64, 0.7807, 0.7373), (96, 0.8367, 1.0157), (128, 0.8753, 1.2949), (192, 0.9227, 1.9772),
            (256, 0.9473, 2.5175), (384, 0.975, 5.0047), (512, 0.9867, 4.617),
        )),
    ),
    "pq-sq8": (
        Measured(20_000, 18.06, (
            (4, 0.6057, 0.0851), (8, 0.7023, 0.1031), (16, 0.7907, 0.1339), (32, 0.8793, 0.1948),
            (64, 0.938, 0.3117), (96, 0.9683, 0.4982), (128, 0.98, 0.6059), (192, 0.988, 0.783),
            (256, 0.9887, 0.9439), (384, 0.9893, 1.3252), (512, 0.9893, 1.7205),
        )),
        Measured(100_000, 14.32, (
            (4, 0.49, 0.1015), (8, 0.603, 0.1238), (16, 0.7003, 0.1665), (32, 0.802, 0.2449),
            (64, 0.8887, 0.3954), (96, 0.9297, 0.5442), (128, 0.949, 0.7301), (192, 0.9693, 1.0349),
            (256, 0.9783, 1.3427), (384, 0.985, 2.0733), (512, 0.9877, 2.6598),
        )),
    ),
    "pq-none": (
        Measured(20_000, 18.06, (
            (4, 0.603, 0.028), (8, 0.695, 0.0423), (16, 0.771, 0.0691), (32, 0.842, 0.1223),
            (64, 0.88, 0.2253), (96, 0.897, 0.3296), (128, 0.9043, 0.4281), (192, 0.9067, 0.6288),
            (256, 0.9073, 0.8333), (384, 0.9073, 1.226), (512, 0.9073, 1.5991),
        )),
        Measured(100_000, 14.32, (
            (4, 0.4883, 0.0388), (8, 0.599, 0.0583), (16, 0.69, 0.095), (32, 0.776, 0.1684),
            (64, 0.84, 0.3191), (96, 0.8657, 0.4623), (128, 0.8753, 0.679), (192, 0.885, 0.895),
            (256, 0.8903, 1.2592), (384, 0.8927, 1.8131), (512, 0.894, 2.424),
        )),
    ),
}
# fmt: on

KIND = Kind(
    name="ivfpq",
    index=IvfPqIndex,
    build=IvfPqBuild,
    search=IvfPqSearch,
    recall_setting=list_work.probed_lists(reranked="rerank"),
    candidates=(
        Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "float32"}, {"nlist": 2.0}),
        Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "float16"}, {"nlist": 2.0}),
        Candidate("ivfpq", {"code": "rabitq", "store": "float16"}, {"nlist": 2.0}),
        Candidate("ivfpq", {"code": "fastscan", "opq": True, "store": "sq8"}, {"nlist": 2.0}),
    ),
    costs=Costs(
        footprint=_footprint,
        measured=_measured,
        search_work=_search_work,
        build_work=_build_work,
        # They differ in what they keep: a code in memory, and a store on disk.
        planned=(
            {"code": "fastscan", "store": "float32"},
            {"code": "fastscan", "store": "float16"},
            {"code": "fastscan", "store": "sq8"},
            {"code": "fastscan", "store": "none"},
            {"code": "pq", "store": "float16"},
            {"code": "rabitq", "store": "float16"},
        ),
        by_count=list_work.by_count,
        everything=list_work.lists_of,
        reranks=lambda build: build.store != "none",
        rounds_distances=lambda build: build.store in ("sq8", "none"),
    ),
    metrics=ALL_BUT_MANHATTAN,
    family="cells",
    least_dimension=8,
    streamed=True,
    mark=("#173f8a", "P"),
)
