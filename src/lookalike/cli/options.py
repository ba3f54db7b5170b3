"""Options that several verbs share, spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "CalibrationFile",
    "Cropped",
    "Data",
    "GalleryPath",
    "Model",
    "Recipe",
    "Rerank",
    "Scales",
    "SkipBad",
    "TargetFmr",
    "ThresholdDistance",
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
Cropped = Annotated[
    bool,
    typer.Option("--cropped", help="Pictures are face crops: where no face is found, take the whole picture."),
]
ThresholdDistance = Annotated[
    float | None, typer.Option("--threshold", help="Match up to this distance, not the model's measured one.")
]
TargetFmr = Annotated[float | None, typer.Option("--fmr", help="Use the threshold measured for this false match rate.")]
