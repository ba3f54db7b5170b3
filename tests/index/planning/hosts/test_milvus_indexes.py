"""Bytes as Milvus' own pages and sizing tool give them."""

import pytest

from lookalike.index.kinds.registry import KINDS
from lookalike.index.planning.hosts.measurements import MERGED_SHARE
from lookalike.index.planning.hosts.milvus_indexes import MILVUS_INDEXES

INDEXES = {index.name: index for index in MILVUS_INDEXES}


@pytest.mark.parametrize(
    ("name", "of_a_million"),
    [
        ("IVF_FLAT", 512e6),  # "Index Explained": 1 million × 128
        ("IVF_SQ8", 128e6),
        ("HNSW", 512e6 * (1 + 2 * 16 / 128)),  # the sizing tool's memoryAndDiskCalculator from here on
        ("SCANN", 512e6 * 9 / 8),
        ("IVF_RABITQ+SQ8", 512e6 * (1 / 32 + 8 / 32)),
        ("DISKANN", 512e6 / 4),
    ],
)
def test_bytes_in_memory_are_those_that_milvus_gives(name, of_a_million):
    assert 1e6 * INDEXES[name].memory.at(128) == of_a_million


def test_diskann_keeps_vectors_and_links_on_the_ssd():
    assert 1e6 * INDEXES["DISKANN"].ssd.at(128) == 512e6 * (1 + 56 / 128)
    assert [index.name for index in MILVUS_INDEXES if index.ssd] == ["DISKANN"]


@pytest.mark.parametrize("index", MILVUS_INDEXES, ids=lambda index: index.name)
def test_a_kind_of_ours_that_was_measured_represents_each(index):
    kind = KINDS[index.kind]
    assert kind.costs.measured(kind.build(**index.build))
    assert 0 < MERGED_SHARE[index.measured_as] <= 1
    assert ("nlist" in kind.costs.by_count(10**6)) == index.cells
