"""`--verbose`: an option of every verb, and of `lookalike` itself, that shows the library's debug lines on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import typer

from lookalike import __version__

__all__ = ["add_verbose", "debug_lines_end"]

#: Packages whose versions decide how fast and how exact the work is.
_PACKAGES = ("numpy", "pillow", "torch", "timm", "dlib", "dlib-bin", "faiss-cpu", "onnxruntime")
_LOGGER = logging.getLogger("lookalike")


class _StderrLines(logging.Handler):
    """Writes records to stderr, one line each, below the bars of a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        from lookalike.cli.terminal import console, escape

        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        place = record.name.removeprefix("lookalike.")
        text = " ".join(record.getMessage().split())
        line = f"debug {at}.{int(record.msecs):03d}  {place}: {text}"
        console.print(escape(line), soft_wrap=True, style="dim")


def add_verbose(command: Any) -> None:
    """Give a command of Typer, and every verb in it, the option `--verbose`.

    Args:
        command: as `typer.main.get_command` makes it.
    """
    command.params.append(_option())
    for verb in getattr(command, "commands", {}).values():
        add_verbose(verb)


def _show(wanted: bool) -> None:
    if wanted:
        _start()


def _only(
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=_show,
            is_eager=True,
            expose_value=False,
            help="Show on stderr what is loaded, how long each step takes, and versions.",
        ),
    ] = False,
) -> None:
    """A verb with this option alone."""


@cache
def _option() -> Any:
    """The option as Typer makes it of a verb's parameter; its value goes to its callback alone. All verbs share it."""
    made = typer.Typer(add_completion=False)
    made.command()(_only)
    return typer.main.get_command(made).params[0]


@contextmanager
def debug_lines_end() -> Iterator[None]:
    """What the block made visible ends with it, and the time that all of it took is the last line."""
    began = time.perf_counter()
    try:
        yield
    finally:
        for handler in [one for one in _LOGGER.handlers if isinstance(one, _StderrLines)]:
            _LOGGER.debug("%.3f s in all", time.perf_counter() - began)
            _LOGGER.removeHandler(handler)
            _LOGGER.setLevel(logging.NOTSET)


def _start() -> None:
    """Show debug lines from now on; the first says what runs here."""
    import platform

    if any(isinstance(one, _StderrLines) for one in _LOGGER.handlers):
        return  # given twice: before the verb and after it
    _LOGGER.addHandler(_StderrLines())
    _LOGGER.setLevel(logging.DEBUG)
    packages = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    _LOGGER.debug(
        "lookalike %s, Python %s on %s; %s", __version__, platform.python_version(), platform.platform(), packages
    )
    _LOGGER.debug("arguments: %s", " ".join(map(repr, sys.argv[1:])))


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
