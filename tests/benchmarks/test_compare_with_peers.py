"""Other libraries beside ours: each finds the neighbours that exact search finds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_hnswlib_and_usearch_are_measured_by_their_own_libraries(tmp_path):
    pytest.importorskip("hnswlib")
    pytest.importorskip("usearch")
    command = [sys.executable, str(ROOT / "benchmarks/compare_with_peers.py"), "generated:1500x32"]
    command += ["--kinds", "exact", "--recall", "0.8", "--output", str(tmp_path / "c")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    stored = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert stored["failed"] == {}
    recalls = {name: max(point["recall"] for point in curves["single"]) for name, curves in stored["curves"].items()}
    batches = {name: max(point["recall"] for point in curves["batch"]) for name, curves in stored["curves"].items()}
    assert {name.split("_")[0] for name in recalls} == {"exact", "hnswlib", "usearch"}
    assert min(recalls.values()) > 0.9
    assert min(batches.values()) > 0.9
    assert all((tmp_path / "c" / name).stat().st_size > 10_000 for name in ("single.png", "batch.png"))
