"""The model that a workflow is told to use: loaded, with its scales and its calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lookalike.embedder import Embedder
from lookalike.embedder.deferred_network import DeferredNetwork
from lookalike.embedder.loading import PRETRAINED
from lookalike.errors import InputError
from lookalike.workflows.model_run_options import ModelRunOptions

__all__ = ["at_scales", "load_model"]

#: How a model runs where nothing else is asked for.
DEFAULTS = ModelRunOptions()


def load_model(
    model: str | Path,
    *,
    cropped: bool = False,
    scales: str | Sequence[float] | None = None,
    calibration: Path | None = None,
    run: ModelRunOptions | None = None,
) -> Embedder:
    """Load a model; the network of a model folder when its first picture is embedded (`DeferredNetwork`).

    Args:
        model: a model folder, an ONNX file, an address of the hub, or a pretrained model's name.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        scales: sizes at which every picture is embedded; see `at_scales`.
        calibration: a `calibration.json` in place of the model's own.
        run: on which device, in which precision and with which detector.

    Raises:
        ArtefactError: there is no such model or calibration, or it is damaged.
        FingerprintError: the calibration was measured with another model.
        InputError: scales that are none, or that the model does not know; a device that is not there.
    """
    how = run or ModelRunOptions()
    # A device or a detector that is not there is refused now, by loading the model.
    usual = (how.device, how.precision, how.detector) == (DEFAULTS.device, DEFAULTS.precision, DEFAULTS.detector)

    def load() -> Embedder:
        return Embedder.load(model, cropped or None, device=how.device, precision=how.precision, detector=how.detector)

    if usual and scales is None and str(model) not in PRETRAINED and Path(model).is_dir():
        embedder: Embedder = DeferredNetwork(Path(model), load, cropped or None)
    else:
        embedder = at_scales(load(), scales)
    if calibration is not None:
        embedder.use_calibration(calibration)
    return embedder


def at_scales(embedder: Embedder, scales: str | Sequence[float] | None) -> Embedder:
    """The embedder that embeds every picture at several sizes.

    Args:
        embedder: of a trained network.
        scales: factors of the picture's size, as numbers or as the text `"0.7,1,1.4"`; None for the model's own.

    Raises:
        InputError: not numbers, or a model that knows no scales.
    """
    if scales is None:
        return embedder
    from lookalike.embedder.network import NetworkEmbedder  # torch, which not every model needs

    try:
        wanted = [float(factor) for factor in (scales.split(",") if isinstance(scales, str) else scales)]
    except (TypeError, ValueError):
        raise InputError(f"--scales is {scales!r}; give factors of the size with commas, such as 0.7,1,1.4") from None
    if not isinstance(embedder, NetworkEmbedder):
        raise InputError(f"model {embedder.name} embeds at one scale; leave out --scales, or give a trained network")
    return embedder.at_scales(wanted)
