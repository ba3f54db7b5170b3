"""What is kept beside templates: written in one step with them, forgotten with them, and never half there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from lookalike.errors import ArtefactError
from lookalike.gallery import Annex, open_gallery

D = 8


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def annex_of(photos, sources=None, document=None):
    """An annex with these photos by identity."""
    starts = np.r_[0, np.cumsum([len(v) for v in photos.values()], dtype=np.int64)]
    names = sources or [f"{name}/{i}.jpg" for name, v in photos.items() for i in range(len(v))]
    entries = {name: {"fact": f"about {name}"} for name in photos}
    rows = {"photos": np.concatenate(list(photos.values()))}
    return Annex(entries, starts, rows, names, {"others": vectors(600, 9)}, document or {"rate": 0.01})


@pytest.fixture
def gallery(tmp_path):
    with open_gallery(tmp_path / "g") as opened:
        opened.bind("f1", "net", "cosine", D)
        yield opened


@pytest.fixture
def held(gallery):
    """Three places with one to three photos."""
    photos = {"Ada": vectors(2, 1), "Bôb": vectors(3, 2), "Cy": vectors(1, 3)}
    ids = gallery.enroll_many(
        [(name, v.mean(axis=0), ["centroid"]) for name, v in photos.items()],
        annex=lambda ids: annex_of(photos, document={"ids": sorted(i for own in ids.values() for i in own)}),
    )
    return photos, ids


def test_it_comes_back_as_it_was(gallery, held, tmp_path):
    photos, ids = held
    for reader in (gallery, open_gallery(tmp_path / "g", create=False)):
        annex = reader.annex()
        assert annex.document == {"ids": [ids["Ada"][0], ids["Bôb"][0], ids["Cy"][0]]}
        assert list(annex.entries) == ["Ada", "Bôb", "Cy"]
        assert annex.sources[annex.of("Bôb")] == ["Bôb/0.jpg", "Bôb/1.jpg", "Bôb/2.jpg"]
        for name, v in photos.items():
            np.testing.assert_array_equal(annex.rows["photos"][annex.of(name)], v)
        np.testing.assert_array_equal(annex.common["others"], vectors(600, 9))
        assert annex.of("nobody") == slice(0, 0)
        assert reader.uncovered() == []
    assert isinstance(open_gallery(tmp_path / "g").annex().common["others"], np.memmap)


def test_a_gallery_without_one(gallery):
    assert gallery.annex() is None
    gallery.enroll("Ada", vectors(1))
    assert (gallery.annex(), gallery.uncovered()) == (None, ["Ada"])
    assert not (gallery.path / "landmarks").exists()


def test_what_is_enrolled_later_is_not_covered_and_forgetting_does_not_hide_it(gallery, held):
    gallery.enroll("Eve", vectors(1, 4))
    assert gallery.uncovered() == ["Eve"]
    gallery.forget("Ada")  # writes a version under a later change
    assert gallery.uncovered() == ["Eve"]
    assert list(gallery.annex().entries) == ["Bôb", "Cy"]


def test_forgetting_leaves_no_byte_of_it(gallery, held):
    photos, _ = held
    gone, name = photos["Bôb"], "Bôb"

    def on_disk():
        return [path.read_bytes() for path in gallery.path.rglob("*") if path.is_file()]

    assert any(gone[0].tobytes() in content for content in on_disk())
    gallery.forget(name)
    for content in on_disk():
        assert not any(row.tobytes() in content for row in gone)
        assert name.encode() not in content
    annex = gallery.annex()
    np.testing.assert_array_equal(annex.rows["photos"], np.concatenate([photos["Ada"], photos["Cy"]]))
    assert list(annex.sources) == ["Ada/0.jpg", "Ada/1.jpg", "Cy/0.jpg"]
    assert len(list((gallery.path / "landmarks").iterdir())) == 1


def test_another_process_sees_the_new_version(gallery, held, tmp_path):
    with open_gallery(tmp_path / "g") as other:
        assert "Ada" in gallery.annex().entries
        other.forget("Ada")
        assert list(gallery.annex().entries) == ["Bôb", "Cy"]


def test_leftovers_of_killed_processes_are_swept_at_the_next_opening(gallery, held, tmp_path):
    folder = gallery.path / "landmarks"
    (folder / "99-0123456789abcdef").mkdir()
    (folder / "99-0123456789abcdef" / "annex.json").write_text("{}")
    (folder / ".100-0123456789abcdef.xyz.tmp").mkdir()
    assert "Ada" in gallery.annex().entries
    with open_gallery(tmp_path / "g") as again:
        assert "Ada" in again.annex().entries
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "damage", ["annex.json", "rows-photos.npy", "sources.npy", "source_ends.npy", "missing", "folder"]
)
def test_damage_is_one_clear_error(gallery, held, tmp_path, damage):
    (version,) = (gallery.path / "landmarks").iterdir()
    gallery.close()
    if damage == "missing":
        (version / "common-others.npy").unlink()
    elif damage == "folder":
        shutil.rmtree(version.parent)
    else:
        content = (version / damage).read_bytes()
        (version / damage).write_bytes(content[: len(content) // 2])
    with open_gallery(tmp_path / "g") as opened, pytest.raises(ArtefactError, match="is damaged"):
        opened.annex()


@pytest.mark.parametrize(("key", "value", "words"), [
    ("format_version", 2, "format version 2"), ("model", "other", "model other"), ("starts", [0, 1, 2, 3], "damaged"),
])  # fmt: skip
def test_versions_and_models_are_not_mixed(gallery, held, tmp_path, key, value, words):
    (version,) = (gallery.path / "landmarks").iterdir()
    gallery.close()
    card = json.loads((version / "annex.json").read_text()) | {key: value}
    (version / "annex.json").write_text(json.dumps(card))
    with open_gallery(tmp_path / "g") as opened, pytest.raises(ArtefactError, match=words):
        opened.annex()


def test_a_reader_of_a_version_that_is_replaced_keeps_its_rows(gallery, held):
    annex = gallery.annex()
    gallery.forget("Ada")
    assert annex.common["others"].shape == (600, D)  # mapped: the file lives as long as its reader
    np.testing.assert_array_equal(annex.common["others"], vectors(600, 9))


BUSY = """
    import sys
    import numpy as np
    from lookalike.gallery import Annex, open_gallery
    v = np.random.default_rng(7).normal(size=(2, 8)).astype(np.float32)
    with open_gallery(sys.argv[1]) as gallery:
        for round in range(60):
            name = f"p{round}"
            gallery.enroll_many([(name, v + round, None)], annex=lambda ids: Annex(
                {name: {}}, np.array([0, 2]), {"photos": v}, ["x", "y"], {}, {"round": round}))
            if round % 3 == 0:
                gallery.forget(name)
"""


def test_a_reader_beside_a_busy_writer_sees_one_moment(gallery, held, tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(BUSY), str(tmp_path / "g")],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    rounds = []
    while child.poll() is None:
        assert gallery.uncovered() == []
        rounds.append(gallery.annex().document.get("round", -1))
    assert child.returncode == 0, child.stderr.read()
    child.stderr.close()
    assert rounds == sorted(rounds)
    assert gallery.annex().document == {"round": 59}


KILLED = """
    import os, sys
    import numpy as np
    from lookalike.gallery import Annex, annex, open_gallery
    path, moment = sys.argv[1], sys.argv[2]
    from lookalike.gallery.database import Database

    def die(*a, **k): os.kill(os.getpid(), 9)

    def dying_after(function):
        def run(*a, **k):
            function(*a, **k)
            die()
        return run

    gallery = open_gallery(path)
    if moment == "while writing":
        np.save = dying_after(np.save)
    elif moment == "before the commit":
        annex.AnnexFolder.write = dying_after(annex.AnnexFolder.write)
    elif moment == "after the commit":
        annex.AnnexFolder.sweep = die
    elif moment == "after sweeping":
        annex.AnnexFolder.sweep = dying_after(annex.AnnexFolder.sweep)
    v = np.random.default_rng(7).normal(size=(2, 8)).astype(np.float32)
    if sys.argv[3] == "forget":
        gallery.forget("Ada")
    else:
        entries = {"Dora": {}}
        gallery.enroll_many([("Dora", v, None)], replace=True, annex=lambda ids: Annex(
            entries, np.array([0, 2]), {"photos": v}, ["x", "y"], {}, {}))
    die()
"""


@pytest.mark.parametrize("act", ["enroll", "forget"])
@pytest.mark.parametrize(
    ("moment", "happened"),
    [("while writing", False), ("before the commit", False), ("after the commit", True), ("after sweeping", True)],
)
def test_a_kill_leaves_the_old_state_or_the_new_one(gallery, held, tmp_path, moment, happened, act):
    photos, _ = held
    gallery.close()
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "g"), moment, act],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    with open_gallery(tmp_path / "g") as opened:
        names, entries = {p.name for p in opened.people()}, set(opened.annex().entries)
        if act == "enroll":
            assert ("Dora" in names, entries) == ((True, {"Dora"}) if happened else (False, {"Ada", "Bôb", "Cy"}))
        else:
            assert ("Ada" in names, "Ada" in entries) == (not happened, not happened)
            if happened:
                for path in opened.path.rglob("*"):
                    assert not path.is_file() or photos["Ada"][0].tobytes() not in path.read_bytes()
        assert opened.uncovered() == []
        assert len(list((opened.path / "landmarks").iterdir())) == 1
