"""What a service is told: one TOML file, and environment variables that begin with `LOOKALIKE_SERVICE_`."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lookalike.errors import InputError

__all__ = ["VARIABLE_PREFIX", "ServiceSettings"]

VARIABLE_PREFIX = "LOOKALIKE_SERVICE_"

#: Hosts that only this machine reaches.
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

#: Of map tiles: scheme, host and port, after `{s}.` where one of several hosts is taken.
_TILES = re.compile(r"(?P<scheme>https?://)(?P<several>\{s\}\.)?(?P<host>[A-Za-z0-9.-]+(:\d{1,5})?)/[!-~]*")


class ServiceSettings(BaseSettings):
    """Settings of `lookalike serve`. What the program gives goes before the environment, and that before the file.

    Attributes:
        model: a model folder, an ONNX file, or a pretrained model's name.
        gallery: its address: a folder, which is made where it is not there, or `milvus://host:19530/name`.
        calibration: a `calibration.json` in place of the model's own.
        fpir: of people: name at most this share of strangers, whatever the size of the gallery; by default the
            calibration's own rule.
        threshold: of people: a distance up to which pictures match, in place of a measured one.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
        device: `auto`, `cpu`, `cuda` or `mps`.
        host: address that is listened on; by default only this machine reaches it.
        port: TCP port; 0 for a free one.
        allowed_hosts: names under which the service may be asked (the header `Host`), `*` for any. By default those of
            this machine where `host` is a loopback address, so that no web page elsewhere can ask in its visitors'
            name; any where it is not.
        keys: the file of the API keys, hashed; by default `api-keys.json` in `state`.
        data: labelled pictures that jobs may use, by name: what `lookalike evaluate` takes as DATA.
        models: models that jobs may use, by name.
        state: a folder for what the service keeps: keys, jobs; by default `NAME.service` beside the gallery.
        console: whether pages for the browser are at `/console`; only with one worker, for a page's connection has to
            stay with the process that made it.
        map_tiles: address of map tiles for the console's maps, such as `https://tiles.example.org/{z}/{x}/{y}.png`; by
            default they show outlines of land that come with the program, and browsers ask nobody else.
        workers: processes that answer.
        threads: requests that are worked on at once, in each process.
        queue: requests that wait beside them in each process; further ones are answered with 503.
        decoders: processes that decode pictures, for each worker.
        decode_seconds: a picture may take so long to be decoded.
        decode_memory: bytes of memory that a decoding process may have.
        request_seconds: a request may take so long to be answered.
        upload_seconds: its body may take so long to arrive.
        max_body: bytes of a request.
        max_pictures: in one request.
        max_pixels: of a picture.
        rate: requests a minute of one key, in each process; 0 for no limit.
        shutdown_seconds: so long the service finishes what it accepted.
        log_format: `json`, one object a line, or `text`.
    """

    model_config = SettingsConfigDict(env_prefix=VARIABLE_PREFIX, extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(default="dlib", min_length=1)
    gallery: str = Field(default="people.gallery", min_length=1)
    calibration: Path | None = None
    fpir: Annotated[float, Field(gt=0, lt=1)] | None = None
    threshold: float | None = None
    cropped: bool = False
    device: str = "auto"
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8765, ge=0, le=65_535)
    allowed_hosts: tuple[str, ...] = ()
    data: dict[str, str] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)
    keys: Path | None = None
    state: Path | None = None
    console: bool = True
    map_tiles: str | None = None
    workers: int = Field(default=1, ge=1, le=256)
    threads: int = Field(default=4, ge=1, le=256)
    queue: int = Field(default=64, ge=0, le=100_000)
    decoders: int = Field(default=2, ge=1, le=64)
    decode_seconds: float = Field(default=10, gt=0, le=600)
    decode_memory: int = Field(default=2 * 2**30, ge=2**28)
    request_seconds: float = Field(default=30, gt=0, le=3600)
    upload_seconds: float = Field(default=30, gt=0, le=3600)
    max_body: int = Field(default=32 * 2**20, ge=1024, le=2**30)
    max_pictures: int = Field(default=16, ge=1, le=1000)
    max_pixels: int = Field(default=40_000_000, ge=1, le=64_000_000)
    rate: int = Field(default=6000, ge=0)
    shutdown_seconds: float = Field(default=30, gt=0, le=3600)
    log_format: Literal["json", "text"] = "text"

    @classmethod
    def load(cls, file: str | Path | None = None, **given: Any) -> ServiceSettings:
        """Read the settings.

        Args:
            file: a TOML file whose keys are the attributes.
            **given: what the command line was told; None where it was told nothing.

        Raises:
            InputError: the file is missing or no TOML, a name is unknown, or a value is out of range.

        Example:
            >>> ServiceSettings.load(port=9000).port
            9000
        """
        told = {name: value for name, value in given.items() if value is not None}
        written = {} if file is None else _read(Path(file))
        # pydantic-settings lets what is given go before the environment: of the file only what neither says is given.
        from_environment = {name for name in cls.model_fields if f"{VARIABLE_PREFIX}{name}".upper() in _environment()}
        kept = {name: value for name, value in written.items() if name not in from_environment}
        try:
            return cls(**{**kept, **told})
        except ValidationError as error:
            raise InputError(_said(error, file)) from None

    @field_validator("map_tiles")
    @classmethod
    def _is_of_tiles(cls, given: str | None) -> str | None:
        if given is not None and not (_TILES.fullmatch(given) and all(part in given for part in ("{z}", "{x}", "{y}"))):
            raise ValueError(
                "expected an address with {z}, {x} and {y}, such as https://tiles.example.org/{z}/{x}/{y}.png"
            )
        return given

    @property
    def map_tiles_from(self) -> str:
        """Scheme, host and port of the map tiles as policies of pages name them; empty where there are none."""
        found = _TILES.fullmatch(self.map_tiles or "")
        return f"{found['scheme']}{'*.' if found['several'] else ''}{found['host']}" if found else ""

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can ask."""
        return self.host in _LOOPBACK

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which the service may be asked."""
        return self.allowed_hosts or ((*_LOOPBACK, "[::1]") if self.on_loopback else ("*",))

    @property
    def state_folder(self) -> Path:
        """Where the service keeps its own files."""
        if self.state is not None:
            return self.state.expanduser()
        if "://" in self.gallery:
            return Path("lookalike.service")
        gallery = Path(self.gallery).expanduser()
        return gallery.with_name(gallery.name.removesuffix(".gallery") + ".service")

    @property
    def keys_file(self) -> Path:
        """Where the API keys are."""
        return self.state_folder / "api-keys.json" if self.keys is None else self.keys.expanduser()


def _environment() -> set[str]:
    return {name.upper() for name in os.environ}


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return tomllib.load(opened)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; give a TOML file of settings") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no TOML ({error}); see docs/service.md") from None


def _said(error: ValidationError, file: str | Path | None) -> str:
    """The first thing that is wrong, and how many more."""
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"])) or "settings"
    where = "" if file is None else f"{file}: "
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(ServiceSettings.model_fields))
        return f"{where}there is no setting {name!r}; there are {known}"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}{name} is {first['input']!r}: {message[0].lower()}{message[1:]}{more}"
