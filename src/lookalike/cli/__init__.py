"""The command line: one module per verb, imported when it is called; what is heavy, when it runs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pkgutil import resolve_name
from typing import Annotated, NoReturn

import typer

from lookalike import __version__
from lookalike.cli.completion import VARIABLE, answer_shell
from lookalike.cli.verb_help import HELP_NAMES, VerbCommand, VerbGroup
from lookalike.errors import LookalikeError

__all__ = ["command_line", "main"]

_START, _MODEL, _GALLERY, _ASK = "Start here", "Make and prove a model", "Keep a gallery of people", "Ask"
_INDEX, _SERVE = "Search many vectors", "Serve a team"
#: Every verb in the order of the help: its panel there, and where its function stands (or, of a group, its own verbs).
_VERBS = {
    "demo": (_START, "lookalike.cli.demo:demo"),
    "figures": (_START, "lookalike.cli.figures:figures"),
    "train": (_MODEL, "lookalike.cli.train:train_command"),
    "evaluate": (_MODEL, "lookalike.cli.evaluate:evaluate"),
    "embed": (_MODEL, "lookalike.cli.embed:embed"),
    "models": (_MODEL, "lookalike.cli.models:models"),
    "index": (_INDEX, "lookalike.cli.index:index_verbs"),
    "enroll": (_GALLERY, "lookalike.cli.enroll:enroll"),
    "people": (_GALLERY, "lookalike.cli.people:people_verbs"),
    "forget": (_GALLERY, "lookalike.cli.forget:forget"),
    "gallery": (_GALLERY, "lookalike.cli.gallery:gallery_verbs"),
    "audit": (_GALLERY, "lookalike.cli.audit:audit_verbs"),
    "verify": (_ASK, "lookalike.cli.verify:verify"),
    "identify": (_ASK, "lookalike.cli.identify:identify"),
    "detect": (_ASK, "lookalike.cli.detect:detect"),
    "watch": (_ASK, "lookalike.cli.watch:watch"),
    "serve": (_SERVE, "lookalike.cli.serve:serve"),
    "keys": (_SERVE, "lookalike.cli.keys:keys_verbs"),
    "doctor": (_SERVE, "lookalike.cli.doctor:doctor"),
}
#: Verbs that have verbs of their own.
_GROUPS = ("index", "people", "gallery", "audit", "keys")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


def _tour(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Learn which pictures show the same thing, prove it, and find that thing again.

    [bold]lookalike demo[/bold] shows all of it on real faces in a few minutes.

    Faces in photographs, without training:

      lookalike enroll photos/ --model dlib --gallery people.gallery
      lookalike identify who.jpg --model dlib --gallery people.gallery

    A network of your own, from photos/ with a folder per person, measured on people it has not seen:

      lookalike train photos/ --output model/
      lookalike evaluate more-photos/ --model model/
    """


def command_line(verb: str | None = None, *, groups_in_full: bool = True) -> typer.Typer:
    """The command line: with all verbs, or with one, whose module is then the only one that is imported.

    Args:
        verb: the one that is called; None, or what is no verb, for all.
        groups_in_full: whether groups such as `index` have their verbs, too, where all verbs are wanted.
    """
    made = typer.Typer(
        name="lookalike",
        cls=VerbGroup,
        context_settings=HELP_NAMES,
        no_args_is_help=True,
        # Its options are for the command line without a verb; they take time to make.
        add_completion=verb not in _VERBS or VARIABLE in os.environ,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog="Every verb explains itself: lookalike VERB --help. With --json it prints one JSON document on stdout.",
    )
    made.callback()(_tour)
    for name in [verb] if verb in _VERBS else _VERBS:
        panel, home = _VERBS[name]
        found = resolve_name(home)
        if name in _GROUPS:
            made.add_typer(found(groups_in_full or verb == name), rich_help_panel=panel)
        else:
            made.command(name, cls=VerbCommand, rich_help_panel=panel)(found)
    return made


def __getattr__(name: str) -> typer.Typer:
    if name == "app":  # with all verbs, for whoever reads what there are
        return command_line()
    raise AttributeError(f"module 'lookalike.cli' has no attribute {name!r}")


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
    from lookalike.cli.key_file import add_key_file
    from lookalike.cli.verbose import add_verbose, debug_lines_end

    if os.environ.get(VARIABLE):
        answer_shell(command_line)
    verb = next((one for one in arguments if not one.startswith("-")), None)  # -v may stand before it
    command = typer.main.get_command(command_line(verb, groups_in_full=False))
    add_verbose(command)
    add_key_file(command)
    try:
        with debug_lines_end(), command.make_context("lookalike", list(arguments)) as context:
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
