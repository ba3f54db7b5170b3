"""TAB: verbs, options and file names, as a shell asks for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.cli.completion import VARIABLE

VERBS = ["demo", "figures", "train", "evaluate", "embed", "enroll", "people", "forget", "verify", "identify", "index"]


@pytest.fixture
def offered(child_environment):
    """What is offered at the end of a line."""

    def ask(line, **changes):
        words = line.split(" ")
        env = child_environment | {VARIABLE: "complete_bash", "COMP_WORDS": "\n".join(words)}
        env["COMP_CWORD"] = str(len(words) - 1)
        done = subprocess.run(
            [sys.executable, "-m", "lookalike"],
            capture_output=True,
            text=True,
            check=True,
            env=env | changes,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return ask


def test_verbs_and_options_are_offered(offered):
    assert set(VERBS) <= set(offered("lookalike "))
    assert offered("lookalike en") == ["enroll"]
    assert offered("lookalike enroll --no") == ["--non-landmarks"]
    assert offered("lookalike index b") == ["build"]
    assert offered("lookalike index tune --me") == ["--memory", "--metric"]


def test_where_a_file_is_due_nothing_is_offered_so_that_the_shell_offers_files(offered):
    assert offered("lookalike enroll --gallery pe") == []
    assert offered("lookalike identify who") == []


def test_only_the_verb_that_is_written_is_imported(child_environment):
    code = (
        "import sys\nfrom lookalike.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted(m for m in sys.modules if m.startswith('lookalike.cli.') or m in ('torch', 'numpy', 'faiss')))"
    )
    env = child_environment | {VARIABLE: "complete_bash", "COMP_WORDS": "lookalike\npeople\n--g", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    offered, loaded = done.stdout.splitlines()
    assert offered == "--gallery"
    assert "lookalike.cli.people" in loaded
    assert not any(f"'{name}'" in loaded for name in ("lookalike.cli.train", "torch", "numpy", "faiss"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_after_the_installation(child_environment, tmp_path):
    here = Path(sys.executable).parent
    env = child_environment | {
        "HOME": str(tmp_path),
        "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        # Which shell it is called from differs where tests run; so it is told.
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    run = {"capture_output": True, "text": True, "check": True, "env": env}
    said = subprocess.run([sys.executable, "-m", "lookalike", "--install-completion", "bash"], **run)
    assert "bash completion installed" in said.stdout
    assert (tmp_path / ".bashrc").is_file()
    script = (
        "source ~/.bashrc; COMP_WORDS=(lookalike identify --sub); COMP_CWORD=2; "
        "_lookalike_completion lookalike; echo ${COMPREPLY[@]}; complete -p lookalike"
    )
    done = subprocess.run(["bash", "--norc", "-c", script], **run)
    assert done.stdout.splitlines()[0] == "--submission"
    assert "-o default" in done.stdout  # files, where nothing is offered
