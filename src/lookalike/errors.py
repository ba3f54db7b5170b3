"""Everything Lookalike raises on purpose, as one tree.

::

    LookalikeError
    ├── InputError (also a ValueError)   what the caller handed over cannot be used
    │   ├── ImageError                   bytes that are not a picture we accept
    │   │   └── NoFaceError              a good picture without a usable face
    │   ├── VideoError                   a file or camera that gives no frames
    │   ├── DatasetError                 a folder or list of labelled pictures that cannot be used
    │   └── VectorError                  embeddings, ids or labels of a wrong shape, type or value
    ├── ArtefactError                    a model, vectors, index or gallery on disk is missing or damaged
    │   └── FingerprintError             artefacts of two different models were mixed
    ├── UnknownIdentityError (also a KeyError)   a name the gallery does not hold
    ├── StorageError (also an OSError)   the disk is full, read-only or failing
    ├── MissingDependencyError (also an ImportError)   an extra that is not installed
    ├── ServiceError                     a service refused, or cannot be reached; with status and code
    ├── TrainingDiverged                 the loss became NaN or infinite; says what to change
    └── TrainingInterrupted              training was stopped; says how to go on

Every message says what was given, what was expected and what to do, in one line.
The command line prints that line and exits with `exit_code`.
"""

from __future__ import annotations

__all__ = [
    "ArtefactError",
    "DatasetError",
    "FingerprintError",
    "ImageError",
    "InputError",
    "LookalikeError",
    "MissingDependencyError",
    "NoFaceError",
    "ServiceError",
    "StorageError",
    "TrainingDiverged",
    "TrainingInterrupted",
    "UnknownIdentityError",
    "VectorError",
    "VideoError",
]


class LookalikeError(Exception):
    """Root of the tree; catch this to catch every error Lookalike raises on purpose."""

    exit_code = 2

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class InputError(LookalikeError, ValueError):
    """What the caller handed over cannot be used."""


class ImageError(InputError):
    """Bytes that are not a picture we accept."""


class NoFaceError(ImageError):
    """A good picture, but no face was found in it."""


class VideoError(InputError):
    """A file that is no video we read, or a camera that gives no frames."""


class DatasetError(InputError):
    """A folder or list of labelled pictures that cannot be used."""


class VectorError(InputError):
    """Embeddings, ids or labels of a wrong shape, type or value."""


class ArtefactError(LookalikeError):
    """A model, vectors, index or gallery on disk is missing, damaged or of an unknown version."""


class FingerprintError(ArtefactError):
    """Artefacts of two different models were mixed; the message names both."""


class UnknownIdentityError(LookalikeError, KeyError):
    """A name the gallery does not hold."""


class StorageError(LookalikeError, OSError):
    """The disk is full, read-only or failing; what was there before is unharmed."""


class MissingDependencyError(LookalikeError, ImportError):
    """A feature needs an extra that is not installed; the message names the command."""


class ServiceError(LookalikeError):
    """A Lookalike service refused a request, or cannot be reached.

    Attributes:
        status: of HTTP; 0 where nothing answered.
        code: for programs, such as `no_face`; `unreachable` where nothing answered.
        details: what else the service told.
        request_id: by which the service's log knows the request.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "unreachable",
        details: dict[str, object] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.details, self.request_id = status, code, details or {}, request_id


class TrainingDiverged(LookalikeError):  # noqa: N818 - says what happened
    """The loss became NaN or infinite; the message says what to change."""


class TrainingInterrupted(LookalikeError):  # noqa: N818 - the user's wish, no error
    """Training was stopped by the user; the message says how to go on."""

    exit_code = 130
