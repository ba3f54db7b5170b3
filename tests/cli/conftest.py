"""The command line as a user runs it: in this process where speed matters, in its own where only that is honest."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest
import tomli_w

#: What a long job says it begins, after the seconds since its start.
STEP = re.compile(r" *\d+\.\d s  ")


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """As many threads in this process as in those that it starts."""


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self):
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def said(self):
        """What stderr says without the lines about progress, which come where something takes seconds."""
        return "".join(line for line in self.err.splitlines(keepends=True) if not STEP.match(line))


@pytest.fixture
def lookalike(monkeypatch, capsys):
    """Run a verb in this process."""
    from lookalike.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["lookalike", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as leave:
            code = leave.code
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def child_environment(threads):
    """No colours, a wide terminal, and as many threads as here: sums are the same in every process.

    What chooses torch's instructions (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA) is passed on with all the rest.
    """
    env = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "LOOKALIKE_MODEL", "LOOKALIKE_GALLERY")}
    return env | {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1", "OMP_NUM_THREADS": str(threads)}


@pytest.fixture(scope="session")
def shell(child_environment):
    """Run a verb in a process of its own."""

    def run(*arguments, cwd=None, **changes):
        done = subprocess.run(
            [sys.executable, "-m", "lookalike", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=cwd,
            env=child_environment | changes,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def refused():
    """Assert the rule for bad input: exit code 2 and one clear line on stderr, which holds all `words`."""

    def check(outcome, *words):
        lines = [line for line in outcome.err.splitlines() if not line.startswith("note: ") and not STEP.match(line)]
        assert outcome.code == 2, outcome
        assert len(lines) == 1, outcome.err
        assert lines[0].startswith("lookalike: ")
        assert "a fault of Lookalike" not in lines[0]
        for word in words:
            assert word in lines[0]
        return lines[0]

    return check


@pytest.fixture
def tiny_toml(tiny_recipe, tmp_path_factory):
    """The tiny recipe as a user's file, one epoch long, of the linear network: the verb does the same for any."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    changes = {"epochs": 1, "backbone": "linear", "backbone_options": {}}
    content = tiny_recipe.model_dump(mode="json", exclude_none=True) | changes
    path.write_text(tomli_w.dumps(content), "utf-8")
    return path


@pytest.fixture
def small_disk(tmp_path_factory):
    """Mount a disk of some kilobytes; skips where this user may not."""
    mounted = []

    def mount(kilobytes, *options):
        folder = tmp_path_factory.mktemp("disk")
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={kilobytes}k", *options]), "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command to make a small disk with")
        if done.returncode:
            pytest.skip(f"a small disk needs the right to mount: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
