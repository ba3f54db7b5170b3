"""Every kind of job is a verb that the command line knows, with options that it has."""

from pathlib import Path

import pytest
import typer.main

from lookalike.cli import app
from lookalike.errors import InputError
from lookalike.service import ServiceSettings
from lookalike.service.jobs.job_commands import job_command

SETTINGS = ServiceSettings(
    model="m", gallery="g", data={"d": "/srv/d"}, models={"n": "/srv/n"}, cropped=True, fpir=0.01, calibration=Path("c")
)
ASKED = [
    {"kind": "evaluate", "data": "d", "enrolled": 5, "calibrate": True},
    {"kind": "train", "data": "d", "loss": "arcface", "epochs": 3, "seed": 1},
    {"kind": "train", "data": "d", "loss": None, "epochs": None, "seed": 0},
    {"kind": "reembed", "model": "n"},
    {"kind": "doctor", "measure_quality": True},
]


@pytest.mark.parametrize("asked", ASKED)
def test_the_verb_is_there_and_takes_these_options(asked):
    given = job_command(asked, SETTINGS, Path("out"))
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and given[0] in command.commands:
        command = command.commands[given.pop(0)]
    known = {option for one in command.params for option in one.opts}
    assert {word for word in given if word.startswith("--")} <= known
    context = command.make_context("lookalike", list(given))  # parses, and calls nothing
    assert context.params


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="there are: d"):
        job_command({"kind": "train", "data": "/srv/d"}, SETTINGS, Path("out"))
