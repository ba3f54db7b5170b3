"""Photos to be kept, and what must be true of the folder of a gallery that keeps some."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from lookalike.gallery import AnnexUpdate, Kept

D = 8


def vectors(n, seed=0):
    """`(n, D)` float32, others for each seed."""
    return np.random.default_rng(seed).normal(size=(n, D)).astype(np.float32)


def kept_of(name, photos):
    """What is kept of an identity with these photos."""
    sources = [f"{name}/{at}.jpg" for at in range(len(photos))]
    return Kept({"fact": f"about {name}"}, {"photos": photos}, sources)


def put(gallery, photos, common=None, document=None):
    """Enroll identities with these photos by name, and keep them; returns the ids of the templates."""
    update = AnnexUpdate({name: kept_of(name, own) for name, own in photos.items()}, common or {}, document)
    people = [(name, own.mean(axis=0), ["centroid"]) for name, own in photos.items()]
    return gallery.enroll_with_annex(people, lambda ids: update)


def contents(gallery):
    """Every file of the gallery's folder."""
    return [path.read_bytes() for path in Path(gallery.path).rglob("*") if path.is_file()]


def check_folder(gallery, gone=()):
    """The folder holds what the database names, as long as it says, and nothing of the vectors that are `gone`."""
    database = gallery._database
    ends = dict(database.run("SELECT name, end FROM annex_file").fetchall())
    folder = Path(gallery.path) / "landmarks"
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == ends
    assert database.run("SELECT * FROM annex_gone").fetchall() == []
    for content in contents(gallery):
        assert not any(row.tobytes() in content for row in gone)
    for number, end, live in database.run("SELECT id, end, live FROM annex_file").fetchall():
        lengths = database.run(
            "SELECT start, length FROM annex_record WHERE file = ? ORDER BY start", (number,)
        ).fetchall()
        assert live == sum(length for _, length in lengths) <= end
        assert all(a + n <= b for (a, n), (b, _) in pairwise(lengths))
