"""Do two pictures show the same identity?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.recognizer import Verified

__all__ = ["VerifyOptions", "verify"]


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(ModelRunOptions):
    """Which pictures, and what decides.

    Attributes:
        a: one picture.
        b: the other picture.
        model: a model folder, or a pretrained model's name.
        threshold: a distance up to which they match, in place of the model's measured one.
        fmr: the threshold measured for this false match rate.
        calibration: a `calibration.json` in place of the model's own.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
    """

    a: str | Path
    b: str | Path
    model: str | Path
    threshold: float | None = None
    fmr: float | None = None
    calibration: Path | None = None
    cropped: bool = False


def verify(options: VerifyOptions) -> Verified:
    """Decide whether two pictures show the same identity (1:1).

    With a model that is loaded already, the same is `Recognizer(embedder).verify(a, b)`.

    Raises:
        ArtefactError: there is no such model or calibration, or it is of another model.
        InputError: a threshold that is no distance, or a rate that was not measured.
        ImageError: a picture cannot be used; the message names it.

    Example:
        >>> verify(VerifyOptions(a="a.jpg", b="b.jpg", model="dlib")).match    # doctest: +SKIP
        True
    """
    from lookalike.recognizer import Recognizer
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.picture_headers import check_pictures

    check_pictures([options.a, options.b])
    embedder = load_model(options.model, cropped=options.cropped, calibration=options.calibration, run=options)
    return Recognizer(embedder, threshold=options.threshold, target_fmr=options.fmr).verify(options.a, options.b)
