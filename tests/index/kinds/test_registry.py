"""A kind is one file and one line: this file defines one, and everything that knows of kinds knows of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field

import lookalike.index.kinds
from lookalike.errors import ArtefactError, InputError, MissingDependencyError
from lookalike.index import build_index, compare_indexes, load_index, plan_capacity, tune_index
from lookalike.index.core.costs import Costs, Footprint, Measured
from lookalike.index.core.kind import BuildSettings, Candidate, Kind, RecallSetting, SearchSettings
from lookalike.index.core.vector_index import VectorIndex
from lookalike.index.kinds.registry import KINDS, MODULES
from lookalike.index.planning.footprint import footprint
from lookalike.index.tuning.candidates import candidates

# --- the kind: what its own file would hold -------------------------------------------------------------------------


class ToyBuild(BuildSettings):
    """`parts`: in how many parts the vectors lie."""

    parts: int = Field(default=2, ge=1)


class ToySearch(SearchSettings):
    """`parts_to_search`: how many of them are compared."""

    parts_to_search: int = Field(default=2, ge=1)


class ToyIndex(VectorIndex):
    """Brute force in NumPy over parts of the vectors; by Euclidean distance."""

    def __init__(self, spec, covariance=None):
        super().__init__(spec, covariance)
        self._rows = np.empty((0, self.dimension), np.float32)

    def _engine(self):
        return self._rows

    def _search(self, queries, k, settings):
        parts = self._spec.build.parts
        reached = (np.arange(len(self._rows)) % parts) < settings.parts_to_search
        distances = np.linalg.norm(queries[:, None] - self._rows[None], axis=2)
        distances[:, ~reached] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        found = np.take_along_axis(distances, order, 1)
        return found.astype(np.float32), np.where(np.isinf(found), -1, order), len(queries) * int(reached.sum())

    def _vectors_at(self, positions):
        return self._rows[positions]

    def _append(self, vectors):
        self._rows = np.concatenate([self._rows, vectors])

    def _truncate(self, size):
        self._rows = self._rows[:size]
        return 0

    def _rebuilt(self, positions):
        return self._rows[positions]

    def _adopt(self, state):
        self._rows = state

    def _bytes(self):
        return self._rows.nbytes

    def _write(self, folder):
        folder.add_array("rows.npy", self._rows)

    def _read(self, folder):
        self._rows = np.array(folder.array("rows.npy"))
        if self._rows.shape != (self._ids.size, self.dimension):
            raise ArtefactError(f"rows.npy holds {self._rows.shape}")


KIND = Kind(
    name="toy",
    index=ToyIndex,
    build=ToyBuild,
    search=ToySearch,
    recall_setting=RecallSetting("parts_to_search", limit=lambda count: 8, counts_candidates=False),
    candidates=(Candidate("toy", {"parts": 8}),),
    costs=Costs(
        footprint=lambda shape: Footprint(shape.vectors, 3 * shape.vectors, shape.vectors),
        measured=lambda build: [Measured(1000, 0.001, ((1, 0.5, 0.1), (2, 0.99, 0.2)))],
        search_work=lambda shape, parts: shape.count * shape.dimension * parts / shape.build.parts,
        build_work=lambda shape: float(shape.count * shape.dimension),
    ),
    metrics=("euclidean",),
    requires="numpy",
    family="toy",
)

# --- its line -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(MODULES, "toy", __name__)


VECTORS = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)


def test_it_is_listed():
    assert KINDS["toy"] is KIND
    assert "toy" in KINDS
    assert list(KINDS)[-1] == "toy"
    assert len(KINDS) == len(MODULES)


def test_it_is_built_searched_changed_saved_and_loaded(tmp_path):
    index = build_index(VECTORS, "toy", "euclidean", ids=np.arange(400) + 1000, parts=4, parts_to_search=4)
    assert index.stats()["build"] == {"parts": 4}
    exact = build_index(VECTORS, "exact", "euclidean", ids=np.arange(400) + 1000)
    assert index.search(VECTORS[:3], 1).computed == 3 * 400
    assert index.search(VECTORS[:3], 1, parts_to_search=1).computed == 3 * 100
    for one in (index, exact):
        one.remove([1003, 1004])
        one.add(VECTORS[3:4] + 1, ids=[7])
    queries = VECTORS[:20] + np.float32(0.1)
    hits, truth = index.search(queries, 5), exact.search(queries, 5)
    assert np.array_equal(hits.ids, truth.ids)
    np.testing.assert_allclose(hits.distances, truth.distances, rtol=1e-5)
    index.save(tmp_path / "x.index")
    again = load_index(tmp_path / "x.index")
    assert again.spec == index.spec
    assert np.array_equal(again.search(queries, 5).ids, truth.ids)
    assert again.compact() == 2
    assert np.array_equal(again.search(queries, 5).ids, truth.ids)


def test_its_settings_and_metrics_are_checked():
    with pytest.raises(InputError, match="kind 'toy' has no setting nprobe; its settings: parts, parts_to_search"):
        build_index(VECTORS, "toy", "euclidean", nprobe=1)
    with pytest.raises(InputError, match="parts: Input should be greater than or equal to 1"):
        build_index(VECTORS, "toy", "euclidean", parts=0)
    with pytest.raises(InputError, match="'toy' cannot search by metric 'cosine'"):
        build_index(VECTORS, "toy", "cosine")
    with pytest.raises(InputError, match=r"choose one of .*, toy, auto"):
        build_index(VECTORS, "toys", "euclidean")


def test_it_is_planned():
    assert footprint("toy", 1000, 6, metric="euclidean").serving == 1000 * (4 * 6 + 9)
    plan = plan_capacity(1000, 6, metric="euclidean", recall=0.9)
    option = next(option for option in plan.options if option.kind == "toy")
    assert option.name == "toy"
    assert 0.9 <= option.recall <= 0.991
    assert option.fits
    assert option.search == {"parts_to_search": 2}
    assert "toy" in {row[1] for row in plan.rows()[1]}
    elsewhere = next(o for o in plan_capacity(1_000_000, 6).options if o.kind == "toy")
    assert "cannot search by cosine" in elsewhere.reasons


def test_it_is_a_candidate_and_is_tuned_and_compared(tmp_path):
    assert KIND.candidates[0] in candidates("euclidean", 6)
    assert KIND.candidates[0] not in candidates("cosine", 6)
    tuning = tune_index(VECTORS, metric="euclidean", recall=0.9, kinds=["toy"])
    assert (tuning.index.kind, tuning.index.spec.build) == ("toy", ToyBuild(parts=8))
    assert tuning.index.stats()["search"]["parts_to_search"] > 4
    tuning.plot(tmp_path / "tuning.png")
    comparison = compare_indexes(VECTORS, metric="euclidean", kinds=["exact", "toy"])
    assert {row["name"] for row in comparison.rows()} == {"exact", "toy"}
    comparison.plot(tmp_path / "curves.png")


# --- what holds for every kind --------------------------------------------------------------------------------------


def test_every_file_of_the_folder_is_a_kind_of_its_name():
    files = {path.stem for path in Path(lookalike.index.kinds.__file__).parent.glob("*.py")}
    own = {name for name, module in MODULES.items() if module.startswith("lookalike.")}
    assert files == own | {"__init__", "registry"}
    for name in own:
        assert KINDS[name].name == name
        assert {candidate.kind for candidate in KINDS[name].candidates} == {name}


def test_what_is_said_of_a_kind_are_settings_that_it_has():
    for kind in KINDS.values():
        build, search = kind.build.model_fields, kind.search.model_fields
        setting = kind.recall_setting
        assert set(search) == ({name for name in (setting.name, setting.reranked) if name} if setting else set())
        assert set(kind.costs.by_count(1000)) <= set(build)
        for settings in (*kind.costs.planned, *(candidate.settings(1000) for candidate in kind.candidates)):
            kind.build(**settings)


def test_a_missing_engine_is_said_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "annoy", None)  # how Python itself says that a module is not there
    assert not KINDS["trees"].installed
    with pytest.raises(MissingDependencyError, match=r"needs the package annoy; .* pip install 'lookalike\[trees\]'"):
        KINDS["trees"].load()


def test_knowing_kinds_and_planning_loads_no_engine():
    code = """
import sys
import lookalike.index
first = [name for name in ("faiss", "annoy", "svs", "scann", "torch", "pydantic") if name in sys.modules]
from lookalike.index import IndexSpec, plan_capacity
from lookalike.index.kinds.registry import KINDS
for name, kind in KINDS.items():
    IndexSpec.create(name, "cosine", 8)
    kind.installed
plan_capacity(10**6, 128)
print(first + [name for name in ("faiss", "annoy", "svs", "scann", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.strip() == "[]"
