"""The help of every verb: words for values, people and places apart, -h as good as --help."""

import re
from typing import Annotated

import pytest
import typer
import typer.main

from lookalike.cli import app
from lookalike.cli.verb_help import FOR_PEOPLE, FOR_PLACES, VerbCommand, in_panel


def verbs():
    """Every verb as it is typed, those of `index` included."""
    found = []
    for name, command in typer.main.get_command(app).commands.items():
        found.append((name,))
        found += [(name, inner) for inner in getattr(command, "commands", ())]
    return found


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def panel(text, name):
    """The options in a panel; none where there is no such panel."""
    found = re.search(rf"╭─ {name} ─+╮\n(.*?)\n╰", text, re.DOTALL)
    return set(re.findall(r"^│[ *]*(--[\w-]+)", found[1], re.MULTILINE)) if found else set()


@pytest.mark.parametrize("verb", [(), *verbs()], ids=" ".join)
def test_help_speaks_no_python(lookalike, verb):
    told = lookalike(*verb, "--help")
    assert told.code == 0
    assert not re.search(r"<[a-z]|\{|None|bool\b", told.out)
    assert lookalike(*verb, "-h").out == told.out
    usage = next(line for line in told.out.splitlines() if "Usage:" in line)
    assert usage.strip().startswith(" ".join(("Usage: lookalike", *verb)))


@pytest.mark.parametrize(
    ("verb", "people", "places"),
    [
        ("enroll", (), ("--recipe", "--non-landmarks", "--promise", "--places", "--scales")),
        ("identify", ("--threshold", "--fmr", "--fpir"), ("--recipe", "--rerank", "--submission", "--scales")),
        ("evaluate", ("--enrolled", "--promise", "--pairs", "--against"), ("--gallery", "--submission", "--rerank")),
        ("train", (), ("--non-landmarks", "--groups")),
    ],
)
def test_options_of_people_and_of_places_stand_apart(lookalike, verb, people, places):
    told = lookalike(verb, "--help").out
    assert set(people) <= panel(told, FOR_PEOPLE)
    assert set(places) <= panel(told, FOR_PLACES)
    assert {"--json", "--cropped"} <= panel(told, "Options")
    assert not panel(told, "Options") & {*people, *places}


def test_an_option_in_a_panel_leaves_the_shared_one_as_it_was():
    shared = Annotated[int, typer.Option("--size", help="How large.")]
    moved = in_panel("Apart", shared)
    assert moved.__metadata__[0].rich_help_panel == "Apart"
    assert moved.__origin__ is int
    assert shared.__metadata__[0].rich_help_panel is None


def test_paragraphs_flow_and_examples_keep_their_lines(monkeypatch, capsys):
    made = typer.Typer(rich_markup_mode="rich")

    @made.command(cls=VerbCommand)
    def verb(data: str, size: Annotated[int, typer.Option("--size")] = 3, loud: bool = False) -> None:
        """Do it.

        A line that is
        broken.

          first --example
          second --example
        """

    with pytest.raises(SystemExit):
        made(["--help"], prog_name="x")
    out = capsys.readouterr().out
    assert "A line that is broken." in out
    assert re.search(r"first --example *\n *second --example", out)
    assert re.search(r"--size +NUMBER", out)
    assert "Usage: x [OPTIONS] DATA" in out
