"""The names of the rules by which several templates of an identity become one distance; NumPy is not imported here."""

from __future__ import annotations

from typing import Literal, get_args

from lookalike.errors import InputError

__all__ = ["SCORINGS", "TemplateScoring", "checked_scoring"]

#: What each does says `lookalike.decisions.template_scoring`.
TemplateScoring = Literal["nearest", "mean", "set"]
#: The rules, simplest first.
SCORINGS: tuple[TemplateScoring, ...] = get_args(TemplateScoring)


def checked_scoring(rule: object, *others: str) -> TemplateScoring:
    """The rule of that name.

    Args:
        rule: its name.
        others: what else may be asked for in its place, for the message.

    Raises:
        InputError: there is none.

    Example:
        >>> checked_scoring("mean")
        'mean'
    """
    if rule not in SCORINGS:
        raise InputError(f"template scoring {rule!r} is unknown; choose one of {', '.join((*SCORINGS, *others))}")
    return rule
