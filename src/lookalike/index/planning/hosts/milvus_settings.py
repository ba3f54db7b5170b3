"""Settings and limits of Milvus 2.6 that a plan uses: as milvus.yaml has them where nothing else is said."""

from __future__ import annotations

__all__ = [
    "BUILD_SHARE",
    "DISK_SEGMENT_BYTES",
    "DISK_SHARE",
    "KEY_BYTES",
    "MEMORY_SHARE",
    "MILVUS_METRICS",
    "MIN_SEGMENT_VECTORS",
    "MOST_DIMENSIONS",
    "SEGMENT_BYTES",
    "SIZING_TOOL",
    "segment_row_bytes",
]

#: What terms name as their source: milvus.io/tools/sizing, `memoryAndDiskCalculator` in `src/utils/sizingTool.ts` of
#: the repository milvus-io/milvus.io.
SIZING_TOOL = "Milvus sizing tool"

#: What Milvus compares float vectors by (milvus.io/docs/metric.md).
MILVUS_METRICS = ("euclidean", "cosine", "inner_product")

#: proxy.maxDimension.
MOST_DIMENSIONS = 32_768

#: dataCoord.segment.maxSize and diskSegmentMaxSize, MB of 2^20 bytes.
SEGMENT_BYTES, DISK_SEGMENT_BYTES = 1024 << 20, 2048 << 20

#: minSegmentNumRowsToEnableIndex: Milvus builds no index over fewer.
MIN_SEGMENT_VECTORS = 1024

#: overloadedMemoryThresholdPercentage and maxDiskUsagePercentage: a query node refuses a segment above this share
#: (`checkSegmentSize` in internal/querynodev2/segments/segment_loader.go of the repository milvus-io/milvus).
MEMORY_SHARE, DISK_SHARE = 0.9, 0.95

#: common.buildIndexThreadPoolRatio: share of the cores that build indexes.
BUILD_SHARE = 0.75

#: A 64-bit key beside the vector.
KEY_BYTES = 8


def segment_row_bytes(dimension: int) -> int:
    """Bytes that a float32 vector and its key add to the size of a segment.

    Example:
        >>> segment_row_bytes(128)
        520
    """
    return 4 * dimension + KEY_BYTES
