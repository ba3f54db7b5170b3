"""The command line: one module per verb. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from lookalike import __version__
from lookalike.cli import demo, embed, enroll, evaluate, figures, forget, identify, index, people, train, verify
from lookalike.errors import LookalikeError

__all__ = ["app", "main"]

app = typer.Typer(
    name="lookalike",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Every verb explains itself: lookalike VERB --help. With --json it prints one JSON document on stdout.",
)

_START, _MODEL, _GALLERY, _ASK = "Start here", "Make and prove a model", "Keep a gallery of people", "Ask"
_INDEX = "Search many vectors"
app.command("demo", rich_help_panel=_START)(demo.demo)
app.command("figures", rich_help_panel=_START)(figures.figures)
app.command("train", rich_help_panel=_MODEL)(train.train_command)
app.command("evaluate", rich_help_panel=_MODEL)(evaluate.evaluate)
app.command("embed", rich_help_panel=_MODEL)(embed.embed)
app.add_typer(index.app, rich_help_panel=_INDEX)
app.command("enroll", rich_help_panel=_GALLERY)(enroll.enroll)
app.command("people", rich_help_panel=_GALLERY)(people.people)
app.command("forget", rich_help_panel=_GALLERY)(forget.forget)
app.command("verify", rich_help_panel=_ASK)(verify.verify)
app.command("identify", rich_help_panel=_ASK)(identify.identify)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def _tour(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Learn which pictures show the same thing, prove it, and find that thing again.

    [bold]lookalike demo[/bold] shows all of it on real faces in a few minutes.
    With pictures of your own, in a folder per identity:

      lookalike train photos/ --output model/
      lookalike evaluate photos/ --model model/
      lookalike enroll photos/ --model model/ --gallery people.gallery
      lookalike identify who.jpg --model model/ --gallery people.gallery

    Without training, [bold]--model dlib[/bold] recognises faces in whole photographs at once.
    """


#: Typer brings its own copy of click since 0.25; this is whichever one it raises.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line: one clear line on stderr and a non-zero exit on anything Lookalike refuses."""
    for stream in (sys.stdout, sys.stderr):
        # File names may hold bytes that are no text, and a terminal may not know every letter: show \udce9, go on.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _run(sys.argv[1:])
        print(end="", flush=True)  # noqa: T201 - now, where a closed pipe can be answered
    except LookalikeError as error:
        _fail(type(error).__name__, str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("KeyboardInterrupt", "interrupted", 130)
    except MemoryError:
        _fail("MemoryError", "not enough memory; use fewer or smaller pictures", 2)
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(type(error).__name__, f"{where}{error.strerror or error}", 2)
    except Exception as error:
        # Not 1, which is what `verify` says of two different people.
        traceback.print_exc()
        _fail(type(error).__name__, f"{error} (a fault of Lookalike: please report it with the lines above)", 2)


def _run(arguments: list[str]) -> None:
    """Invoke a verb without click's handling of errors: boxes, and codes for Ctrl-C and closed pipes."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("lookalike", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as leave:
        print(end="", flush=True)  # noqa: T201 - now, where a closed pipe can be answered
        sys.exit(leave.exit_code)
    except _UsageError as error:
        if not arguments:  # the help was printed: there is nothing to add
            sys.exit(2)
        message = " ".join(str(error.format_message()).split()).rstrip(".")  # type: ignore[attr-defined]
        verb = getattr(getattr(error, "ctx", None), "command_path", "lookalike")
        _fail("UsageError", f"{message}; see {verb} --help", 2)


def _leave_quietly() -> NoReturn:
    """The reader of our output has gone (`| head`): nobody is left to tell, and Python must not try at its exit."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(141)


def _fail(kind: str, message: str, code: int) -> NoReturn:
    line = " ".join(message.split())
    try:
        if "--json" in sys.argv:
            print(json.dumps({"error": kind, "message": line}, ensure_ascii=False), flush=True)  # noqa: T201
        print(f"lookalike: {line}", file=sys.stderr, flush=True)  # noqa: T201
    except BrokenPipeError:
        _leave_quietly()
    sys.exit(code)
