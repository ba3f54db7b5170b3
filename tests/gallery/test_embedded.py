"""The embedded gallery in one process: what it keeps, finds, forgets and refuses."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest

from lookalike.distances import pairwise
from lookalike.errors import (
    ArtefactError,
    FingerprintError,
    InputError,
    StorageError,
    UnknownIdentityError,
    VectorError,
)
from lookalike.gallery import EmbeddedGallery, open_gallery
from lookalike.gallery.database import FORMAT_VERSION

D = 8


def vectors(n, seed=0, d=D):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def gallery(path):
    with open_gallery(path) as opened:
        opened.bind("f1", "arcface", "cosine", D)
        yield opened


def oracle(held, probe, k, metric):
    """Every template of every identity, compared one by one."""
    best = []
    for name, rows in held.items():
        distances = pairwise(probe[None].astype(np.float64), np.asarray(rows, np.float64), metric)[0]
        best.append((float(distances.min()), name))
    return sorted(best)[:k]


# --- keeping ----------------------------------------------------------------------------------------------


def test_enrolled_templates_come_back_bit_for_bit(gallery, path):
    x = vectors(3)
    ids = gallery.enroll("Ada", x, ["a.jpg", "b.jpg", "caf\udce9.jpg"])
    one = gallery.enroll("Bob", x[0])
    assert len(gallery) == 2
    gallery.close()
    with open_gallery(path, create=False) as again:
        assert again.model.name == "arcface"
        kept = again.templates()
        assert [t.id for t in kept] == ids + one
        assert [t.identity for t in kept] == ["Ada", "Ada", "Ada", "Bob"]
        assert [t.source for t in kept] == ["a.jpg", "b.jpg", "caf\\udce9.jpg", ""]
        assert b"".join(t.vector.tobytes() for t in kept) == x.tobytes() + x[0].tobytes()
        assert kept[0].vector.dtype == np.float32
        assert all(t.enrolled_at.endswith("+00:00") for t in kept)
        assert [(p.name, p.templates) for p in again.people()] == [("Ada", 3), ("Bob", 1)]


def test_the_same_name_adds_templates_however_it_is_typed(gallery):
    gallery.enroll("Zoë", vectors(1))
    gallery.enroll(" Zoe\u0308 ", vectors(1, seed=1))
    assert [(p.name, p.templates) for p in gallery.people()] == [("Zoë", 2)]


def test_repeating_an_enrolment_changes_nothing(gallery):
    x = vectors(2)
    first = gallery.enroll("Ada", x)
    assert gallery.enroll("Ada", x) == first
    assert gallery.enroll("Ada", np.concatenate([x[1:], vectors(1, seed=5), x[1:]]))[::2] == [first[1]] * 2
    assert len(gallery.templates("Ada")) == 3
    assert gallery.enroll("Bob", x) != first  # another identity may hold the same vector
    assert len(gallery.templates()) == 5


def test_enrolment_is_all_or_nothing(gallery):
    gallery.enroll("Ada", vectors(1))
    bad = vectors(3, seed=1)
    for place, value, message in [(2, np.nan, "NaN"), (1, np.inf, "NaN or infinity"), (2, 0, "all zeros")]:
        broken = bad.copy()
        broken[place] = value
        with pytest.raises(VectorError, match=message):
            gallery.enroll("Bob", broken)
    for broken, message in [
        (np.empty((0, D)), "empty"),
        ([], "empty"),
        (vectors(2, d=9), "9 dimensions, expected 8"),
        (np.zeros((1, 1, D)), "shape"),
        ([[1.0], [1.0, 2.0]], "cannot be read"),
        ("Ada", "dtype"),
    ]:
        with pytest.raises(VectorError, match=message):
            gallery.enroll("Bob", broken)
    for sources, message in [(["a"], "1 sources given for 3"), ("abc", "one text given for 3")]:
        with pytest.raises(VectorError, match=message):
            gallery.enroll("Bob", bad, sources)
    with pytest.raises(InputError, match="empty name"):
        gallery.enroll(" ", bad)
    with pytest.raises(InputError, match="source 3"):
        gallery.enroll("Bob", bad, ["a", "b", 3])
    assert [p.name for p in gallery.people()] == ["Ada"]


def test_a_failure_inside_the_transaction_leaves_no_half(gallery, monkeypatch):
    # Rows of templates are written after those of identities: nothing of either may stay.
    database = gallery._database
    run_many = database.run_many

    def failing(sql, rows):
        run_many(sql, rows)
        if sql.startswith("INSERT INTO template"):
            raise sqlite3.OperationalError("injected")

    monkeypatch.setattr(database, "run_many", failing)
    with pytest.raises(sqlite3.OperationalError, match="injected"):
        gallery.enroll("Bob", vectors(3))
    monkeypatch.undo()
    assert gallery.people() == []
    assert gallery.enroll("Bob", vectors(3)) != []
    assert gallery.search(vectors(1), k=1)[0][0].identity == "Bob"


def test_the_disk_is_told_to_keep_what_was_acknowledged(gallery):
    one = gallery._database.one
    assert one("PRAGMA synchronous")[0] == 2  # FULL
    assert one("PRAGMA journal_mode")[0] == "wal"
    assert one("PRAGMA secure_delete")[0] == 1
    assert one("PRAGMA foreign_keys")[0] == 1


# --- finding ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product", "manhattan"])
def test_search_answers_identities_by_their_best_template(path, metric):
    rng = np.random.default_rng(0)
    held = {}
    with open_gallery(path) as gallery:
        gallery.bind("f1", "net", metric, D)
        for n in range(30):
            # One identity with very many templates must not hide the others.
            held[f"person {n}"] = vectors(60 if n == 0 else 1 + n % 3, seed=n) * (0.05 if n == 0 else 1)
            gallery.enroll(f"person {n}", held[f"person {n}"])
        probes = np.concatenate([vectors(20, seed=99), 0.05 * rng.normal(size=(20, D)).astype("f")])
        for k in (1, 5, 30, 100):
            answers = gallery.search(probes, k)
            assert len(answers) == len(probes)
            for probe, candidates in zip(probes, answers, strict=True):
                expected = oracle(held, probe, k, metric)
                assert [c.identity for c in candidates] == [name for _, name in expected]
                np.testing.assert_allclose([c.distance for c in candidates], [d for d, _ in expected], atol=1e-5)
        owner = {t.id: t.identity for t in gallery.templates()}
        assert all(owner[c.template_id] == c.identity for row in answers for c in row)


def test_search_of_nobody(path):
    with open_gallery(path) as gallery:
        assert gallery.search(vectors(2)) == [[], []]  # no model yet
        gallery.bind("f1", "net", "cosine", D)
        assert gallery.search(vectors(2)) == [[], []]
        gallery.enroll("Ada", vectors(1))
        assert gallery.search(vectors(1)[0])[0][0].identity == "Ada"
        assert gallery.search(np.empty((0, D))) == []
        for bad, message in [(vectors(1, d=3), "3 dimensions"), (np.zeros(D), "zeros"), (np.full(D, np.nan), "NaN")]:
            with pytest.raises(VectorError, match=message):
                gallery.search(bad)
        for k in (0, -1, 1.0):
            with pytest.raises(VectorError, match="k is"):
                gallery.search(vectors(1), k=k)


def test_every_template_is_read_once(gallery, monkeypatch):
    from lookalike.gallery import live_index

    read, vectors_from = [], live_index.vectors_from
    monkeypatch.setattr(live_index, "vectors_from", lambda rows, d: read.extend(rows) or vectors_from(rows, d))
    x = vectors(50)
    for n in range(50):
        gallery.enroll(f"p{n}", x[n])
        assert gallery.search(x[n], k=1)[0][0].identity == f"p{n}"
    for n in range(0, 50, 3):
        gallery.forget(f"p{n}")
        assert gallery.search(x[n], k=1)[0][0].identity != f"p{n}"
    assert len(read) == 50


# --- forgetting -------------------------------------------------------------------------------------------


def everything(path):
    return b"".join(p.read_bytes() for p in path.rglob("*") if p.is_file())


@pytest.mark.parametrize("d", [D, 128, 2000])
def test_forgotten_vectors_and_names_are_on_no_disk(path, d):
    rng = np.random.default_rng(d)
    people = [f"name-{n:05d}-{rng.integers(10**9)}" for n in rng.permutation(300)]
    held = {name: vectors(1 + n % 3, seed=n, d=d) for n, name in enumerate(people)}
    with open_gallery(path) as gallery:
        gallery.bind("f1", "net", "cosine", d)
        for name, x in held.items():
            gallery.enroll(name, x, [f"source of {name}"] * len(x))
        gallery.search(held[people[0]], k=1)
        for name in people[::2]:
            assert name.encode() in everything(path)
            assert gallery.forget(name) == len(held[name])
            with pytest.raises(UnknownIdentityError, match="is not in"):
                gallery.forget(name)
        content = everything(path)
        for name in people[::2]:
            assert name.encode() not in content
            assert all(row[:8].tobytes() not in content for row in held[name])
        for name in people[1::2]:
            assert name.encode() in content
            assert [t.vector.tobytes() for t in gallery.templates(name)] == [row.tobytes() for row in held[name]]
        assert gallery.stats()["forgotten_templates"] == sum(len(held[name]) for name in people[::2])


def test_ids_of_forgotten_templates_are_not_used_again(gallery):
    (first,) = gallery.enroll("Ada", vectors(1))
    gallery.forget("Ada")
    (second,) = gallery.enroll("Ada", vectors(1))
    assert second > first
    assert gallery.search(vectors(1), k=1)[0][0].template_id == second


def test_unknown_names(gallery):
    with pytest.raises(UnknownIdentityError, match="'Eve' is not in"):
        gallery.forget("Eve")
    with pytest.raises(UnknownIdentityError, match="'Eve' is not in"):
        gallery.templates("Eve")
    assert gallery.templates() == []


def test_a_reader_that_keeps_the_log_is_reported(path):
    with EmbeddedGallery(path, timeout=0.2) as gallery:
        gallery.bind("f1", "net", "cosine", D)
        gallery.enroll("Ada", vectors(1))
        with closing(sqlite3.connect(path / "gallery.sqlite3", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM template").fetchall()
            with pytest.raises(StorageError, match=r"'Ada' is forgotten .* call scrub\(\)"):
                gallery.forget("Ada")
            assert gallery.people() == []
            assert not gallery.scrub()
        assert gallery.scrub()
        assert vectors(1)[0].tobytes() not in everything(path)


# --- models -----------------------------------------------------------------------------------------------


def test_a_gallery_belongs_to_one_model(gallery, path):
    gallery.bind("f1", "arcface", "cosine", D)
    for model in [("f2", "dlib", "cosine", D), ("f1", "arcface", "euclidean", D), ("f1", "arcface", "cosine", 9)]:
        with pytest.raises(FingerprintError, match=r"belongs to model 'arcface' \(f1.*'(dlib|arcface)'.*enroll"):
            gallery.bind(*model)
    with open_gallery(path) as again, pytest.raises(FingerprintError, match="dlib"):
        again.bind("f2", "dlib", "cosine", D)
    for model in [("", "x", "cosine", D), ("f", "x", "hamming", D), ("f", "x", "cosine", 0)]:
        with pytest.raises(InputError, match="give a model's fingerprint"):
            gallery.bind(*model)


def test_enrolling_needs_a_model(path):
    with open_gallery(path) as gallery:
        assert gallery.model is None
        with pytest.raises(InputError, match="belongs to no model yet"):
            gallery.enroll("Ada", vectors(1))


# --- opening ----------------------------------------------------------------------------------------------


def test_addresses(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="http://"):
        open_gallery("http://x")
    with pytest.raises(InputError, match="empty"):
        open_gallery("")
    with pytest.raises(ArtefactError, match="enroll somebody first"):
        open_gallery(tmp_path / "none.gallery", create=False)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("HOME", str(tmp_path))
    open_gallery("~/deep/er/people.gallery").close()
    assert (tmp_path / "deep/er/people.gallery").stat().st_mode & 0o777 == 0o700


def test_other_files_are_not_taken_for_galleries(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "ada.jpg").write_bytes(b"x")
    with pytest.raises(ArtefactError, match=r"holds 'ada.jpg' but no gallery.sqlite3"):
        open_gallery(pictures)
    with pytest.raises(ArtefactError, match="is a file"):
        open_gallery(pictures / "ada.jpg")
    assert [p.name for p in pictures.iterdir()] == ["ada.jpg"]
    other = tmp_path / "other"
    other.mkdir()
    with closing(sqlite3.connect(other / "gallery.sqlite3")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.commit()
    with pytest.raises(ArtefactError, match="not a gallery of Lookalike"):
        open_gallery(other)


def filled(path, n=200):
    with open_gallery(path) as gallery:
        gallery.bind("f1", "net", "cosine", D)
        for i in range(n):
            gallery.enroll(f"p{i}", vectors(1, seed=i))


@pytest.mark.parametrize("size", [0, 1, 50, 100, 1000, 4096, 5000, 0.5, 0.9, -1])
def test_a_truncated_database_is_an_artefact_error(path, size):
    filled(path)
    file = path / "gallery.sqlite3"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * size) if isinstance(size, float) else size])
    with pytest.raises(ArtefactError, match=r"gallery\.sqlite3 is (damaged|a database, but not)"):
        open_gallery(path)


def test_garbage_is_an_artefact_error(path):
    filled(path, 3)
    (path / "gallery.sqlite3").write_bytes(os.urandom(20000))
    with pytest.raises(ArtefactError, match="damaged"):
        open_gallery(path)


def test_damage_inside_is_never_another_error(path):
    filled(path)
    file = path / "gallery.sqlite3"
    whole, seen = file.read_bytes(), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        at = int(rng.integers(4096, len(whole) - 600))
        damaged[at : at + 500] = rng.bytes(500)
        file.write_bytes(damaged)
        try:
            with open_gallery(path) as gallery:
                gallery.people()
                gallery.templates()
                gallery.search(vectors(1), k=3)
        except (ArtefactError, VectorError):
            seen += 1
        for left in path.glob("gallery.sqlite3-*"):
            left.unlink()
    assert seen > 5


def test_a_newer_version_is_refused(path):
    filled(path, 1)
    with closing(sqlite3.connect(path / "gallery.sqlite3")) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")
        connection.commit()
    with pytest.raises(
        ArtefactError, match=f"version {FORMAT_VERSION + 1}, this Lookalike reads up to {FORMAT_VERSION}"
    ):
        open_gallery(path)


def test_a_creation_that_was_killed_does_not_stand_in_the_way(path):
    path.mkdir()
    (path / ".new-123-abc").write_bytes(b"")
    (path / ".new-123-abc-wal").write_bytes(b"half")
    with pytest.raises(ArtefactError, match="is not there"):
        open_gallery(path, create=False)
    with open_gallery(path) as gallery:
        assert len(gallery) == 0
    assert sorted(p.name for p in path.iterdir()) == ["gallery.sqlite3", "remains", "writing.lock"]


def test_using_it_after_close_and_after_fork(path):
    gallery = open_gallery(path)
    gallery.bind("f1", "net", "cosine", D)
    child = os.fork()
    if child == 0:
        try:
            gallery.people()
        except InputError as error:
            os._exit(7 if "before a fork" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    gallery.enroll("Ada", vectors(1))
    gallery.close()
    gallery.close()
    with pytest.raises(InputError, match="is closed; open it again"):
        gallery.people()


def test_stats_are_json(gallery, path):
    gallery.enroll("Ada", vectors(2))
    assert json.loads(json.dumps(gallery.stats()))["index"] is None
    gallery.search(vectors(1))
    stats = json.loads(json.dumps(gallery.stats()))
    assert stats["identities"] == 1
    assert stats["templates"] == stats["index"]["count"] == 2
    assert stats["model"] == {"fingerprint": "f1", "name": "arcface", "metric": "cosine", "dimension": D}


def test_many_threads_share_one_gallery(gallery):
    x = vectors(80)
    errors = []

    def work(part):
        try:
            for n in range(part, 80, 8):
                gallery.enroll(f"p{n}", x[n])
                assert gallery.search(x[n], k=1)[0][0].identity == f"p{n}"
                if n % 5 == 0:
                    gallery.forget(f"p{n}")
                    assert all(c.identity != f"p{n}" for c in gallery.search(x[n], k=50)[0])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(p.name for p in gallery.people()) == sorted(f"p{n}" for n in range(80) if n % 5)


def test_importing_and_enrolling_load_neither_torch_nor_faiss(tmp_path):
    code = (
        "import sys\nfrom lookalike import open_gallery\n"
        "with open_gallery(sys.argv[1]) as g:\n"
        "    g.bind('f', 'n', 'cosine', 2); g.enroll('a', [1.0, 2.0]); g.people()\n"
        "heavy = ('torch', 'faiss', 'pydantic', 'lookalike.embedder', 'lookalike.training', 'lookalike.losses')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "g")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- counting ---------------------------------------------------------------------------------------------


def test_counts_follow_every_change(gallery, path):
    def told():
        counts = gallery.counts()
        assert counts == gallery.search_counted(vectors(1)).counts
        assert counts.identities == len(gallery) == len(gallery.people()) == gallery.stats()["identities"]
        assert gallery.names() == [person.name for person in gallery.people()]
        assert counts.templates == len(gallery.templates()) == gallery.stats()["templates"]
        assert counts.change == gallery.change
        return counts.identities, counts.templates

    assert told() == (0, 0)
    gallery.enroll("Ada", vectors(3))
    assert told() == (1, 3)
    gallery.enroll("Ada", vectors(3))  # the same again
    assert told() == (1, 3)
    with open_gallery(path) as other:
        other.enroll("Bob", vectors(2, 1))
        assert told() == (2, 5)
        other.forget("Ada")
    assert told() == (1, 2)


def test_one_search_sees_one_state(gallery, path, changed_meanwhile):
    """While another process's connection enrolls and forgets, candidates and counts always belong together."""
    gallery.enroll("p0", vectors(2, 0))
    seen = set()
    with changed_meanwhile(path, lambda n: vectors(2, n)):
        for n in range(300):
            found = gallery.search_counted(vectors(1, n), k=99)
            assert found.counts.templates == 2 * found.counts.identities == 2 * len(found.candidates[0])
            seen.add(found.counts.identities)
            assert gallery.stats()["bytes_on_disk"] > 0
    assert len(seen) > 1


def test_stats_do_not_stumble_over_files_that_vanish(gallery, path, monkeypatch):
    """Another process swaps the index cache between listing and looking."""
    gallery.enroll("Ada", vectors(2))
    before = gallery.stats()["bytes_on_disk"]
    (path / "cache-1-00.index").mkdir()
    lost = path / "cache-1-00.index" / "index.faiss"
    lost.write_bytes(bytes(100))
    real = type(lost).lstat

    def swapped(self):
        if self == lost:
            lost.unlink(missing_ok=True)
        return real(self)

    monkeypatch.setattr(type(lost), "lstat", swapped)
    assert gallery.stats()["bytes_on_disk"] == before
    assert not lost.exists()
