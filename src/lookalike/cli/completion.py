"""Completion of verbs and options by the shell, once `lookalike --install-completion` has told it to ask here."""

from __future__ import annotations

import os
from collections.abc import Callable

import typer

__all__ = ["VARIABLE", "answer_shell"]

#: What the script that `--install-completion` installs sets when TAB is pressed.
VARIABLE = "_LOOKALIKE_COMPLETE"


def answer_shell(command_line: Callable[[str | None], typer.Typer]) -> None:
    """Print what may stand where the cursor is, one a line, and exit.

    Args:
        command_line: makes the command line with one verb, or with all for what is no verb. Of a verb that is written
            already, only its own module is imported: a shell asks at every TAB.

    Example:
        >>> answer_shell(command_line)    # doctest: +SKIP
    """
    # Bash gives the words one a line; zsh, fish and PowerShell the line up to the cursor.
    words = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")).split()
    verb = words[1] if len(words) > 1 else None
    typer.main.get_command(command_line(verb)).main(args=[], prog_name="lookalike", complete_var=VARIABLE)
