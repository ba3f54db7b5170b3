"""What `--help` and `-h` show of a verb: words instead of Python's types, and paragraphs that fit any terminal."""

from __future__ import annotations

import inspect
from copy import copy
from typing import Annotated, Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

__all__ = ["FOR_PEOPLE", "FOR_PLACES", "HELP_NAMES", "ListingGroup", "VerbCommand", "VerbGroup", "in_panel"]

#: How help is asked for, of every verb.
HELP_NAMES = {"help_option_names": ["-h", "--help"]}
#: Panels of options that are for people only, and for places only; the other kind refuses them.
FOR_PEOPLE, FOR_PLACES = "People", "Places"
#: What Typer calls the types of values, and what the help calls them.
_WORDS = {
    "<bool>": "",
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<path>": "PATH",
    "<int>": "NUMBER",
    "<int range>": "NUMBER",
    "<float>": "NUMBER",
    "<float range>": "NUMBER",
}


def in_panel(panel: str, option: Any) -> Any:
    """The same option, shown in a panel of its own.

    Args:
        panel: its heading, such as `FOR_PEOPLE`.
        option: `Annotated[type, typer.Option(...)]`; it is not changed, for other verbs share it.

    Example:
        >>> identify_fmr = in_panel(FOR_PEOPLE, TargetFmr)    # doctest: +SKIP
    """
    (spelled,) = option.__metadata__
    spelled = copy(spelled)
    spelled.rich_help_panel = panel
    return Annotated[option.__origin__, spelled]


class VerbCommand(TyperCommand):
    """A verb."""

    def __init__(self, *given: Any, **further: Any) -> None:
        super().__init__(*given, **further)
        self.help = _flowing(self.help)

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options and arguments, those named that the help shows."""
        return [_in_words(one, ctx) for one in super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`[OPTIONS] DATA`, where Typer writes `[OPTIONS] {DATA}`."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class VerbGroup(TyperGroup):
    """The command line, or a verb that has verbs of its own."""

    def __init__(self, *given: Any, **further: Any) -> None:
        super().__init__(*given, **further)
        self.help = _flowing(self.help)

    def get_params(self, ctx: Any) -> list[Any]:
        """Its options, those named that the help shows."""
        return [_in_words(one, ctx) for one in super().get_params(ctx)]


class ListingGroup(VerbGroup):
    """A verb that has verbs of its own, of which `list` is meant where none is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is called, and its options."""
        own = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if own else ["list", *args])


def _in_words(parameter: Any, context: Any) -> Any:
    if isinstance(parameter, TyperArgument):
        parameter.metavar = parameter.metavar or str(parameter.name).upper()
        # Of an argument, Typer shows the type in any case; its name and its text say it.
        parameter.__dict__["display_type_rich"] = lambda ctx: None
    elif isinstance(parameter, TyperOption) and parameter.metavar is None:
        parameter.metavar = "" if parameter.is_flag else _WORDS.get(parameter.display_type(context))
    return parameter


def _flowing(text: str | None) -> str | None:
    """A docstring whose lines are broken by the terminal that shows it, not where the source breaks them."""
    if text is None:
        return None
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(one if "\n  " in f"\n{one}" else one.replace("\n", " ") for one in paragraphs)
