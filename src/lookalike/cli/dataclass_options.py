"""A verb whose options are one dataclass: the workflow's own, with its defaults; here only how each is spelled."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["options_from"]


def options_from(options: type, **spelled: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give Typer a verb `run(options, ...)` as a function with one parameter for each field of a dataclass.

    Defaults are the dataclass's: they stand in one place. Parameters of `run` besides `options`, such as `context` and
    `as_json`, are passed as they are.

    Args:
        options: a dataclass, all of whose fields are keywords.
        **spelled: what Typer is told of each field: `Annotated[type, typer.Option(...)]`. A field that is not named is
            not for the command line, and keeps its default.

    Raises:
        TypeError: something is spelled that is no field, or a field without a default is not.

    Example:
        >>> @options_from(EmbedOptions, data=Data, model=Model)    # doctest: +SKIP
        ... def embed(options: EmbedOptions, as_json: AsJson = False) -> None: ...
    """
    fields = {field.name: field for field in dataclasses.fields(options)}
    if unknown := sorted(set(spelled) - set(fields)):
        raise TypeError(f"{options.__name__} has no field {', '.join(unknown)}")
    if missing := [
        name for name, one in fields.items() if name not in spelled and _default(one) is inspect.Parameter.empty
    ]:
        raise TypeError(f"{options.__name__} needs {', '.join(missing)}; say how it is spelled")

    def decorate(run: Callable[..., None]) -> Callable[..., None]:
        given = list(inspect.signature(run, eval_str=True).parameters.values())
        further = [one.replace(kind=one.KEYWORD_ONLY) for one in given if one.name != "options"]
        asked = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_default(fields[name]), annotation=how)
            for name, how in spelled.items()
        ]

        @functools.wraps(run)
        def verb(**values: Any) -> None:
            run(options=options(**{name: values.pop(name) for name in spelled}), **values)

        # What `functools.wraps` copied names the parameters of `run`.
        verb.__annotations__ = {one.name: one.annotation for one in (*asked, *further)}
        verb.__signature__ = inspect.Signature([*asked, *further])  # type: ignore[attr-defined]
        del verb.__wrapped__
        return verb

    return decorate


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
