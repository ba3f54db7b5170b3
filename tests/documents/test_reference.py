"""docs/reference.md knows every verb and every option there is, and none that is not."""

import re
from pathlib import Path

import typer.main

from lookalike.cli import app

TEXT = (Path(__file__).parents[2] / "docs" / "reference.md").read_text("utf-8")


def verbs():
    """Every command by its full name, those of groups included."""

    def below(group, before):
        found = {}
        for name, command in group.commands.items():
            inner = hasattr(command, "commands")
            found |= below(command, f"{before}{name} ") if inner else {f"{before}{name}": command}
        return found

    return below(typer.main.get_command(app), "")


def test_verbs_and_options_are_those_of_the_command_line():
    verb = r"(?:(?:index|people|gallery upgrade|gallery|audit|keys) )?\w+"
    rows = re.findall(rf"^\| `({verb})[^|]*\|[^|]*\|(.*)\|$", TEXT.split("## Kinds of index")[0], re.MULTILINE)
    written = {verb: set(re.findall(r"`(--[\w-]+)`", options)) for verb, options in rows}
    real = {
        name: {o for p in command.params for o in [*p.opts, *p.secondary_opts] if o.startswith("--")}
        - {"--json", "--help"}
        for name, command in verbs().items()
    }
    assert written == real


def test_every_verb_takes_json():
    assert [n for n, c in verbs().items() if not any("--json" in p.opts for p in c.params)] == []
