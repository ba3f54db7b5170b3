"""ARCHITECTURE.md's tree is the disk, and its layers are the ones that are enforced."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
#: Listed by no tree: each says what it is by its name.
UNLISTED = {
    "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", ".gitignore", "tests", "docs/images",
}  # fmt: skip


def listed():
    """Paths in the annotated tree, folders without their slash."""
    block = TEXT.split("## The tree")[1].split("```")[1]
    folders, found = {}, set()
    for line in block.strip("\n").split("\n"):
        indent, name, _ = re.fullmatch(r"( *)(\S+)(?: +(.*))?", line).groups()
        depth = len(indent) // 2
        path = folders.get(depth - 1, "") + name
        folders[depth] = path if path.endswith("/") else ""
        found.add(path.rstrip("/"))
    return found


def on_disk():
    """Tracked and new files (not ignored ones), with folders whose files say by their names what they are as wholes."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip("this is no git checkout")
    files = {name for name in answer.stdout.splitlines() if (ROOT / name).exists()}
    wholes = ("tests", "docs/images", "docs/losses")
    return {next((whole for whole in wholes if f.startswith(f"{whole}/")), f) for f in files}


def test_the_tree_lists_every_file_and_no_other():
    # A package's __init__.py is described by its folder.
    disk = {path for path in on_disk() - UNLISTED if not path.endswith("/__init__.py") or path.count("/") == 2}
    folders = {str(parent) for path in disk for parent in Path(path).parents if str(parent) != "."}
    assert sorted(listed() - disk - folders - UNLISTED) == []
    assert sorted(disk - listed()) == []


def test_the_layers_are_those_that_import_linter_enforces():
    block = TEXT.split("## The layers")[1].split("\n## ")[0]
    written = [line.strip() for line in re.findall(r"^    (.+)$", block, re.MULTILINE)]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]
    enforced = [re.sub(r" \| \(\w+\)", "", layer) for layer in contract["layers"] if layer[0] not in "(_"]
    assert written == enforced


def test_tests_mirror_the_package():
    source = ROOT / "src" / "lookalike"
    modules = {p.relative_to(source) for p in source.rglob("*.py")}
    stray = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        name = path.relative_to(ROOT / "tests")
        mirrored = name.with_name(name.name.removeprefix("test_"))
        own = name.parts[0] in ("documents", "benchmarks") or name.name in CROSSING
        if not own and mirrored not in modules:
            stray.append(str(name))
    assert stray == []


#: Tests of something that crosses modules: the surface, processes and kills, models of states, interruptions, bad
#: input, all losses, the gallery that verbs are given, places from `enroll` to `forget`, all routes of the service,
#: and what its operators do.
CROSSING = {
    "test_package.py", "test_processes.py", "test_state_machine.py", "test_conformance.py", "test_bad_input.py",
    "test_main.py", "test_refusals.py",
    "test_every_loss.py", "test_round_trip.py", "test_landmark_verbs.py", "test_real_builds.py",
    "test_interrupted_changes.py", "test_given_gallery.py", "test_enrolled_places.py",
    "test_roles.py", "test_schema.py", "test_drills.py",
}  # fmt: skip
