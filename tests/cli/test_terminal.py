"""Results on stdout as plain JSON and tables; remarks and bars on stderr, bars only where somebody looks."""

import io
import json
import re

import pytest
from rich.table import Table

from lookalike.cli import terminal
from lookalike.progress import Progress, counted


def test_one_json_document_on_stdout(capsys):
    terminal.print_json({"name": "名前", "nan": float("nan")})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "名前", "nan": None}
    assert "名前" in captured.out
    assert captured.err == ""


def test_a_log_has_a_line_for_every_stage_and_every_new_detail(capsys):
    events = [
        Progress("Reading [x]", 0, 5),
        Progress("Reading [x]", 5, 5),
        Progress("Trying", 0, 2, "hnsw(M=8)"),
        Progress("Trying", 0, 2, "hnsw(M=8)", warning="a remark"),
        Progress("Trying", 1, 2, "ivf"),
        Progress("Trying", 2, 2),
    ]
    with terminal.show_progress(log=True) as progress:
        for event in events:
            progress(event)
    lines = capsys.readouterr().err.splitlines()
    shown = [re.sub(r"^ *\d+\.\d s  ", "", line) for line in lines]
    assert [re.sub(r", about .* left", "", line) for line in shown] == [
        "Reading [x]: 0 of 5",
        "Trying: 0 of 2; hnsw(M=8)",
        "note: a remark",
        "Trying: 1 of 2 (50%); ivf",
    ]
    with terminal.show_progress() as progress:
        progress(events[0])
    assert capsys.readouterr().err == ""


def test_remarks_are_one_line_with_names_as_they_are(capsys):
    text = "[bold]Zoë[/bold] :smile: " + "long " * 60
    terminal.note(text)
    assert capsys.readouterr().err == f"note: {text}\n"


def test_a_job_that_is_soon_over_prints_nothing_where_stderr_is_no_terminal(capsys):
    with terminal.show_progress() as progress:
        done = counted(progress, "Embedding", 3)
        done(1)
        done(2)
    assert capsys.readouterr() == ("", "")


def test_bars_show_how_far_it_is_on_a_terminal(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "console", terminal._Console(file=screen, force_terminal=True, width=120))
    with terminal.show_progress() as progress:
        counted(progress, "Embedding", 3)(3)
    assert "Embedding" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_a_reader_that_has_gone_is_left_to_main():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        flush = write

    with pytest.raises(BrokenPipeError):
        terminal._Console(file=Gone()).print("x")


def test_tables_are_as_wide_as_their_longest_line(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table("Name")
    table.add_row("x" * 500)
    terminal.print_table(table)
    assert "x" * 500 in capsys.readouterr().out
