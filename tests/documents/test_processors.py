"""`make test-processors` runs what it says: other instruction sets, and two threads."""

import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = ("ATEN_CPU_CAPABILITY=default", "ONEDNN_MAX_CPU_ISA=SSE41", "ONEDNN_MAX_CPU_ISA=AVX2")

#: Says which instructions torch and oneDNN take, and how many threads.
PROGRAM = """
import torch
torch.nn.functional.conv2d(torch.ones(4, 16, 32, 32), torch.ones(16, 16, 3, 3))
print("torch:", torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
"""


def reported(**setting):
    environment = {k: v for k, v in os.environ.items() if k not in ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment | {"ONEDNN_VERBOSE": "1"} | setting, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    capability, threads = re.search(r"torch: (.+) (\d+)", done.stdout).groups()
    isa = re.search(r"cpu,isa:(.+)", done.stdout)
    return capability, int(threads), isa and isa[1]


def planned():
    """Setting, threads and folders of every run of `make test-processors`."""
    lines = subprocess.run(
        ["make", "test-processors", "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
    ).stdout.splitlines()  # fmt: skip
    for line in lines:
        if "pytest" in line and '-m "network and not slow"' in line:
            words = shlex.split(line)
            yield words[0], words[1], [word for word in words if word.startswith("tests/")]


def test_every_setting_runs_with_one_thread_and_the_networks_themselves_with_two_as_well():
    runs = list(planned())
    assert [run[:2] for run in runs] == [(s, f"OMP_NUM_THREADS={n}") for s in SETTINGS for n in (1, 2)]
    with_two = runs[1][2]
    for _, threads, folders in runs:
        if threads == "OMP_NUM_THREADS=1":
            assert set(folders) > set(with_two), "what uses networks runs as well"
        else:
            assert {"tests/embedder", "tests/training", "tests/documents/test_processors.py"} <= set(folders)
        assert all((ROOT / folder).exists() for folder in folders)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the instruction sets are x86's")
def test_torch_and_onednn_take_the_instructions_that_a_setting_names():
    assert reported(ATEN_CPU_CAPABILITY="default")[0] == "DEFAULT"
    assert "SSE4.1" in reported(ONEDNN_MAX_CPU_ISA="SSE41")[2]
    assert not re.search("AVX512|AVX10|AMX", reported(ONEDNN_MAX_CPU_ISA="AVX2")[2])
    assert [reported(OMP_NUM_THREADS=str(n))[1] for n in (1, 2)] == [1, 2]


@pytest.mark.network
def test_the_setting_of_this_run_is_in_force(one_thread, threads):
    import torch

    assert torch.get_num_threads() == threads
    if os.environ.get("ATEN_CPU_CAPABILITY") == "default":
        assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"


def test_whoever_uses_the_model_is_marked(request, tiny_model):
    assert request.node.get_closest_marker("network")
