"""With LOOKALIKE_PROGRESS=json a verb's progress and remarks are JSON lines on stderr."""

import json

from lookalike.cli.progress_events import ProgressEvents
from lookalike.cli.terminal import note, show_progress
from lookalike.progress import Progress


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_the_last_of_a_stage_and_every_warning_are_told(capsys):
    sink = ProgressEvents()
    for done in range(1001):
        sink(Progress("Embedding", done, 1000))
    sink(Progress("Embedding", 1000, 1000, warning="one is blurred"))
    sink(Progress("Measuring", 0))
    told = lines(capsys)
    assert (told[0]["done"], told[0]["stage"]) == (0, "Embedding")
    assert [one["done"] for one in told if one["stage"] == "Embedding"][-2:] == [1000, 1000]
    assert told[-2]["warning"] == "one is blurred"
    assert told[-1]["stage"] == "Measuring"
    assert len(told) < 20


def test_verbs_use_it_where_they_are_told_to(monkeypatch, capsys):
    monkeypatch.setenv("LOOKALIKE_PROGRESS", "json")
    with show_progress() as sink:
        sink(Progress("Embedding", 1, 2, warning="größer"))
    note("a remark")
    assert [one["warning"] for one in lines(capsys)] == ["größer", "a remark"]
