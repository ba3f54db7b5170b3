"""A gallery on Milvus beside one in a folder, on the same vectors: enrolment, searches, migration there and back.

    python benchmarks/gallery_milvus.py milvus://127.0.0.1:19530/bench 10000 100000

Prints JSON lines for every count: templates a second of bulk enrolment (of the first 20,000 on Milvus), seconds and
verification of a migration from the folder to Milvus; there, p50 and p99 of searches for 10 identities (one thread, one
probe) and the share of the exact nearest identity that is found, beside the folder's; and a migration from there into
another folder. The server is one that runs already; the tenants are new at every call, and their people are forgotten
at the end unless `--keep` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import tempfile
import time
from pathlib import Path

import numpy as np

from lookalike.distances import nearest
from lookalike.gallery import Gallery, open_gallery
from lookalike.gallery.milvus.gallery import MilvusGallery
from lookalike.index import AUTO_EXACT_LIMIT
from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.workflows.gallery_migrate import GalleryMigrateOptions, migrate_gallery

DIMENSION, SEARCHES, WARM, BATCH = 128, 300, 30, 10_000
ENROLLED = 20_000


def tell(**what: object) -> None:
    """Print one line."""
    print(json.dumps(what), flush=True)


def enrolled(address: str | Path, vectors: np.ndarray) -> float:
    """Enroll all in batches; templates a second."""
    began = time.perf_counter()
    with open_gallery(address) as gallery:
        gallery.bind("bench", "vectors", "cosine", DIMENSION)
        for start in range(0, len(vectors), BATCH):
            part = vectors[start : start + BATCH]
            gallery.enroll_many([(f"p{start + at:07}", one, None) for at, one in enumerate(part)])
    return len(vectors) / (time.perf_counter() - began)


def searched(address: str | Path, probes: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Milliseconds of searches, and how often the nearest identity is found."""
    with open_gallery(address, create=False) as gallery:
        settle(gallery)
        took, right = [], 0
        for number, probe in enumerate(probes):
            began = time.perf_counter()
            (found,) = gallery.search(probe, k=10)
            if number >= WARM:
                took.append(1000 * (time.perf_counter() - began))
                right += found[0].identity == f"p{true[number]:07}"
    return {
        "p50_ms": round(float(np.percentile(took, 50)), 3),
        "p99_ms": round(float(np.percentile(took, 99)), 3),
        "nearest_found": right / len(took),
    }


def settle(gallery: Gallery) -> None:
    """Wait until indexes are built, so that both are compared at rest."""
    if isinstance(gallery, MilvusGallery):
        gallery.scrub()  # Milvus builds indexes of what it has written to its storage
    until = time.monotonic() + 1800
    while time.monotonic() < until:
        gallery.search(np.ones(DIMENSION), k=1)  # takes in what was built since the last one
        index = gallery.stats()["index"]
        if not index.get("pending_index_rows") and index.get("compared_one_by_one", 0) <= AUTO_EXACT_LIMIT:
            return
        time.sleep(1)


def migrated(source: str | Path, target: str | Path) -> dict[str, object]:
    """Seconds, and what the verification counted."""
    began = time.perf_counter()
    done = migrate_gallery(GalleryMigrateOptions(source=source, target=target))
    return {"seconds": round(time.perf_counter() - began, 1), **done.verified.__dict__}


def main() -> None:
    """Measure at every count."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("server", help="the address of a gallery on a running server, without a tenant")
    arguments.add_argument("counts", type=int, nargs="+", help="templates")
    arguments.add_argument("--keep", action="store_true", help="leave the people on the server")
    given = arguments.parse_args()
    for count in given.counts:
        vectors, _ = generated_vectors(count, DIMENSION, per_identity=1)
        asked = np.linspace(0, count - 1, SEARCHES + WARM).astype(int)
        probes = generated_probes(asked, DIMENSION)
        true = nearest(probes, vectors, 1, metric="cosine")[0][:, 0]
        tenant = f"{given.server}?tenant={secrets.token_hex(4)}"
        with tempfile.TemporaryDirectory() as folder:
            here, back, there = Path(folder) / "here", Path(folder) / "back", f"{tenant}m"
            rates = {
                "folder": round(enrolled(here, vectors)),
                "milvus": round(enrolled(tenant, vectors[:ENROLLED])),
            }
            tell(templates=count, dimension=DIMENSION, enrolled_per_s=rates)
            tell(templates=count, to_milvus=migrated(here, there))
            ours, milvus = searched(here, probes, true), searched(there, probes, true)
            tell(
                templates=count, folder=ours, milvus=milvus,
                p50_milvus_over_folder=round(milvus["p50_ms"] / ours["p50_ms"], 2),
                machine=platform.processor() or platform.machine(), cores=os.cpu_count(),
            )  # fmt: skip
            tell(templates=count, back=migrated(there, back))
        if not given.keep:
            for address in (tenant, there):
                with open_gallery(address) as gallery:
                    gallery.forget_before("2999-01-01")


if __name__ == "__main__":
    main()
