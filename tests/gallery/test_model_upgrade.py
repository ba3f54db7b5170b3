"""Two models in one gallery: begun, embedded, switched, rolled back; nobody ever compares vectors of both."""

import base64
import threading

import numpy as np
import pytest
from tests.gallery.test_processes import finish, start

from lookalike.errors import FingerprintError, InputError, VectorError
from lookalike.gallery import Enrolment, Model, open_gallery
from lookalike.gallery.master_key import KEY_VARIABLE, NO_KEY
from lookalike.gallery.model_upgrade import upgrade_of

OLD, NEW = Model("old", "first net", "cosine", 16), Model("new", "second net", "euclidean", 24)


def by_old(number):
    """The vectors of 16 numbers of person `number`, one row per template."""
    return np.random.default_rng([0, number]).normal(size=(2, 16)).astype(np.float32)


def by_new(number):
    return np.random.default_rng([1, number]).normal(size=(2, 24)).astype(np.float32)


def opened(path, model=OLD):
    gallery = open_gallery(path)
    gallery.bind(model.fingerprint, model.name, model.metric, model.dimension)
    return gallery


def filled(path):
    gallery = opened(path)
    for number in range(10):
        gallery.enroll(f"p{number}", by_old(number))
    return gallery


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def gallery(tmp_path, request, monkeypatch):
    """Ten people with two templates each, of the old model; also of processes that this one starts."""
    if request.param:
        monkeypatch.setenv(KEY_VARIABLE, base64.b64encode(bytes(range(32))).decode("ascii"))
    with filled(tmp_path / "people.gallery") as made:
        assert made.stats()["encrypted"] == request.param
        yield made


@pytest.fixture
def plain(tmp_path):
    """The same, not encrypted: what is in it can be looked for in its files."""
    with filled(tmp_path / "people.gallery") as made:
        yield made


def embed(gallery, limit=1000):
    """Give waiting templates their vectors of the new model; returns how many."""
    upgrade, done, seen = upgrade_of(gallery), 0, {}
    for one in upgrade.waiting(limit=limit):
        rows = [template.id for template in gallery.templates(one.identity)]
        seen[one.id] = by_new(int(one.identity[1:]))[rows.index(one.id)]
    if seen:
        done = upgrade.store("new", list(seen), np.stack(list(seen.values())))
    return done


def found(gallery, vectors):
    return [row[0].identity for row in gallery.search(vectors, k=1)]


def everybody(gallery, of):
    return np.concatenate([of(number) for number in range(10)]), [f"p{n}" for n in range(10) for _ in range(2)]


def test_a_gallery_without_an_upgrade_says_so(gallery):
    status = gallery.upgrade.status()
    assert (status.model, status.other, status.state, status.templates, status.remaining) == (OLD, None, None, 20, 0)
    for act, words in (("switch", "no upgrade"), ("roll_back", "no upgrade"), ("discard", "nothing to discard")):
        with pytest.raises(InputError, match=words):
            getattr(gallery.upgrade, act)()


def test_templates_are_embedded_in_parts_and_counted(gallery):
    status = gallery.upgrade.begin(NEW)
    assert (status.other, status.state, status.embedded, status.remaining) == (NEW, "embedding", 0, 20)
    assert [one.id for one in gallery.upgrade.waiting(limit=3)] == [1, 2, 3]
    assert [one.id for one in gallery.upgrade.waiting(after=18)] == [19, 20]
    assert embed(gallery, 7) == 7
    assert gallery.upgrade.status().embedded == 7
    assert gallery.upgrade.begin(NEW).embedded == 7  # begun again, it goes on
    with pytest.raises(InputError, match=r"13 templates of 20 have no vector of model 'second net'.*'p3'"):
        gallery.upgrade.switch()
    embed(gallery)
    assert gallery.upgrade.status().state == "ready"
    vectors, names = everybody(gallery, by_old)
    assert found(gallery, vectors) == names  # until the switch, the old model answers


def test_after_the_switch_the_new_model_answers_and_after_rolling_back_the_old(gallery, tmp_path):
    before = gallery.templates()
    gallery.upgrade.begin(NEW)
    embed(gallery)
    found(gallery, by_old(0))
    status = gallery.upgrade.switch()
    assert (status.model, status.other, status.state, status.remaining) == (NEW, OLD, "replaced", 0)
    assert gallery.model == NEW
    with pytest.raises(FingerprintError, match=r"was switched to model 'second net'.*by an upgrade"):
        gallery.search(by_old(0))
    with pytest.raises(FingerprintError, match="was switched"):
        gallery.enroll("Ada", by_old(0))
    with pytest.raises(FingerprintError, match="was switched"):
        gallery.enroll_many([("Ada", by_old(0), None)])
    with opened(tmp_path / "people.gallery", NEW) as other:
        vectors, names = everybody(other, by_new)
        assert found(other, vectors) == names
        assert [len(one.vector) for one in other.templates("p3")] == [24, 24]
        assert other.enroll("p3", by_new(3)) == [7, 8]  # the digests are those of the new vectors
        with pytest.raises(InputError, match="switched already"):
            other.upgrade.switch()
        assert other.upgrade.roll_back().model == OLD
    vectors, names = everybody(gallery, by_old)
    assert found(gallery, vectors) == names
    after = gallery.templates()
    assert [(one.id, one.vector.tobytes()) for one in after] == [(one.id, one.vector.tobytes()) for one in before]
    assert gallery.enroll("p3", by_old(3)) == [7, 8]
    assert gallery.upgrade.status().state == "ready"  # to be switched once more


def test_who_slept_through_a_switch_and_its_undoing_answers_rightly(gallery, tmp_path):
    vectors, names = everybody(gallery, by_old)
    assert found(gallery, vectors) == names
    with opened(tmp_path / "people.gallery") as other:
        other.upgrade.begin(NEW)
        embed(other)
        other.upgrade.switch()
        other.upgrade.roll_back()
        other.enroll("p11", by_old(11))
    assert found(gallery, vectors) == names
    assert found(gallery, by_old(11)) == ["p11", "p11"]


def test_who_is_enrolled_and_forgotten_meanwhile(gallery):
    gallery.upgrade.begin(NEW)
    embed(gallery)
    gallery.forget("p4")
    assert (gallery.upgrade.status().embedded, gallery.upgrade.status().remaining) == (18, 0)
    gallery.enroll("p11", by_old(11))
    assert [one.identity for one in gallery.upgrade.waiting()] == ["p11", "p11"]
    waiting = [one.id for one in gallery.upgrade.waiting()]
    gallery.forget("p11")
    assert gallery.upgrade.store("new", waiting, by_new(11)) == 0  # embedded for somebody who is forgotten
    gallery.enroll("p12", by_old(12))
    embed(gallery)
    gallery.upgrade.switch()
    gallery.bind(NEW.fingerprint, NEW.name, NEW.metric, NEW.dimension)
    assert found(gallery, by_new(12)) == ["p12", "p12"]
    gallery.enroll("p13", by_new(13))
    with pytest.raises(InputError, match=r"cannot be rolled back: 2 templates of 22 .*'p13'"):
        gallery.upgrade.roll_back()
    gallery.upgrade.begin(OLD)
    ids = [one.id for one in gallery.upgrade.waiting()]
    assert gallery.upgrade.store("old", ids, by_old(13)) == 2
    gallery.upgrade.roll_back()
    gallery.bind(OLD.fingerprint, OLD.name, OLD.metric, OLD.dimension)
    assert found(gallery, by_old(13)) == ["p13", "p13"]


def test_two_templates_of_one_person_may_have_one_vector_by_the_new_model(gallery):
    gallery.upgrade.begin(NEW)
    one = by_new(0)[0]
    gallery.upgrade.store("new", range(1, 21), np.tile(one, (20, 1)))
    gallery.upgrade.switch()
    assert all((template.vector == one).all() for template in gallery.templates())
    gallery.upgrade.roll_back()
    assert (gallery.templates("p9")[1].vector == by_old(9)[1]).all()


def test_people_who_are_merged_and_parted_keep_vectors_of_both_models(gallery):
    gallery.upgrade.begin(NEW)
    embed(gallery)
    gallery.enroll("double", by_old(3)[0])
    (waits,) = gallery.upgrade.waiting()
    gallery.upgrade.store("new", [waits.id], by_new(3)[:1])
    merged = gallery.merge(["p3", "double"], "p3")
    gallery.rename("p4", "Ada")
    gallery.upgrade.switch()
    gallery.bind(NEW.fingerprint, NEW.name, NEW.metric, NEW.dimension)
    assert found(gallery, np.concatenate([by_new(3), by_new(4)])) == ["p3", "p3", "Ada", "Ada"]
    assert [one.id for one in gallery.templates("p3")] == [7, 8, 21]
    gallery.undo(merged.id)
    assert gallery.enroll("double", by_new(3)[0]) == [21]  # its digest is that of the new vector
    gallery.upgrade.roll_back()
    gallery.bind(OLD.fingerprint, OLD.name, OLD.metric, OLD.dimension)
    assert gallery.enroll("double", by_old(3)[0]) == [21]
    assert found(gallery, by_old(4)) == ["Ada", "Ada"]


def test_what_cannot_be_upgraded_is_refused(gallery, tmp_path):
    with pytest.raises(InputError, match=r"belongs to model 'first net'.*already"):
        gallery.upgrade.begin(OLD)
    gallery.upgrade.begin(NEW)
    with pytest.raises(InputError, match=r"vectors of model 'second net'.*is being embedded.*model 'third'"):
        gallery.upgrade.begin(Model("3", "third", "cosine", 8))
    with pytest.raises(VectorError):
        gallery.upgrade.store("new", [1], by_old(0)[:1])
    with pytest.raises(VectorError, match="1 vectors were given for 2 templates"):
        gallery.upgrade.store("new", [1, 2], by_new(0)[:1])
    with pytest.raises(FingerprintError, match="until its upgrade is switched"):
        gallery.bind(NEW.fingerprint, NEW.name, NEW.metric, NEW.dimension)
    assert gallery.upgrade.discard() == 0
    with pytest.raises(FingerprintError, match="switched or discarded meanwhile"):
        gallery.upgrade.store("new", [1], by_new(0)[:1])
    with open_gallery(tmp_path / "places.gallery", kind="landmarks", key=NO_KEY) as places:
        places.bind("old", "net", "cosine", 16)
        with pytest.raises(InputError, match="gallery of landmarks"):
            places.upgrade.begin(NEW)


def test_what_is_looked_for_after_forgetting_are_both_vectors_and_the_picture(gallery):
    picture = np.random.default_rng(0).bytes(9000)
    gallery.enroll_many([Enrolment("Ada", by_old(20), pictures=[picture, None])])
    gallery.upgrade.begin(NEW)
    embed_as(gallery, "Ada", by_new(20))
    before = gallery.traces("Ada").stored
    files = [path.read_bytes() for path in gallery.files()]
    assert all(any(one in held for held in files) for one in before[:5])  # four vectors, a picture; then keys
    if not gallery.stats()["encrypted"]:
        assert {one.tobytes() for one in (*by_old(20), *by_new(20))} < set(before)
        assert any(one in picture for one in before)
    gallery.forget("Ada")
    files = [path.read_bytes() for path in gallery.files()]
    assert not any(one in held for held in files for one in before)


def embed_as(gallery, name, vectors):
    gallery.upgrade.store("new", [one.id for one in gallery.templates(name)], vectors)


def test_the_audit_log_says_when_the_model_was_changed(gallery):
    gallery.upgrade.begin(NEW)
    gallery.upgrade.begin(NEW)
    embed(gallery)
    gallery.upgrade.switch()
    gallery.upgrade.roll_back()
    gallery.upgrade.discard()
    entries = [one for one in gallery.audit.entries() if one.act != "enroll"]
    assert [one.act for one in entries] == ["upgrade", "switch", "rollback", "discard"]
    assert entries[1].details == {"model": "new", "templates": 20}


def scanned(folder, needle):
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and needle in path.read_bytes()]


def test_forgetting_and_discarding_leave_no_byte_of_either_vector(plain, tmp_path):
    folder = tmp_path / "people.gallery"
    plain.upgrade.begin(NEW)
    embed(plain)
    old, new = by_old(2)[0].tobytes(), by_new(2)[1].tobytes()
    assert scanned(folder, old)
    assert scanned(folder, new)
    plain.forget("p2")
    assert not scanned(folder, old)
    assert not scanned(folder, new)
    plain.upgrade.switch()
    kept, given_up = by_new(3)[0].tobytes(), by_old(3)[0].tobytes()
    assert scanned(folder, given_up)
    assert plain.upgrade.discard() == 18
    assert not scanned(folder, given_up)
    assert scanned(folder, kept)
    assert plain.upgrade.status().other is None


def test_a_discarding_that_was_cut_short_is_finished_by_the_next(plain, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.gallery.model_upgrade._AT_A_TIME", 6)
    plain.upgrade.begin(NEW)
    embed(plain)
    some, parts = plain.upgrade.discard, iter([True, False])
    monkeypatch.setattr(type(plain.upgrade), "_discard_some", cut_short(type(plain.upgrade)._discard_some, parts))
    some()
    monkeypatch.undo()
    assert plain.upgrade.status().other is None
    with pytest.raises(InputError, match="is being discarded"):
        plain.upgrade.begin(NEW)
    with pytest.raises(FingerprintError, match="switched or discarded"):
        plain.upgrade.store("new", [1], by_new(0)[:1])
    with pytest.raises(InputError, match="no upgrade"):
        plain.upgrade.switch()
    assert plain.upgrade.discard() == 14
    assert not scanned(tmp_path / "people.gallery", by_new(9)[1].tobytes())
    assert plain.upgrade.begin(NEW).embedded == 0


def cut_short(act, parts):
    """The same method, which ends as if all were done where `parts` says so."""
    return lambda self, fingerprint: next(parts) and act(self, fingerprint)


def test_a_process_that_searches_with_the_old_model_is_told_of_the_switch(gallery, tmp_path):
    """And one that builds indexes of the old vectors does not let them count."""
    child = start(
        """
        from lookalike.errors import FingerprintError
        g = open_gallery(path)
        g.bind("old", "first net", "cosine", 16)
        probe = np.random.default_rng([0, 5]).normal(size=(2, 16)).astype(np.float32)
        print(g.search(probe, k=1)[0][0].identity, flush=True)
        for line in sys.stdin:
            try:
                print(g.search(probe, k=1)[0][0].identity, flush=True)
            except FingerprintError as error:
                print(error, flush=True)
        """,
        tmp_path / "people.gallery",
    )
    assert child.stdout.readline() == "p5\n"
    gallery.upgrade.begin(NEW)
    embed(gallery)

    def asked():
        child.stdin.write("search\n")
        child.stdin.flush()
        return child.stdout.readline()

    assert asked() == "p5\n"
    gallery.upgrade.switch()
    assert "was switched to model 'second net'" in asked()
    gallery.upgrade.roll_back()
    assert asked() == "p5\n"
    finish(child)


def test_a_killed_switch_has_changed_nothing(gallery, tmp_path):
    gallery.upgrade.begin(NEW)
    embed(gallery)
    child = start(
        """
        import os, signal
        from lookalike.gallery.database import Database
        run = Database.run

        def killed(self, sql, values=()):
            if "other_digest TO digest" in sql:
                os.kill(os.getpid(), signal.SIGKILL)
            return run(self, sql, values)

        Database.run = killed
        open_gallery(path).upgrade.switch()
        """,
        tmp_path / "people.gallery",
    )
    child.communicate(timeout=60)
    assert child.returncode == -9
    vectors, names = everybody(gallery, by_old)
    assert found(gallery, vectors) == names
    assert gallery.upgrade.status().state == "ready"
    gallery.upgrade.switch()
    with opened(tmp_path / "people.gallery", NEW) as other:
        vectors, names = everybody(other, by_new)
        assert found(other, vectors) == names


def test_segments_of_the_model_from_before_do_not_count(plain, tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.index.AUTO_EXACT_LIMIT", 5)
    while plain._builder.build_one(OLD):
        pass
    assert found(plain, by_old(1)) == ["p1", "p1"]
    plain.upgrade.begin(NEW)
    embed(plain)

    class SwitchedMeanwhile(type(plain._builder)):
        def _built(self, *given, **further):
            index = super()._built(*given, **further)
            with opened(tmp_path / "people.gallery") as other:
                other.upgrade.switch()
            return index

    for number in range(20, 30):
        plain.enroll(f"p{number}", by_old(number))
    embed(plain)
    plain._builder.__class__ = SwitchedMeanwhile
    assert plain._builder.build_one(OLD)  # built, and thrown away
    plain._builder.__class__ = SwitchedMeanwhile.__base__
    assert not plain._builder.build_one(OLD)
    assert [path.name for path in (tmp_path / "people.gallery" / "segments").iterdir() if path.is_dir()] == []
    with opened(tmp_path / "people.gallery", NEW) as other:
        assert found(other, by_new(25)) == ["p25", "p25"]
        while other._builder.build_one(NEW):
            pass
        assert found(other, by_new(25)) == ["p25", "p25"]
        assert other.stats()["index"]["segments"]


def test_searches_beside_a_switch_see_one_model(gallery, tmp_path):
    """Whoever searches by either model gets that model's answer, or is told; never a mixture."""
    gallery.upgrade.begin(NEW)
    embed(gallery)
    stop, wrong, right = threading.Event(), [], {"old": 0, "new": 0}

    def ask(model, of):
        vectors, names = everybody(None, of)
        with open_gallery(tmp_path / "people.gallery") as other:
            while not stop.is_set() or not right[model.fingerprint]:
                try:
                    other.bind(model.fingerprint, model.name, model.metric, model.dimension)
                    if found(other, vectors) != names:
                        wrong.append(model)
                        return
                    right[model.fingerprint] += 1
                except FingerprintError:
                    if stop.is_set():
                        return

    threads = [threading.Thread(target=ask, args=one) for one in ((OLD, by_old), (NEW, by_new))]
    for thread in threads:
        thread.start()
    for _ in range(6):
        gallery.upgrade.switch()
        gallery.upgrade.roll_back()
    gallery.upgrade.switch()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert right["new"]
