"""What is kept beside templates: written in one step with them, forgotten with them, and never half there."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.gallery.annex.kept_photos import D, check_folder, contents, kept_of, put, vectors

from lookalike.errors import ArtefactError, InputError, StorageError
from lookalike.gallery import AnnexUpdate, Kept, open_gallery


def photos_of(gallery):
    """All photos that are kept, by name."""
    return {name: np.array(kept.rows["photos"]) for name, kept in gallery.annex().kept.items()}


def assert_same(found, expected):
    assert list(found) == sorted(expected)
    for name, own in expected.items():
        np.testing.assert_array_equal(found[name], own)


def test_it_comes_back_as_it_was(gallery, photos, held):
    with open_gallery(gallery.path, create=False) as again:
        for reader in (gallery, again):
            annex = reader.annex()
            assert annex.document == {"rate": 0.01}
            assert list(annex.entries) == ["Ada", "Bôb", "Cy"]
            assert annex.entries["Ada"] == annex.kept["Ada"].entry == {"fact": "about Ada"}
            assert list(annex.kept["Bôb"].sources) == ["Bôb/0.jpg", "Bôb/1.jpg", "Bôb/2.jpg"]
            assert_same(photos_of(reader), photos)
            np.testing.assert_array_equal(annex.common["others"], vectors(600, 9))
            assert annex.kept.get("nobody") is None
            assert reader.uncovered() == []
        assert not again.annex().kept["Ada"].rows["photos"].flags.owndata  # mapped
    check_folder(gallery)


def test_a_gallery_without_one(gallery):
    assert gallery.annex() is None
    gallery.enroll("Ada", vectors(1))
    assert (gallery.annex(), gallery.uncovered()) == (None, ["Ada"])
    assert not (gallery.path / "landmarks").exists()


def test_what_is_enrolled_later_is_not_covered_and_forgetting_does_not_hide_it(gallery, held):
    gallery.enroll("Eve", vectors(1, 4))
    assert gallery.uncovered() == ["Eve"]
    gallery.forget("Ada")
    assert gallery.uncovered() == ["Eve"]
    assert list(gallery.annex().entries) == ["Bôb", "Cy"]


def test_what_is_not_named_stays(gallery, photos, held):
    before = contents(gallery)
    more = {"Bôb": vectors(4, 8), "Dora": vectors(2, 5)}
    put(gallery, more)
    assert_same(photos_of(gallery), photos | more)
    assert gallery.annex().document == {"rate": 0.01}
    assert len(gallery.annex().common["others"]) == 600
    assert gallery.uncovered() == []
    assert any(photos["Bôb"].tobytes() in content for content in before)
    check_folder(gallery, gone=photos["Bôb"])  # what was replaced is overwritten


def test_nothing_is_written_of_what_is_equal(gallery, photos, held):
    (file,) = (gallery.path / "landmarks").iterdir()
    before = file.read_bytes()
    put(gallery, photos, {"others": vectors(600, 9)}, {"rate": 0.02})
    assert file.read_bytes() == before
    assert gallery.annex().document == {"rate": 0.02}


def test_forgetting_leaves_no_byte_of_it_and_changes_no_other(gallery, photos, held):
    (file,) = (gallery.path / "landmarks").iterdir()
    before = np.frombuffer(file.read_bytes(), np.uint8)
    gallery.forget("Bôb")
    for content in contents(gallery):
        assert "Bôb".encode() not in content
    check_folder(gallery, gone=photos["Bôb"])
    changed = np.flatnonzero(before != np.frombuffer(file.read_bytes(), np.uint8))
    assert changed.max() - changed.min() < 256  # its record: 3 × (32 + 8 + 9) bytes and a header
    assert_same(photos_of(gallery), {"Ada": photos["Ada"], "Cy": photos["Cy"]})


def test_a_forgotten_name_enrolled_again_is_another(gallery, photos, held):
    gallery.forget("Ada")
    gallery.enroll("Ada", vectors(1, 6))
    assert "Ada" not in gallery.annex().entries
    put(gallery, {"Ada": vectors(1, 7)})
    np.testing.assert_array_equal(gallery.annex().kept["Ada"].rows["photos"], vectors(1, 7))


def test_what_is_kept_follows_a_new_name_and_is_forgotten_under_it(gallery, photos, held):
    act = gallery.rename("Bôb", "Rob")
    assert list(gallery.annex().entries) == ["Ada", "Cy", "Rob"]
    np.testing.assert_array_equal(gallery.annex().kept["Rob"].rows["photos"], photos["Bôb"])
    assert gallery.uncovered() == []
    gallery.undo(act.id)
    assert_same(photos_of(gallery), photos)
    gallery.rename("Bôb", "Rob")
    gallery.forget("Rob")
    check_folder(gallery, gone=photos["Bôb"])
    with pytest.raises(InputError, match="centroids of all photos of a place; forget the places, and enroll"):
        gallery.merge(["Ada", "Cy"], "Ada")


def test_another_process_sees_the_new_state(gallery, held):
    with open_gallery(gallery.path) as other:
        assert "Ada" in gallery.annex().entries
        other.forget("Ada")
        assert list(gallery.annex().entries) == ["Bôb", "Cy"]
        put(other, {"Zoë": vectors(900, 6)})  # the file grows behind what was mapped
        np.testing.assert_array_equal(gallery.annex().kept["Zoë"].rows["photos"], vectors(900, 6))


def test_what_is_forgotten_is_not_overwritten_while_it_is_read(gallery, photos, held):
    with open_gallery(gallery.path) as other:
        other._database.timeout = 0.1
        kept, change = gallery.annex().kept["Ada"], gallery.change
        with gallery.unchanged(change) as still:
            assert still
            with pytest.raises(StorageError, match="kept reading"):
                other.forget("Ada")
            np.testing.assert_array_equal(kept.rows["photos"], photos["Ada"])
        with gallery.unchanged(change) as still:
            assert not still
        assert other.scrub()
    check_folder(gallery, gone=photos["Ada"])


def test_who_holds_an_older_state_is_told(gallery, held):
    annex = gallery.annex()
    gallery.forget("Ada")
    with pytest.raises(ArtefactError, match="forgotten meanwhile"):
        annex.kept["Ada"]
    assert annex.common["others"].shape == (600, D)


def test_what_does_not_fit_is_refused_and_changes_nothing(gallery, photos, held):
    change = gallery.change
    for name, kept, words in (
        ("nobody", kept_of("nobody", vectors(1)), "'nobody' is not enrolled"),
        ("Ada", Kept({}, {"photos": vectors(1)}, ["a", "b"]), "2 sources came with arrays"),
        ("Ada", Kept({}, {"photos": vectors(1).astype(np.float64)}, ["a"]), "the columns"),
        ("Ada", Kept({}, {}, ["a"]), "the columns"),
    ):
        update = AnnexUpdate({"Bôb": kept_of("Bôb", vectors(50, 4)), name: kept})
        with pytest.raises(InputError, match=words):
            gallery.enroll_with_annex([("Eve", vectors(1), None)], lambda ids, update=update: update)
    assert (gallery.change, gallery.names()) == (change, ["Ada", "Bôb", "Cy"])
    assert_same(photos_of(gallery), photos)
    with open_gallery(gallery.path) as again:  # what was appended in vain is cut off
        check_folder(again)


def test_a_state_that_another_program_changed_is_not_overwritten(gallery, held):
    change = gallery.change
    gallery.forget("Cy")
    with pytest.raises(StorageError, match="changed by another program meanwhile"):
        gallery.enroll_with_annex([], lambda ids: AnnexUpdate(), since=change)


@pytest.mark.parametrize("damage", ["cut", "missing", "folder", "bit", "zeros", "entry", "columns", "document"])
def test_damage_is_one_clear_error(gallery, held, damage):
    (file,) = (gallery.path / "landmarks").iterdir()
    gallery.close()
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "missing":
        file.unlink()
    elif damage == "folder":
        file.unlink()
        file.parent.rmdir()
    elif damage in ("bit", "zeros"):
        file.write_bytes(bytes(64) + content[64:] if damage == "zeros" else content[:40] + b"x" + content[41:])
    else:
        table = "annex_record" if damage == "entry" else "annex_state"
        with closing(sqlite3.connect(gallery.path / "gallery.sqlite3")) as database, database:
            database.execute(f"UPDATE {table} SET {damage} = '[3'")
    with open_gallery(gallery.path) as opened, pytest.raises(ArtefactError, match="is damaged"):
        opened.annex().kept["Ada"]


@pytest.mark.parametrize(("column", "value", "words"), [
    ("version", 3, "format version 3"), ("model", "other", "model other"),
])  # fmt: skip
def test_versions_and_models_are_not_mixed(gallery, held, column, value, words):
    gallery.close()
    with closing(sqlite3.connect(gallery.path / "gallery.sqlite3")) as database, database:
        database.execute(f"UPDATE annex_state SET {column} = ?", (value,))
    with open_gallery(gallery.path) as opened, pytest.raises(ArtefactError, match=words):
        opened.annex()


def test_leftovers_of_killed_processes_are_swept_at_the_next_opening(gallery, photos, held):
    folder = gallery.path / "landmarks"
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes() + vectors(3, 6).tobytes())  # a record that was never committed
    (folder / "records-0123456789abcdef").write_bytes(b"of a file that never was")
    (folder / "99-0123456789abcdef").mkdir()
    assert_same(photos_of(gallery), photos)
    with open_gallery(gallery.path) as again:
        check_folder(again, gone=vectors(3, 6))
        assert_same(photos_of(again), photos)


BUSY = """
    import sys
    import numpy as np
    from lookalike.gallery import AnnexUpdate, Kept, open_gallery
    from lookalike.gallery.annex import record_files
    record_files._FULL = 4096
    v = np.random.default_rng(7).normal(size=(2, 8)).astype(np.float32)
    with open_gallery(sys.argv[1]) as gallery:
        for round in range(24):
            kept = Kept({}, {"photos": v}, ["x", "y"])
            gallery.enroll_with_annex([(f"p{round}", v + round, None)],
                                      lambda ids: AnnexUpdate({f"p{round}": kept}, {}, {"round": round}))
            if round % 3:
                gallery.forget(f"p{round}")
"""


def test_a_reader_beside_a_busy_writer_sees_one_moment(gallery, held):
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(BUSY), str(gallery.path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    rounds = []
    while child.poll() is None:
        assert gallery.uncovered() == []
        change, annex = gallery.change, gallery.annex()
        rounds.append(annex.document.get("round", -1))
        with gallery.unchanged(change) as still:
            if still:  # whoever is named there can be read
                annex = gallery.annex()
                assert all(len(annex.kept[name].rows["photos"]) for name in annex.kept)
    assert child.returncode == 0, child.stderr.read()
    child.stderr.close()
    assert rounds == sorted(rounds)
    assert gallery.annex().document == {"round": 23}
    assert len(gallery.annex().entries) == 3 + 8


def test_any_sequence_of_acts_ends_in_what_was_put(tmp_path, monkeypatch):
    """Against a dictionary, with files so small that they are filled and written again all the time."""
    monkeypatch.setattr("lookalike.gallery.annex.record_files._FULL", 2000)
    draw, expected, gone = np.random.default_rng(4), {}, []
    gallery = open_gallery(tmp_path / "g")
    gallery.bind("f1", "net", "cosine", D)
    for step in range(60):
        name = f"p{draw.integers(6)}"
        if name in expected and draw.random() < 0.4:
            gallery.forget(name)
            gone.append(expected.pop(name))
        else:
            some = {name: vectors(int(draw.integers(1, 9)), step), f"q{step % 2}": vectors(3, 1000 + step)}
            put(gallery, some)
            gone += [expected[one] for one in some if one in expected]
            expected |= some
        if draw.random() < 0.2:
            gallery.close()
            gallery = open_gallery(tmp_path / "g")
        assert_same(photos_of(gallery), expected)
    check_folder(gallery, gone=np.concatenate(gone))
    assert sum(path.stat().st_size for path in Path(gallery.path, "landmarks").iterdir()) < 8000
    gallery.close()
