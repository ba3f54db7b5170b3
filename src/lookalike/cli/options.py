"""Options that several verbs share, spelled and explained once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.errors import InputError

__all__ = [
    "AsJson",
    "CalibrationFile",
    "ClassesAt",
    "Cropped",
    "Data",
    "Detector",
    "Device",
    "Draw",
    "GalleryPath",
    "Model",
    "ModelOfService",
    "Pictures",
    "Precision",
    "Recipe",
    "Rerank",
    "Scales",
    "SkipBad",
    "SmallestFace",
    "Tag",
    "TargetFmr",
    "TargetFpir",
    "ThresholdDistance",
    "Where",
    "given",
    "refuse_given",
]

Data = Annotated[
    str, typer.Argument(help="Folder with a subfolder per identity, a CSV of path,identity, or bundled:orl.")
]
ClassesAt = Annotated[
    int | None,
    typer.Option(
        "--classes-at",
        min=1,
        metavar="DEPTH",
        help="Which folders of DATA are identities: 1, those in it; 2, those in these (DATA/group/identity/x.jpg).",
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        envvar="LOOKALIKE_MODEL",
        metavar="MODEL",
        help="A folder that lookalike train wrote, dlib (faces, pretrained), efficientnet_lite0 (places and things, "
        "pretrained), net.onnx, timm:NAME or hf://user/model; see lookalike models.",
    ),
]
ModelOfService = Annotated[
    str | None,
    typer.Option("--model", "-m", help="A model folder, an ONNX file, or a pretrained model.", show_default="dlib"),
]
#: Text, for a `Path` would make "milvus:/host" of "milvus://host".
GalleryOfService = Annotated[
    str | None,
    typer.Option(
        "--gallery",
        "-g",
        envvar="LOOKALIKE_GALLERY",
        metavar="FOLDER",
        help="The service's gallery.",
        show_default="people.gallery",
    ),
]
GalleryPath = Annotated[
    str,
    typer.Option("--gallery", "-g", envvar="LOOKALIKE_GALLERY", metavar="FOLDER", help="The gallery: who is known."),
]
CalibrationFile = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="A calibration.json that lookalike evaluate wrote, in place of the model's own.",
    ),
]
#: Of verbs that answer again and again.
TargetFpir = Annotated[
    float | None,
    typer.Option("--fpir", help="Name at most this share of strangers, whatever the size of the gallery."),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="landmarks",
        help="These are places, not people. A gallery that holds places says so itself.",
    ),
]
Rerank = Annotated[
    bool,
    typer.Option("--rerank/--no-rerank", help="Whether the nearest enrolled photos help to tell which place it is."),
]
Scales = Annotated[
    str | None,
    typer.Option(
        "--scales",
        metavar="SIZES",
        help="Embed every picture at several sizes, such as 0.7,1,1.4, and add the vectors. The same sizes for enroll "
        "and identify.",
    ),
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
Device = Annotated[
    str, typer.Option("--device", metavar="NAME", help="Where the network runs: auto (GPU or CPU), cpu, cuda or mps.")
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision", metavar="TYPE", help="float32; bfloat16 or float16 are faster on GPUs (PyTorch networks)."
    ),
]
Detector = Annotated[
    Path | None,
    typer.Option(
        "--detector", metavar="FILE", help="An ONNX file that finds the faces, for an ONNX model or for detect."
    ),
]
SmallestFace = Annotated[
    int,
    typer.Option(
        "--smallest-face",
        min=0,
        metavar="PIXELS",
        help="Leave out faces less than so many pixels wide: large pictures are then looked at faster.",
    ),
]
ThresholdDistance = Annotated[
    float | None,
    typer.Option(
        "--threshold", metavar="DISTANCE", help="Match up to this distance, in place of the model's measured threshold."
    ),
]
TargetFmr = Annotated[
    float | None,
    typer.Option(
        "--fmr",
        metavar="RATE",
        help="Use the threshold at which this share of pairs of different people match, such as 0.001.",
    ),
]
Tag = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        help="Added to everybody enrolled, such as site=Berlin; lists and searches can be limited to it (--where).",
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only people with this tag, such as site=Berlin; several values of one key: one of them.",
    ),
]


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
