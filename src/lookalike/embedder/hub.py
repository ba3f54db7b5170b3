"""Models of the Hugging Face hub: `hf://user/model`, a model folder of ours or an ONNX file with its card.

Only files that are read as data are fetched: safetensors, ONNX, TOML, JSON and npy. They are kept in the hub's cache
(`HF_HOME`), and used from there when the hub cannot be reached. `hf://user/model@REVISION` takes a branch, a tag or a
commit; only a commit never changes.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from lookalike.errors import InputError, MissingDependencyError

__all__ = ["SCHEME", "HubAddress", "model_from_hub", "model_in", "models_in_cache"]

SCHEME: Final = "hf://"
#: What a model folder must hold, and what it may.
_FOLDER: Final = ("model.toml", "weights.safetensors")
_FOLDER_MAY: Final = ("calibration.json", "seen_non_landmarks.npy")
#: What may lie beside an ONNX file, in the place of its ending.
_BESIDE_ONNX: Final = (".toml", ".calibration.json", ".onnx.data", ".onnx_data")

Found = TypeVar("Found")


@dataclass(frozen=True)
class HubAddress:
    """Where a model is on the hub.

    Attributes:
        repository: `user/model`.
        file: an ONNX file in it; empty for the only one, or for a model folder.
        revision: a branch, tag or commit; None for the newest.

    Example:
        >>> HubAddress.parse("hf://ada/faces/small.onnx@v1")
        HubAddress(repository='ada/faces', file='small.onnx', revision='v1')
    """

    repository: str
    file: str = ""
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubAddress:
        """Read `hf://user/model`, with `/FILE.onnx` and `@REVISION` where they are given.

        Raises:
            InputError: it is no such address.
        """
        path, at, revision = text.removeprefix(SCHEME).partition("@")
        user, _, rest = path.strip("/").partition("/")
        name, _, file = rest.partition("/")
        if not (user and name) or (at and not revision) or (file and not file.endswith(".onnx")):
            raise InputError(
                f"{text} is no model of the hub; give hf://user/model, hf://user/model/FILE.onnx where it holds "
                "several, and @REVISION for a certain one"
            )
        return cls(f"{user}/{name}", file, revision or None)

    def __str__(self) -> str:
        file, revision = (f"/{self.file}" if self.file else ""), (f"@{self.revision}" if self.revision else "")
        return f"{SCHEME}{self.repository}{file}{revision}"


def model_from_hub(text: str) -> Path:
    """Fetch a model from the hub, or find it in the cache.

    Args:
        text: `hf://user/model`, with `/FILE.onnx` and `@REVISION` where they are wanted.

    Returns:
        A model folder, or an ONNX file.

    Raises:
        InputError: no address, nothing there that can be used, or no way to the hub and nothing in the cache.

    Example:
        >>> model_from_hub("hf://ada/faces").name    # doctest: +SKIP
        'faces.onnx'
    """
    address = HubAddress.parse(text)
    hub = _hub()
    # One question, asked once: listing files is tried six times, for half a minute, where there is no connection.
    answer: Any = _asked(address, lambda: hub.HfApi().model_info(address.repository, revision=address.revision))
    if answer is None:
        return _from_cache(address, hub)
    files = [one.rfilename for one in answer.siblings]
    model = model_in(files, address)
    if not model:
        return _fetched(address, hub, [name for name in (*_FOLDER, *_FOLDER_MAY) if name in files])
    stem = model.removesuffix(".onnx")
    folder = _fetched(address, hub, [model, *_beside(model, files)])
    detector = _detector_of(folder / f"{stem}.toml")
    if detector:
        there = str(PurePosixPath(model).parent / detector)
        _fetched(address, hub, [there, *_beside(there, files)])
    return folder / model


def model_in(files: Iterable[str], address: HubAddress) -> str:
    """Which of a repository's files is the model.

    Args:
        files: paths in it.
        address: for the message, and the file that it names.

    Returns:
        An ONNX file; empty where the repository is a model folder.

    Raises:
        InputError: there is none, or more than one.

    Example:
        >>> model_in(["README.md", "net.onnx", "net.toml"], HubAddress("ada/faces"))
        'net.onnx'
    """
    found = sorted(files)
    if address.file:
        if address.file not in found:
            raise InputError(f"{address.repository} has no file {address.file}; it holds {_listed(found)}")
        return address.file
    if all(name in found for name in _FOLDER):
        return ""
    networks = [name for name in found if name.endswith(".onnx")]
    with_card = [name for name in networks if name.removesuffix(".onnx") + ".toml" in found]
    chosen = with_card or networks
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise InputError(
            f"{address} holds {_listed(chosen)}; name one, such as {SCHEME}{address.repository}/{chosen[0]}"
        )
    raise InputError(
        f"{address} holds neither a model folder of Lookalike ({', '.join(_FOLDER)}) nor an ONNX file with its card; "
        f"it holds {_listed(found)}, and what must be unpickled is never loaded"
    )


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise MissingDependencyError(
            "models of the hub need huggingface_hub, which is not installed; pip install huggingface_hub"
        ) from None
    return huggingface_hub


def _beside(onnx: str, files: list[str]) -> list[str]:
    """What belongs to an ONNX file: its card, thresholds and weights."""
    named = [onnx.removesuffix(".onnx") + ending for ending in _BESIDE_ONNX]
    return [name for name in named if name in files]


def _fetched(address: HubAddress, hub: Any, files: list[str]) -> Path:
    """The folder of the repository in the cache, with these files."""
    folder = Path()
    for name in files:

        def fetch(name: str = name) -> str:
            path: str = hub.hf_hub_download(address.repository, name, revision=address.revision)
            return path

        found = _asked(address, fetch)
        if found is None:
            raise InputError(f"{name} of {address} could not be fetched: the connection was lost, or the disk is full")
        folder = Path(found.removesuffix(name))
    return folder


def _asked(address: HubAddress, ask: Callable[[], Found]) -> Found | None:
    """The hub's answer; None where it cannot be reached.

    Raises:
        InputError: it was reached, and refuses.
    """
    from huggingface_hub import errors

    name = address.repository
    try:
        return ask()
    except errors.GatedRepoError:
        raise InputError(
            f"{name} is gated: ask for access on its page on the hub, then log in: hf auth login"
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{name} has no revision {address.revision}; leave out @{address.revision}") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"the hub has no model {name}, or it is private; check the name, or log in: hf auth login"
        ) from None
    except errors.HFValidationError as error:
        raise InputError(f"{address} is no model of the hub: {' '.join(str(error).split())}") from None
    except errors.RemoteEntryNotFoundError as error:
        raise InputError(f"{name} lacks a file that its card names: {' '.join(str(error).split())}") from None
    except errors.HfHubHTTPError as error:
        if error.response is not None and error.response.status_code < 500:
            raise InputError(f"the hub refuses {address}: {' '.join(str(error).split())}") from None
        return None
    except (OSError, _unreachable()):  # HF_HUB_OFFLINE, or no connection
        return None


def _unreachable() -> type[Exception]:
    """What the hub's HTTP library raises where there is no connection: root of the hub's own HTTP errors."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(one for one in HfHubHTTPError.__mro__[1:] if one.__name__ == "HTTPError")


def _from_cache(address: HubAddress, hub: Any) -> Path:
    folder = _cached_folder(address, hub)
    files = [str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()]
    return folder / model_in(files, address)


def _cached_folder(address: HubAddress, hub: Any) -> Path:
    from huggingface_hub import errors

    try:
        return Path(hub.snapshot_download(address.repository, revision=address.revision, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        offline = "HF_HUB_OFFLINE is set" if os.environ.get("HF_HUB_OFFLINE") else "the hub cannot be reached"
        raise InputError(f"{offline}, and {address} is not in its cache; connect once (it is kept)") from None


def _detector_of(card: Path) -> str:
    """The detector that a card names; a card that cannot be read is refused when the model is loaded."""
    try:
        return str(tomllib.loads(card.read_text("utf-8")).get("detector", ""))
    except (OSError, ValueError):
        return ""


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown or "nothing"


def models_in_cache() -> list[tuple[str, Path]]:
    """Models of the hub that are in its cache: what `Embedder.load` takes, and their folder or ONNX file.

    Networks of timm are among them, as `timm:NAME`, with the file of their weights. Asks nothing of the hub.

    Example:
        >>> models_in_cache()    # doctest: +SKIP
        [('hf://ada/faces', PosixPath('.../snapshots/0123/net.onnx'))]
    """
    hub = _hub()
    try:
        cached = hub.scan_cache_dir(hub.constants.HF_HUB_CACHE)
    except hub.CacheNotFound:
        return []
    found = []
    for one in cached.repos:
        if one.repo_type != "model" or not one.revisions:
            continue
        latest = max(one.revisions, key=lambda revision: revision.last_modified)
        folder, address = latest.snapshot_path, HubAddress(one.repo_id)
        files = [str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()]
        if one.repo_id.startswith("timm/") and "model.safetensors" in files:
            found.append((f"timm:{one.repo_id.removeprefix('timm/')}", folder / "model.safetensors"))
            continue
        if all(name in files for name in _FOLDER):
            found.append((str(address), folder))
            continue
        with_card = [name for name in files if name.endswith(".onnx") and name.removesuffix(".onnx") + ".toml" in files]
        for name in with_card:
            exact = address if len(with_card) == 1 else HubAddress(one.repo_id, name)
            found.append((str(exact), folder / name))
    return sorted(found)
