"""docs/reference.md knows every verb and every option there is, and none that is not."""

import re
from pathlib import Path

import typer.main

from lookalike.cli import app

TEXT = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")


def test_verbs_and_options_are_those_of_the_command_line():
    rows = re.findall(r"^\| `(\w+)[^|]*\|[^|]*\|(.*)\|$", TEXT.split("## Exit codes")[0], re.MULTILINE)
    written = {verb: set(re.findall(r"`(--[\w-]+)`", options)) for verb, options in rows}
    real = {
        name: {o for p in command.params for o in p.opts if o.startswith("--")} - {"--json", "--help"}
        for name, command in typer.main.get_command(app).commands.items()
    }
    assert written == real


def test_every_verb_takes_json():
    commands = typer.main.get_command(app).commands
    assert [n for n, c in commands.items() if not any("--json" in p.opts for p in c.params)] == []
