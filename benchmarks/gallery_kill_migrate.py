"""Kill `lookalike gallery migrate` at random moments, go on, and see whether the copy is whole.

A child migrates a gallery of people with tags, sources and qualities into another. The parent kills it (SIGKILL) at a
random moment, opens the target, and compares what is in it with the source; then the next child goes on. A round ends
when a child is not killed before it is done: what it verified is compared once more, template by template.

- phantoms: something in the target that is not in the source: another vector, name, source, time, quality or tag, or
  something twice;
- lost: a template that was in the target after an earlier kill and is there no more;
- incomplete: a migration that came to its end, and lacks something;
- failures: the target does not open, or a migration fails.

    python benchmarks/gallery_kill_migrate.py --kills 300
    python benchmarks/gallery_kill_migrate.py --kills 20 --target milvus://127.0.0.1:19530/kills
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lookalike.gallery import Enrolment, Gallery, contents, open_gallery
from lookalike.workflows.gallery_migrate import GalleryMigrateOptions, migrate_gallery

DIMENSION, PEOPLE = 128, 400
#: Templates that are copied in one step, so that there are many steps.
PAGE = 50
BAD = ("phantoms", "lost", "incomplete", "failures")

#: Of every template: name, vector, source, time, quality and the tags of the name.
Held = set[tuple[object, ...]]


def made(path: Path) -> None:
    """The source."""
    chance = np.random.default_rng(0)
    with open_gallery(path) as gallery:
        gallery.bind("fingerprint", "a model", "cosine", DIMENSION)
        gallery.enroll_many(
            Enrolment(
                f"person {n}", chance.normal(size=(1 + n % 4, DIMENSION)).astype(np.float32),
                [f"{n}/{at}.jpg" for at in range(1 + n % 4)], {"site": f"{n % 7}"} if n % 3 else None,
                [round(float(chance.random()), 3) for _ in range(1 + n % 4)],
            )
            for n in range(PEOPLE)
        )  # fmt: skip


def held(gallery: Gallery) -> list[tuple[object, ...]]:
    """What a gallery holds."""
    tags = {one.name: tuple(sorted(one.tags.items())) for one in gallery.people()}
    return [
        (one.identity, one.vector.tobytes(), one.source, one.enrolled_at, one.quality, tags[one.identity])
        for one in gallery.templates()
    ]


def one_kill(source: Path, target: str, delay: float) -> str:
    """Migrate in a child that is killed after `delay` seconds; how it ended: killed, done or failed."""
    process = os.fork()
    if process == 0:
        try:
            migrate_gallery(GalleryMigrateOptions(source=source, target=target))
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(2)
        os._exit(0)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return "killed" if os.WIFSIGNALED(status) else "failed" if os.WEXITSTATUS(status) else "done"


def run(kills: int, longest: float, target: str | None, seed: int) -> dict[str, object]:
    """Kill so often, and count."""
    chance, result, notes = random.Random(seed), dict.fromkeys(("kills", "rounds", *BAD), 0), list[str]()
    contents.TEMPLATES = PAGE
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source.gallery"
        made(source)
        with open_gallery(source) as gallery:
            wanted = held(gallery)
        address, before = "", Held()
        while result["kills"] < kills:
            if not address:
                fresh = secrets.token_hex(4)
                address = str(Path(temporary) / fresh) if target is None else f"{target}?tenant={fresh}"
                before = set()
            ended = one_kill(source, address, chance.uniform(0, longest))
            result["kills"] += ended == "killed"
            try:
                with open_gallery(address) as gallery:
                    found = held(gallery)
            except Exception as error:
                result["failures"] += 1
                notes.append(f"{type(error).__name__}: {error}")
                address = ""
                continue
            result["failures"] += ended == "failed"
            result["phantoms"] += len(set(found) - set(wanted)) + len(found) - len(set(found))
            result["lost"] += len(before - set(found))
            before = set(found)
            if ended == "done":
                result["rounds"] += 1
                result["incomplete"] += len(set(wanted) - before)
                address = ""
    return {**result, "templates": len(wanted), "seed": seed, "notes": notes[:5]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--longest", type=float, default=0.2, help="seconds until a kill, at most")
    parser.add_argument("--target", default=None, help="a gallery on a server; by default folders")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = int.from_bytes(os.urandom(4), "big") if given.seed is None else given.seed
    result = run(given.kills, given.longest, given.target, seed)
    print(json.dumps(result))
    return 1 if any(result[bad] for bad in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
