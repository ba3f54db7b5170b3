"""Options that several verbs share, spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.errors import InputError

__all__ = [
    "AsJson",
    "CalibrationFile",
    "Cropped",
    "Data",
    "Draw",
    "GalleryPath",
    "Model",
    "Pictures",
    "Recipe",
    "Rerank",
    "Scales",
    "SkipBad",
    "TargetFmr",
    "ThresholdDistance",
    "given",
    "refuse_given",
]

Data = Annotated[
    str, typer.Argument(help="Folder with a subfolder per identity, a CSV of path,identity, or bundled:orl.")
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        envvar="LOOKALIKE_MODEL",
        help="A model folder, dlib (pretrained faces), or efficientnet_lite0 (pretrained features).",
    ),
]
#: Text, for a `Path` would make "milvus:/host" of "milvus://host".
GalleryPath = Annotated[str, typer.Option("--gallery", "-g", envvar="LOOKALIKE_GALLERY", help="The gallery's folder.")]
CalibrationFile = Annotated[
    Path | None,
    typer.Option("--calibration", help="A calibration.json of lookalike evaluate, in place of the model's own."),
]
Recipe = Annotated[
    str | None, typer.Option("--recipe", help="landmarks: places, not people; a gallery that holds places says so.")
]
Rerank = Annotated[
    bool, typer.Option("--rerank/--no-rerank", help="Landmarks: let the nearest enrolled photos have a say.")
]
Scales = Annotated[
    str | None,
    typer.Option("--scales", help="Embed at several sizes and add, such as 0.7,1,1.4; the same whenever it is used."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be used, and say so.")]
Pictures = Annotated[
    list[str],
    typer.Argument(help='Pictures, folders of them, patterns such as "photos/*.jpg", or - for one on standard input.'),
]
Draw = Annotated[
    Path | None, typer.Option("--draw", help="A folder for copies of the pictures with boxes and names drawn.")
]
Cropped = Annotated[
    bool,
    typer.Option("--cropped", help="Pictures are face crops: where no face is found, take the whole picture."),
]
ThresholdDistance = Annotated[
    float | None, typer.Option("--threshold", help="Match up to this distance, not the model's measured one.")
]
TargetFmr = Annotated[float | None, typer.Option("--fmr", help="Use the threshold measured for this false match rate.")]


def given(context: typer.Context, parameter: str) -> bool:
    """Whether an option was given on the command line, its default value included; not by the environment.

    Args:
        context: of the verb that is run.
        parameter: the name of the verb's argument in Python, such as `non_landmarks`.
    """
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def refuse_given(context: typer.Context, *parameters: str, why: str) -> None:
    """Refuse options that would do nothing.

    Args:
        context: of the verb that is run.
        *parameters: their names in Python.
        why: what the message says after the option.

    Raises:
        InputError: one of them was given, whatever its value.
    """
    spelled = {str(one.name): max(one.opts, key=len) for one in context.command.params}
    for parameter in parameters:
        if given(context, parameter):
            raise InputError(f"{spelled[parameter]} {why}")
