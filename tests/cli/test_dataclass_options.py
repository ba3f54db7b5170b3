"""A dataclass's fields become a verb's options, with the dataclass's defaults."""

import inspect
from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from lookalike.cli.dataclass_options import options_from


@dataclass(frozen=True, kw_only=True)
class Options:
    data: str
    count: int = 3
    names: tuple[str, ...] = field(default_factory=lambda: ("a",))


DATA, COUNT = Annotated[str, typer.Argument()], Annotated[int, typer.Option("--count", "-c")]


def verb():
    seen = []

    @options_from(Options, data=DATA, count=COUNT)
    def run(options: Options, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Say it."""
        seen.append((options, loud))

    app = typer.Typer()
    app.command()(run)
    return run, app, seen


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["x"], (Options(data="x"), False)),
        (["x", "-c", "5"], (Options(data="x", count=5), False)),
        (["x", "--loud"], (Options(data="x"), True)),
    ],
)
def test_what_is_typed_arrives_and_what_is_not_is_the_default(arguments, expected):
    _, app, seen = verb()
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert seen == [expected]


def test_a_missing_argument_is_refused_and_the_help_names_the_options():
    run, app, seen = verb()
    assert CliRunner().invoke(app, []).exit_code == 2
    assert "--count" in CliRunner().invoke(app, ["--help"], env={"NO_COLOR": "1", "TERM": "dumb"}).output
    assert list(inspect.signature(run).parameters) == ["data", "count", "loud"]
    assert seen == []


def test_what_does_not_fit_is_told_when_the_verb_is_defined():
    with pytest.raises(TypeError, match="no field size"):
        options_from(Options, data=DATA, size=COUNT)
    with pytest.raises(TypeError, match="needs data"):
        options_from(Options, count=COUNT)
