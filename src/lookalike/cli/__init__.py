"""The command line: one module per verb. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from lookalike import __version__
from lookalike.cli import demo, embed, enroll, evaluate, forget, identify, people, train, verify
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
app.command("demo", rich_help_panel=_START)(demo.demo)
app.command("train", rich_help_panel=_MODEL)(train.train_command)
app.command("evaluate", rich_help_panel=_MODEL)(evaluate.evaluate)
app.command("embed", rich_help_panel=_MODEL)(embed.embed)
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


def main() -> None:
    """Run the command line: one clear line on stderr and a non-zero exit on anything Lookalike refuses."""
    try:
        app()
    except LookalikeError as error:
        _fail(type(error).__name__, str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("KeyboardInterrupt", "interrupted", 130)
    except MemoryError:
        _fail("MemoryError", "not enough memory; use fewer or smaller pictures", 2)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); there is nobody left to tell.
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(type(error).__name__, f"{where}{error.strerror or error}", 2)


def _fail(kind: str, message: str, code: int) -> None:
    line = " ".join(message.split())
    if "--json" in sys.argv:
        print(json.dumps({"error": kind, "message": line}, ensure_ascii=False))  # noqa: T201
    print(f"lookalike: {line}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
