"""How many of the nearest a Milvus index finds, by build and search settings: what a gallery there is built with.

    python benchmarks/gallery_milvus_settings.py http://127.0.0.1:19530 --count 100k

One collection after the other on a server that runs already, of generated vectors like faces, and 1,000 probes: other
pictures of those enrolled. Prints JSON lines: the share of probes whose nearest vector is found, the share of the ten
nearest, and p50 of a search.
"""

from __future__ import annotations

import argparse
import json
import secrets
import time
from typing import Any

import faiss
import numpy as np
from pymilvus import DataType, MilvusClient

from lookalike.index.generated_vectors import generated_probes, generated_vectors
from lookalike.index.quantities import parse_count

DIMENSION, PROBES, K, BATCH = 128, 1000, 10, 5000
#: Index type, its parameters, and the search settings that are tried.
TRIED: list[tuple[str, dict[str, int], str, list[int]]] = [
    ("HNSW", {"M": 16, "efConstruction": 100}, "ef", [256, 466, 1000]),
    ("HNSW", {"M": 32, "efConstruction": 200}, "ef", [128, 256, 466]),
    ("HNSW", {"M": 48, "efConstruction": 200}, "ef", [128, 256, 466]),
    ("IVF_FLAT", {"nlist": 2048}, "nprobe", [64, 128, 256]),
    ("IVF_SQ8", {"nlist": 2048}, "nprobe", [64, 128, 256]),
]


def built(client: MilvusClient, vectors: np.ndarray, kind: str, parameters: dict[str, int]) -> str:
    """A loaded collection; its name."""
    name = f"settings_{secrets.token_hex(4)}"
    schema = MilvusClient.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSION)
    client.create_collection(name, schema=schema, num_shards=1)
    for start in range(0, len(vectors), BATCH):
        part = vectors[start : start + BATCH]
        client.insert(name, [{"id": start + at, "vector": one.tolist()} for at, one in enumerate(part)])
    client.flush(name)
    index = client.prepare_index_params()
    index.add_index("vector", index_type=kind, metric_type="COSINE", params=parameters)
    client.create_index(name, index)
    client.load_collection(name)
    while client.describe_index(name, "vector").get("pending_index_rows", 0):
        time.sleep(1)
    return name


def measured(
    client: MilvusClient, name: str, probes: np.ndarray, true: np.ndarray, settings: dict[str, int]
) -> dict[str, Any]:
    """What is found, and how soon."""
    how, took, nearest, share = {"metric_type": "COSINE", "params": settings}, [], 0, 0.0
    for probe, wanted in zip(probes, true, strict=True):
        began = time.perf_counter()
        found = [one["id"] for one in client.search(name, [probe.tolist()], limit=K, search_params=how)[0]]
        took.append(time.perf_counter() - began)
        nearest += found[:1] == [wanted[0]]
        share += len({*found} & {*wanted.tolist()}) / K
    return {
        "nearest": nearest / len(probes),
        "of_ten": round(share / len(probes), 4),
        "p50_ms": round(1000 * float(np.median(took)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", help="its address, as http://HOST:PORT")
    parser.add_argument("--count", type=parse_count, default=100_000)
    given = parser.parse_args()
    vectors, _ = generated_vectors(given.count, DIMENSION, per_identity=1)
    probes = generated_probes(np.arange(0, given.count, given.count // PROBES)[:PROBES], DIMENSION)
    flat = faiss.IndexFlatIP(DIMENSION)
    flat.add(vectors)
    _, true = flat.search(probes, K)
    client = MilvusClient(uri=given.server)
    for kind, parameters, setting, values in TRIED:
        name = built(client, vectors, kind, parameters)
        for value in values:
            row = measured(client, name, probes, true, {setting: value})
            print(json.dumps({"kind": kind, **parameters, setting: value, **row}), flush=True)
        client.drop_collection(name)


if __name__ == "__main__":
    main()
