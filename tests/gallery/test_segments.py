"""Segments: what they hold is found, what is forgotten is in no file, and nobody waits while they are built."""

import itertools
import shutil
import sqlite3
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from lookalike.distances import pairwise
from lookalike.gallery import EmbeddedGallery, forgetting, segment_builder, segment_search, storing
from lookalike.gallery.segment_builder import SegmentBuilder
from lookalike.index.core.metric_space import MetricSpace
from lookalike.index.graphs.small_world_graph import SmallWorldIndex

D = 12


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 50)
    monkeypatch.setattr(SegmentBuilder, "begin", lambda self, model: None)  # built where a test says so
    monkeypatch.setattr(segment_builder, "quickest", lambda indexes, vectors: indexes[0])  # graphs


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


def opened(path):
    gallery = EmbeddedGallery(path)
    gallery.bind("f", "net", "cosine", D)
    return gallery


def enrolled(gallery, first, last):
    gallery.enroll_many([(str(n), vectors(1, n)[0], None) for n in range(first, last)])


def build(gallery):
    count = 0
    while gallery._builder.build_one(gallery.model):
        count += 1
    return count


def backed_up(path):
    """The database of a gallery of 100 in a segment."""
    with opened(path) as gallery:
        enrolled(gallery, 0, 100)
        build(gallery)
    return (path / "gallery.sqlite3").read_bytes()


def check(gallery, held):
    """Everybody held is found, nobody else, at the true distance, among the nearest in the true order."""
    held = sorted(held)
    probes = vectors(6, 10**6)
    true = pairwise(probes.astype(float), np.concatenate([vectors(1, n) for n in held]).astype(float), "cosine")
    for row, found in zip(true, gallery.search(probes, k=8), strict=True):
        assert [c.identity for c in found] == [str(held[at]) for at in np.argsort(row)[:8]]
        np.testing.assert_allclose([c.distance for c in found], np.sort(row)[:8], atol=1e-5)


def folders(path):
    return [one for one in (path / "segments").iterdir() if one.is_dir()]


def held_on_disk(path, n):
    """Whether the vector is in a file, as it was given or as the metric has it."""
    content = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    given = vectors(1, n)
    return any(one.tobytes() in content for one in (given, MetricSpace("cosine", D).vectors(given)))


def test_a_gallery_is_searched_the_same_before_and_after_its_segments_are_built(path):
    with opened(path) as gallery:
        enrolled(gallery, 0, 120)
        check(gallery, range(120))
        assert gallery.stats()["index"]["compared_one_by_one"] == 120
        assert gallery._builder.build_one(gallery.model)
        check(gallery, range(120))
        assert [one["kind"] for one in gallery.stats()["index"]["segments"]] == ["exact"]
        assert gallery.stats()["index"]["compared_one_by_one"] == 120
        assert build(gallery) == 1
        check(gallery, range(120))
        assert gallery.stats()["index"]["compared_one_by_one"] == 0
        assert [one["templates"] for one in gallery.stats()["index"]["segments"]] == [120]
        enrolled(gallery, 120, 160)
        check(gallery, range(160))
        assert gallery.stats()["index"]["compared_one_by_one"] == 40
    with opened(path) as gallery:
        check(gallery, range(160))
        assert gallery.stats()["index"]["compared_one_by_one"] == 40
        assert [one["kind"] for one in gallery.stats()["index"]["segments"]] == ["hnsw"]


def test_a_process_that_ends_leaves_a_file_that_the_next_one_maps(path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 50)
    with opened(path) as gallery:
        enrolled(gallery, 0, 120)
    with opened(path) as gallery:
        assert gallery._live.snapshot is None
        check(gallery, range(120))
        assert [one["templates"] for one in gallery.stats()["index"]["segments"]] == [120]
        assert gallery._live.snapshot.fresh.count == 0


def test_segments_are_few_and_of_growing_size(path):
    with opened(path) as gallery:
        builds = 0
        for start in range(0, 2400, 60):
            enrolled(gallery, start, start + 60)
            builds += build(gallery)
        check(gallery, range(2400))
        sizes = [one["templates"] for one in gallery.stats()["index"]["segments"]]
        assert sum(sizes) == 2400
        assert len(sizes) <= 4
        assert all(large > 3 * small for large, small in itertools.pairwise(sizes))
        assert builds == 2 * 40
        assert len(folders(path)) == len(sizes)


def test_who_is_forgotten_is_in_no_file_of_a_segment_and_not_found(path):
    with opened(path) as gallery:
        enrolled(gallery, 0, 200)
        build(gallery)
        check(gallery, range(200))
        for n in (3, 77, 199):
            assert held_on_disk(path / "segments", n)
            gallery.forget(str(n))
            assert not held_on_disk(path, n)
            assert gallery.search(vectors(1, n), k=1)[0][0].identity != str(n)
        left = set(range(200)) - {3, 77, 199}
        check(gallery, left)
    with opened(path) as gallery:
        check(gallery, left)


def test_a_segment_most_of_which_is_forgotten_is_built_again(path):
    with opened(path) as gallery:
        enrolled(gallery, 0, 100)
        build(gallery)
        for n in range(20):
            gallery.forget(str(n))
        assert build(gallery) == 0
        for n in range(20, 40):
            gallery.forget(str(n))
        assert build(gallery) == 1
        check(gallery, range(40, 100))
        assert [one["templates"] for one in gallery.stats()["index"]["segments"]] == [60]


def test_what_a_killed_process_left_is_overwritten_when_the_gallery_is_opened(path):
    with opened(path) as gallery:
        enrolled(gallery, 0, 100)
        build(gallery)
        with gallery._database.write("written"):  # as far as `forget` came
            row = gallery._database.one("SELECT id FROM identity WHERE name = '5'")
            forgetting.drop_identity(gallery._database, row[0], storing.new_change(gallery._database))
        assert held_on_disk(path / "segments", 5)
        (path / "segments" / "half-written").mkdir()
    with opened(path) as gallery:
        assert not held_on_disk(path, 5)
        assert not (path / "segments" / "half-written").exists()
        check(gallery, set(range(100)) - {5})


@pytest.mark.parametrize("damage", ["missing", "cut", "bytes", "ids"])
def test_a_damaged_segment_is_passed_over_and_built_again(path, damage, caplog):
    with opened(path) as gallery:
        enrolled(gallery, 0, 100)
        build(gallery)
    (folder,) = folders(path)
    file = folder / "index.faiss"
    if damage == "missing":
        shutil.rmtree(folder)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-8])
    elif damage == "bytes":
        file.write_bytes(bytes(100) + file.read_bytes()[100:])
    else:
        (folder / "ids.npy").write_bytes(b"damaged")
    with opened(path) as gallery:
        enrolled(gallery, 100, 110)
        check(gallery, range(110))
        assert "passed over" in caplog.text
        assert gallery.stats()["index"]["damaged"] == 1
        assert build(gallery) == 1
        check(gallery, range(110))
        assert gallery.stats()["index"]["damaged"] == 0
        assert gallery.stats()["index"]["compared_one_by_one"] == 10


def test_a_backup_of_the_database_is_a_whole_gallery(path):
    backup = backed_up(path)
    with opened(path) as gallery:
        enrolled(gallery, 100, 200)
        build(gallery)
    (path / "gallery.sqlite3").write_bytes(backup)
    with opened(path) as gallery:  # whose segment is deleted; later ones hold other people's templates
        check(gallery, range(100))
        enrolled(gallery, 300, 400)
        build(gallery)
        check(gallery, {*range(100), *range(300, 400)})


def test_who_was_forgotten_after_a_backup_is_found_again_when_it_is_restored(path):
    backup = backed_up(path)
    with opened(path) as gallery:
        gallery.forget("7")
        check(gallery, set(range(100)) - {7})
    (path / "gallery.sqlite3").write_bytes(backup)  # beside a segment in which that vector was overwritten
    with opened(path) as gallery:
        check(gallery, range(100))
        assert gallery.search(vectors(1, 7), k=1)[0][0].identity == "7"
        build(gallery)
        assert gallery.stats()["index"]["damaged"] == 1
        check(gallery, range(100))
        assert gallery.stats()["index"]["damaged"] == 0


def test_a_graph_is_searched_more_widely_the_larger_it_is(path, monkeypatch):
    # What is measured begins at 20,000 vectors; here, a ninth of those that are in before the last tenth asks.
    monkeypatch.setattr("lookalike.index.planning.scaling.setting_for_recall", lambda kind, count, *given: count // 9)
    for count, wanted in ((400, 64), (1200, 120)):
        with opened(path) as gallery:
            enrolled(gallery, count - 400 if count == 400 else 400, count)
            build(gallery)
            gallery.search(vectors(1), k=1)
            (segment,) = gallery._live.snapshot.segments
            assert segment.index.spec.search.ef_search == wanted


def test_a_graph_is_searched_as_widely_as_its_vectors_need(path, monkeypatch):
    """What is expected of its size is far too little here; how many candidates are needed is measured."""
    monkeypatch.setattr("lookalike.index.planning.scaling.setting_for_recall", lambda *given: 10)
    monkeypatch.setitem(segment_search._SETTINGS, "hnsw", ("ef_search", 1, 4000))
    with opened(path) as gallery:
        enrolled(gallery, 0, 3000)
        build(gallery)
        probes, held = vectors(300, 10**6), np.concatenate([vectors(1, n) for n in range(3000)])
        true = np.argsort(pairwise(probes.astype(float), held.astype(float), "cosine"), axis=1)[:, :10]
        found = gallery.search(probes, k=10)
        (segment,) = gallery._live.snapshot.segments
        assert segment.index.kind == "hnsw"
        assert segment.index.spec.search.ef_search > 10
        share = np.mean(
            [
                len({int(c.identity) for c in row} & set(near)) / 10
                for row, near in zip(found, true.tolist(), strict=True)
            ]
        )
        assert share > 0.97  # 0.99 of those that were measured


def listed(path):
    """Kinds and sizes of the segments of a gallery, by ids."""
    with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
        return connection.execute("SELECT kind, templates FROM segment ORDER BY first").fetchall()


def test_of_many_templates_there_are_lists_until_their_graph_is_there(path, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.segment_builder._GRAPH_AT_ONCE", 200)
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 100)
    with opened(path) as gallery:
        enrolled(gallery, 0, 400)
        builder, seen = gallery._builder, []
        held, gone = set(range(400)), [vectors(1, n)[0] for n in (5, 399)]
        for n in (5, 399):
            gallery.forget(str(n))
            held.discard(n)
        while builder.build_one(gallery.model):
            seen.append(listed(path))
            check(gallery, held)
            # In lists and centroids as in the other kinds: who is forgotten now is in no file when that returns.
            n = min(held)
            gone.append(vectors(1, n)[0])
            gallery.forget(str(n))
            held.discard(n)
            directions = MetricSpace("cosine", D).vectors(np.array(gone))
            files = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
            assert not any(row.tobytes() in files for row in [*gone, *directions])
            check(gallery, held)
        assert seen == [[("exact", 398)], [("ivf", 397)], [("hnsw", 396)]]
        enrolled(gallery, 400, 460)  # a third at least goes into the graph with them, fewer into one of their own
        assert build(gallery) == 2
        assert listed(path) == [("hnsw", 396), ("hnsw", 60)]
        check(gallery, held | set(range(400, 460)))


@pytest.mark.parametrize("why", ["they answer sooner", "the graph finds too few"])
def test_lists_stay_where_a_graph_is_no_better(path, monkeypatch, why):
    monkeypatch.setattr(segment_builder, "_GRAPH_AT_ONCE", 200)
    monkeypatch.setattr("lookalike.index.core.prefix_index.EXACT_BELOW", 100)
    if why == "they answer sooner":
        monkeypatch.setattr(segment_builder, "quickest", lambda indexes, vectors: indexes[1])
    else:
        monkeypatch.setattr("lookalike.index.planning.scaling.setting_for_recall", lambda *given: 1)
        monkeypatch.setitem(segment_search._SETTINGS, "hnsw", ("ef_search", 1, 1))
    with opened(path) as gallery:
        enrolled(gallery, 0, 400)
        assert build(gallery) == 3  # a file, lists, lists that stay
        assert listed(path) == [("ivf", 400)]
        check(gallery, range(400))
    with opened(path) as gallery:
        assert build(gallery) == 0
        enrolled(gallery, 400, 460)
        gallery.forget("7")
        assert build(gallery) == 2
        # So few are in a graph without a question.
        assert listed(path) == [("ivf", 400), ("hnsw", 60)]
        assert not held_on_disk(path, 7)
        check(gallery, set(range(460)) - {7})
        enrolled(gallery, 460, 800)
        build(gallery)
        assert listed(path) == [("ivf", 799)]
        check(gallery, set(range(800)) - {7})


def test_who_forgets_does_not_wait_for_who_builds(path, monkeypatch):
    monkeypatch.setattr(segment_builder, "_READ", 10)
    read, readers, alive = segment_builder.read_vectors, [], []
    with opened(path) as gallery:
        enrolled(gallery, 0, 150)
        forgetting_7 = threading.Thread(target=gallery.forget, args=("7",))

        def reading(database, dimension, where, ids):
            readers.append(ids)
            if len(readers) == 2:
                forgetting_7.start()
                with closing(sqlite3.connect(path / "gallery.sqlite3")) as other:
                    while other.execute("SELECT count(*) FROM template").fetchone() == (150,):
                        time.sleep(0.01)  # until it is deleted; then it waits for this transaction
            if 2 < len(readers) <= 15:
                forgetting_7.join(1)
                alive.append(forgetting_7.is_alive())
            return read(database, dimension, where, ids)

        monkeypatch.setattr(segment_builder, "read_vectors", reading)
        assert build(gallery) == 2
        assert readers[:15] == [(first, first + 9) for first in range(1, 151, 10)]
        assert not alive[-1]
        assert not held_on_disk(path, 7)
        check(gallery, set(range(150)) - {7})


def test_the_quickest_index_is_the_one_whose_best_round_took_least(monkeypatch):
    now = [0.0]

    class Index:
        def __init__(self, *seconds):
            self.seconds, self.asked = seconds, 0

        def __len__(self):
            return 100

        def search(self, row, k):
            assert (row.shape, k) == ((1, D), 10)
            now[0] += self.seconds[self.asked // 50]  # a round asks for 50
            self.asked += 1

    monkeypatch.setattr(segment_search.time, "perf_counter", lambda: now[0])
    steady, disturbed = Index(1.0, 1.0, 1.0), Index(9.0, 0.5, 9.0)
    assert segment_search.quickest([steady, disturbed], vectors(100)) is disturbed
    steady, slow = Index(1.0, 1.0, 1.0), Index(2.0, 2.0, 2.0)
    assert segment_search.quickest([slow, steady], vectors(100)) is steady


def test_whom_no_search_of_a_graph_finds_is_compared_beside_it(path, monkeypatch):
    """Here all of a third are, and the graph finds them, too: they are answered once, and forgotten as others are."""
    monkeypatch.setattr(SmallWorldIndex, "unreached", lambda self: np.arange(0, len(self), 3))
    with opened(path) as gallery:
        enrolled(gallery, 0, 120)
        build(gallery)
        check(gallery, range(120))
        (segment,) = gallery._live.snapshot.segments
        assert segment.unreached.ids.tolist() == list(range(1, 121, 3))
        row = gallery.search(vectors(1, 9), k=120)[0]
        assert len({one.template_id for one in row}) == 120
        gallery.forget("9")
        gallery.forget("10")
        check(gallery, set(range(120)) - {9, 10})
    with opened(path) as gallery:  # the place of who was forgotten holds a neighbour's vector now
        check(gallery, set(range(120)) - {9, 10})


def test_only_one_process_builds(path):
    with opened(path) as gallery, opened(path) as other:
        enrolled(gallery, 0, 100)
        with gallery._segments.alone() as alone:
            assert alone
            assert not other._builder.build_one(other.model)
        assert build(other) == 2
        check(gallery, range(100))
        assert gallery.stats()["index"]["compared_one_by_one"] == 0


def test_every_search_sees_one_state_while_others_enroll_forget_and_build(path):
    """Somebody has one of two templates at every moment; so every search has to find that person, with it."""
    gallery = opened(path)
    pair = vectors(2, 7)
    with gallery:
        enrolled(gallery, 100, 220)
        gallery.enroll("Ada", pair[0])
        stop, wrong, searches = threading.Event(), [], []

        def search():
            while not stop.is_set():
                for row in gallery.search(pair, k=200):
                    found = {c.identity: c.distance for c in row}
                    searches.append(1)
                    if "Ada" not in found or len(found) != len(row):
                        wrong.append(found)
                    elif not (found["Ada"] < 1e-6 or abs(found["Ada"] - apart) < 1e-5):
                        wrong.append(found["Ada"])

        apart = float(pairwise(pair[:1].astype(float), pair[1:].astype(float), "cosine")[0, 0])
        threads = [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for turn in range(40):
                gallery.enroll_many([("Ada", pair[(turn + 1) % 2], None)], replace=True)
                enrolled(gallery, 1000 + 5 * turn, 1005 + 5 * turn)
                gallery.forget(str(1000 + 5 * turn))
                if turn % 10 == 5:
                    build(gallery)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert not wrong
    assert len(searches) > 20
