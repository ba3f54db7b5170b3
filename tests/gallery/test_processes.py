"""Several processes, kills and failing disks."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import StorageError
from lookalike.gallery import EmbeddedGallery, open_gallery

D = 16
ROOT = Path(__file__).parents[2]

CHILD = """
    import sys
    import numpy as np
    from lookalike.errors import StorageError
    from lookalike.gallery import EmbeddedGallery, open_gallery

    def vectors(n, seed=0):
        return np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)

    path = sys.argv[1]
"""


def vectors(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def start(code, path, **options):
    script = textwrap.dedent(CHILD) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def finish(child):
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    return out


def test_a_searcher_sees_what_another_process_enrolls_and_forgets(tmp_path):
    path = tmp_path / "people.gallery"
    with open_gallery(path) as searcher:
        searcher.bind("f", "net", "cosine", D)
        searcher.enroll("Ada", vectors(1))
        assert searcher.search(vectors(1, 1), k=5)[0][0].identity == "Ada"
        child = start(
            """
            with open_gallery(path) as g:
                for line in sys.stdin:
                    act, name, seed = line.split()
                    if act == "enroll":
                        g.enroll(name, vectors(2, int(seed)))
                    else:
                        g.forget(name)
                    print("done", flush=True)
            """,
            path,
        )
        for seed in range(1, 30):
            child.stdin.write(f"enroll p{seed} {seed}\n")
            child.stdin.flush()
            assert child.stdout.readline() == "done\n"
            found = searcher.search(vectors(2, seed), k=1)
            assert [row[0].identity for row in found] == [f"p{seed}"] * 2
            if seed % 3 == 0:
                child.stdin.write(f"forget p{seed} 0\n")
                child.stdin.flush()
                assert child.stdout.readline() == "done\n"
                assert all(c.identity != f"p{seed}" for c in searcher.search(vectors(1, seed), k=99)[0])
        finish(child)


def test_processes_create_and_enroll_side_by_side(tmp_path):
    path = tmp_path / "people.gallery"
    children = [
        start(
            f"""
            sys.stdin.read()
            with open_gallery(path) as g:
                g.bind("f", "net", "cosine", 16)
                for n in range(25):
                    g.enroll(f"person {{n}}", vectors(2, 1000 * {part} + n))
                    g.enroll(f"{part}-{{n}}", vectors(1, n))
            """,
            path,
        )
        for part in range(4)
    ]
    for child in children:
        child.stdin.close()
        child.stdin = None
    for child in children:
        finish(child)
    with open_gallery(path, create=False) as gallery:
        held = {p.name: p.templates for p in gallery.people()}
    assert held == {**{f"person {n}": 8 for n in range(25)}, **{f"{p}-{n}": 1 for p in range(4) for n in range(25)}}
    assert sorted(p.name for p in path.iterdir()) == ["gallery.sqlite3", "remains", "writing.lock"]


def test_processes_that_create_at_one_moment_all_succeed(tmp_path):
    """Creation races: late ones find the folder half made, or their own unfinished file cleared away."""
    rounds = 25
    children = [
        start(
            """
            for line in sys.stdin:
                with open_gallery(line.strip()) as g:
                    g.bind("f", "net", "cosine", 16)
                    g.enroll("Ada", vectors(1))
                print("done", flush=True)
            """,
            tmp_path,
        )
        for _ in range(5)
    ]
    for number in range(rounds):
        for child in children:
            child.stdin.write(f"{tmp_path / str(number)}.gallery\n")
        for child in children:
            child.stdin.flush()
        for child in children:
            answer = child.stdout.readline()
            assert answer == "done\n", child.communicate()[1]
    for child in children:
        child.stdin.close()
        child.stdin = None
        finish(child)
    for number in range(rounds):
        with open_gallery(tmp_path / f"{number}.gallery", create=False) as gallery:
            assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1)]


def test_a_lock_held_too_long_is_a_storage_error(tmp_path):
    path = tmp_path / "people.gallery"
    with EmbeddedGallery(path, timeout=0.2) as gallery:
        gallery.bind("f", "net", "cosine", D)
        gallery.enroll("Ada", vectors(1))
        child = start(
            """
            g = open_gallery(path)
            with g._database.write("held"):
                print("held", flush=True)
                sys.stdin.read()
            """,
            path,
        )
        assert child.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match=r"locked by another program for 0\.2 s; try again"):
            gallery.enroll("Bob", vectors(1))
        assert [p.name for p in gallery.people()] == ["Ada"]  # readers do not wait
        assert gallery.search(vectors(1), k=1)[0][0].identity == "Ada"
        finish(child)
        gallery.enroll("Bob", vectors(1))
        assert len(gallery) == 2


@pytest.mark.slow
def test_forty_kills():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/gallery_kill.py"), "--kills", "40"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["kills"] == 40
    assert result["acknowledged"] > 40
    assert not any(result[bad] for bad in ("missing", "phantoms", "resurrected", "open_failures", "child_failures"))


LIARS = {
    "acknowledges before it writes": """
        enroll = EmbeddedGallery.enroll_many
        waiting = []
        def late(self, people, replace=False, key=None):
            if waiting:
                enroll(self, *waiting.pop())
            waiting.append((people, replace))
        EmbeddedGallery.enroll_many = late
        EmbeddedGallery.forget = lambda self, name: None
        EmbeddedGallery.rename = EmbeddedGallery.undo = lambda self, *given: None
        EmbeddedGallery.merge = lambda self, names, into: Act(1, "merge", "", {}, 0)
    """,
    "writes piece by piece": """
        @contextmanager
        def no_transaction(self, done, wait=True):
            yield
        Database.write = no_transaction
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("liar", LIARS)
def test_the_kills_find_out_a_gallery_that(liar):
    code = (
        "import sys, gallery_kill\nfrom contextlib import contextmanager\n"
        "from lookalike.gallery import Act, EmbeddedGallery\nfrom lookalike.gallery.database import Database\n"
        + textwrap.dedent(LIARS[liar])
        + "\nsys.argv[1:] = ['--kills', '30']\nsys.exit(gallery_kill.main())"
    )
    paths = [str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False, env=environment
    )
    assert done.returncode == 1, done.stdout + done.stderr
    result = json.loads(done.stdout)
    # Acts that are written piece by piece may also fail in the child, when a segment is built between two pieces, or
    # leave somebody whom reading the gallery meets by half.
    assert sum(result[bad] for bad in ("missing", "phantoms", "child_failures", "open_failures")) > 0


def test_a_gallery_that_does_not_fit_leaves_nothing_behind(tmp_path):
    path = tmp_path / "people.gallery"
    child = start(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            open_gallery(path)
        except StorageError as error:
            print(error)
        """,
        path,
    )
    assert "could not be opened" in finish(child)
    assert list(path.iterdir()) == []


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    """A file size limit fails writes part way, wherever it falls; no privileges needed."""
    path = tmp_path / "people.gallery"
    child = start(
        """
        import resource
        g = open_gallery(path)
        g.bind("f", "net", "cosine", 16)
        acknowledged = []
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
        failures = 0
        for n in range(200):
            try:
                g.enroll(f"p{n}", vectors(3, n))
                print(f"p{n}", flush=True)
            except StorageError as error:
                assert "could not be written" in str(error), error
                failures += 1
                if failures == 5:
                    break
        assert failures == 5, failures
        assert len(g) == n - 4
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        g.enroll("afterwards", vectors(3, 999))
        print("afterwards")
        """,
        path,
    )
    acknowledged = finish(child).split()
    assert len(acknowledged) > 10
    with open_gallery(path) as gallery:
        assert sorted(p.name for p in gallery.people()) == sorted(acknowledged)
        for name in acknowledged:
            seed = 999 if name == "afterwards" else int(name[1:])
            assert [t.vector.tobytes() for t in gallery.templates(name)] == [v.tobytes() for v in vectors(3, seed)]


@contextmanager
def small_disk(folder, size):
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mount.returncode:
        pytest.skip(f"cannot mount a small file system here: {mount.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@needs_mount
def test_a_full_disk(tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        acknowledged = []
        with open_gallery(disk / "people.gallery") as gallery:
            gallery.bind("f", "net", "cosine", D)
            error = ""
            while not error:
                n = len(acknowledged)
                try:
                    gallery.enroll(f"p{n}", vectors(3, n))
                    acknowledged.append(n)
                except StorageError as raised:
                    error = str(raised)
            assert "full" in error
            assert len(gallery) == len(acknowledged) > 20
            assert gallery.search(vectors(1, 7), k=1)[0][0].identity == "p7"
        with open_gallery(disk / "people.gallery") as gallery:
            held = {p.name: p.templates for p in gallery.people()}
            assert held == {f"p{n}": 3 for n in acknowledged}
            last = acknowledged[-1]
            kept = [t.vector.tobytes() for t in gallery.templates(f"p{last}")]
            assert kept == [v.tobytes() for v in vectors(3, last)]


@needs_mount
def test_a_disk_too_full_to_begin(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        (disk / "filler").write_bytes(b"x" * 40_000)
        with pytest.raises(StorageError, match="could not be opened"):
            open_gallery(disk / "people.gallery")
        (disk / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        with open_gallery(disk / "people.gallery") as gallery:  # the failed creation does not stand in the way
            assert len(gallery) == 0


@needs_mount
def test_a_read_only_disk(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        with open_gallery(disk / "people.gallery") as gallery:
            gallery.bind("f", "net", "cosine", D)
            gallery.enroll("Ada", vectors(1))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with open_gallery(disk / "people.gallery") as gallery:
            assert gallery.search(vectors(1), k=1)[0][0].identity == "Ada"
            for change in (
                lambda: gallery.enroll("Bob", vectors(1)),
                lambda: gallery.rename("Ada", "Bob"),
                lambda: gallery.forget("Ada"),
            ):
                with pytest.raises(StorageError, match="could not be written"):
                    change()
            assert gallery.names() == ["Ada"]
        with pytest.raises(StorageError, match="could not be opened"):
            open_gallery(disk / "another.gallery")


@needs_mount
def test_a_gallery_of_version_3_on_a_read_only_disk_is_read_and_searched(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        path = disk / "people.gallery"
        shutil.copytree(Path(__file__).parent / "fixtures" / "people-3.gallery", path)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with open_gallery(path, create=False) as gallery:
            assert gallery.stats()["format_version"] == 3
            assert len(gallery.templates()) == gallery.counts().templates == 20
            assert len(gallery.search(np.ones(4), k=3)[0]) == 3
            assert [one["templates"] for one in gallery.stats()["index"]["segments"]] == [21]
            assert gallery.search(np.ones(4), where={"site": "Berlin"}) == [[]]


def test_the_limit_for_file_sizes_was_not_left_behind():
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


#: Files whose bytes count, by the system call that writes or synchronises them.
CALL = re.compile(r"(pwrite64|write|fsync|fdatasync|ftruncate)\(\d+<([^>]*)>")


def test_what_is_acknowledged_was_synchronised_with_the_disk(tmp_path):
    """As the system calls tell: after the last write to a file of the gallery, a sync of it, then the answer."""
    strace = shutil.which("strace")
    if (
        strace is None
        or subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("strace is not installed, or may not look at processes here")
    path, log = tmp_path / "people.gallery", tmp_path / "calls"
    script = textwrap.dedent(CHILD) + textwrap.dedent(
        """
        import os
        with open_gallery(path) as gallery:
            gallery.bind("f", "net", "cosine", 16)
            for done, act in {
                "enrolled": lambda: gallery.enroll("Ada", vectors(2)),
                "replaced": lambda: gallery.enroll_many([("Ada", vectors(2, 1), None)], replace=True),
                "renamed": lambda: gallery.rename("Ada", "Eve"),
                "forgotten": lambda: gallery.forget("Eve"),
            }.items():
                act()
                os.write(1, f"ACK {done}".encode())
        """
    )
    command = [strace, "-f", "-y", "-s", "40", "-e", "trace=pwrite64,write,fsync,fdatasync,ftruncate", "-o", str(log)]
    subprocess.run([*command, sys.executable, "-c", script, str(path)], check=True, capture_output=True, timeout=120)
    waiting, synced, acknowledged = set(), set(), {}
    for line in log.read_text(errors="replace").splitlines():
        found = CALL.search(line)
        if found is None:
            continue
        call, file = found[1], Path(found[2])
        if "ACK " in line:
            acknowledged[line.split("ACK ")[1].split('"')[0]] = (set(waiting), set(synced))
            synced.clear()
        elif path not in file.parents or file.name.endswith("-shm"):  # -shm is made anew from the log
            continue
        elif call in ("fsync", "fdatasync"):
            waiting.discard(file.name)
            synced.add(file.name)
        else:
            waiting.add(file.name)
    assert list(acknowledged) == ["enrolled", "replaced", "renamed", "forgotten"]
    for done, (unsynced, seen) in acknowledged.items():
        # A log that was emptied has no bytes to be lost; what was in it is in the database, which was synchronised.
        emptied = {"gallery.sqlite3-wal"} if done in ("replaced", "forgotten") else set()
        assert unsynced <= emptied, done
        assert "gallery.sqlite3-wal" in seen, done
        assert not emptied or "gallery.sqlite3" in seen, done
