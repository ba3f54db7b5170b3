"""The tour, exit codes, errors as JSON, and readers that go away."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import lookalike as package

VERBS = ["demo", "figures", "train", "evaluate", "embed", "enroll", "people", "forget", "verify", "identify"]


def test_the_tour_names_every_verb_and_loads_nothing_heavy(child_environment):
    code = (
        "import sys; sys.argv = ['lookalike', '--help']\nfrom lookalike.cli import main\n"
        "try:\n    main()\nexcept SystemExit as leave:\n    print('code', leave.code)\n"
        "print([m for m in ('torch', 'faiss', 'numpy', 'PIL', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=child_environment
    )
    assert done.stdout.splitlines()[-2:] == ["code 0", "[]"]
    for verb in VERBS:
        assert f" {verb} " in done.stdout
    assert "lookalike train photos/ --output model/" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(lookalike, verb):
    told = lookalike(verb, "--help")
    assert told.code == 0
    assert f"lookalike {verb}" in told.out
    assert "--json" in told.out or "COMMAND" in told.out  # of a group, its verbs take it


def test_version_and_no_arguments(lookalike):
    assert lookalike("--version").out == f"lookalike {package.__version__}\n"
    nothing = lookalike()
    assert nothing.code == 2
    assert "Usage: lookalike" in nothing.out
    assert nothing.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "No such command 'nosuch'; see lookalike --help"),
        (["train", "x", "--nosuch"], "No such option: --nosuch"),
        (["train"], "Missing argument 'DATA'"),
        (["train", "x", "--epochs", "many"], "'--epochs'"),
        (["train", "x", "--epochs", "0"], "'--epochs'"),
        (["train", "x", "--validation", "nan"], "'--validation'"),
        (["train", "x", "--validation", "1"], "'--validation'"),
        (["embed", "x", "--output", "v"], "Missing option"),
        (["people", "--gallery"], "requires an argument"),
        (["verify", "a", "--model", "m"], "Missing argument 'B'; see lookalike verify --help"),
    ],
)
def test_usage_errors_are_one_line_too(lookalike, refused, arguments, said, monkeypatch):
    monkeypatch.delenv("LOOKALIKE_MODEL", raising=False)
    line = refused(lookalike(*arguments), said)
    with_json = lookalike(arguments[0], "--json", *arguments[1:])
    assert with_json.code == 2
    if arguments != ["nosuch"]:
        assert with_json.document == {"error": "UsageError", "message": line.removeprefix("lookalike: ")}


def test_options_come_from_the_environment_too(lookalike, people_folder, tiny_model, gallery, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_MODEL", str(tiny_model))
    monkeypatch.setenv("LOOKALIKE_GALLERY", str(gallery))
    answer = lookalike("identify", people_folder / "s01" / "0.png", "--json").document
    assert answer["gallery"] == str(gallery)
    assert answer["answers"][0]["candidates"][0]["identity"] == "s01"


def test_a_fault_of_ours_is_no_answer(lookalike, monkeypatch, tmp_path):
    def broken(source, classes_at):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("lookalike.datasets.read_pictures", broken)
    outcome = lookalike("embed", "x", "--model", "dlib", "--output", tmp_path / "v", "--json")
    assert outcome.code == 2  # 1 is what verify says of two different people
    assert outcome.document == {"error": "ZeroDivisionError", "message": outcome.document["message"]}
    assert "Traceback" in outcome.err
    assert "please report it" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(KeyboardInterrupt(), 130, "interrupted"), (MemoryError(), 2, "not enough memory")],
)
def test_ctrl_c_and_too_little_memory_are_one_line(lookalike, monkeypatch, tmp_path, error, code, said):
    def stopped(source, classes_at):
        raise error

    monkeypatch.setattr("lookalike.datasets.read_pictures", stopped)
    outcome = lookalike("embed", "x", "--model", "dlib", "--output", tmp_path / "v", "--json")
    assert outcome.code == code
    assert outcome.err.startswith(f"lookalike: {said}")
    assert len(outcome.err.splitlines()) == 1
    assert said in outcome.document["message"]


def test_ctrl_c_in_a_real_process(child_environment, people_folder, tmp_path):
    photos = tmp_path / "photos"
    (photos / "somebody").mkdir(parents=True)
    for number in range(20_000):  # minutes of work, on however quick a machine
        os.link(people_folder / "s01" / "0.png", photos / "somebody" / f"{number}.png")
    # Cropped: else the first picture without a face ends it.
    embed = ["embed", str(photos), "--model", "dlib", "--cropped", "--output", str(tmp_path / "v")]
    running = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *embed],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment,
    )
    time.sleep(3)  # importing, or embedding
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    *progress, last = err.splitlines()
    assert (running.returncode, out, last) == (130, "", "lookalike: interrupted")
    assert all(re.match(r" *\d+\.\d s  ", line) for line in progress)  # stderr is not a terminal
    assert list(tmp_path.iterdir()) == [photos]


def piped(command, environment):
    """The exit code of the first command of a shell's pipe, and what it said on stderr."""
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("reader", ["| true", "| head -c 1"])
def test_a_reader_that_goes_away(child_environment, gallery, reader):
    code, said = piped(
        f"sleep 0.2; {sys.executable} -m lookalike people --gallery {gallery} {reader}", child_environment
    )
    assert code in (0, 141)  # 0 where all of it fitted into the pipe
    assert said == ""


def test_no_output_at_all_and_a_full_one(child_environment, gallery):
    command = f"{sys.executable} -m lookalike people --gallery {gallery}"
    assert piped(f"{command} >&-", child_environment) == (0, "")
    code, said = piped(f"{command} >/dev/full", child_environment)
    assert code == 2
    assert said == "lookalike: No space left on device\n"


def test_a_terminal_that_knows_no_accents(shell, tiny_model, people_folder, tmp_path):
    gallery = ["--gallery", tmp_path / "g"]
    picture = people_folder / "s01" / "0.png"
    enrolled = shell("enroll", picture, "--name", "Zoë", "--model", tiny_model, *gallery, PYTHONIOENCODING="ascii")
    assert enrolled.code == 0
    listed = shell("people", *gallery, PYTHONIOENCODING="ascii")
    assert listed.code == 0
    assert "Zo\\xeb" in listed.out
    in_json = shell("people", *gallery, "--json", PYTHONIOENCODING="utf-8")
    assert json.loads(in_json.out)["people"][0]["name"] == "Zoë"
