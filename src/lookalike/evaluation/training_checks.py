"""Pictures and people of an evaluation that the model was trained on, by what its folder keeps of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lookalike.embedder.trained_pictures import TrainedPictures
from lookalike.errors import VectorError
from lookalike.evaluation.data_checks import Finding

__all__ = ["TRAINED", "check_trained"]

#: Kinds of findings that make every figure too good.
TRAINED = ("trained on", "picture trained on")


def check_trained(
    files: Sequence[Path], identities: Sequence[str], trained: TrainedPictures, model: str
) -> list[Finding]:
    """Find pictures that a model was trained on, and other pictures of names that it was trained on.

    Args:
        files: `(n,)` paths.
        identities: `(n,)` whom each shows.
        trained: what the model's folder keeps.
        model: its name, for the texts.

    Returns:
        A warning about pictures, and a note about names: different people may have one name.

    Raises:
        VectorError: not one identity per file.
        ImageError: a file cannot be read.

    Example:
        >>> check_trained([Path("ada.png")], ["Ada"], trained, "model")[0].severity    # doctest: +SKIP
        'warning'
    """
    if len(files) != len(identities):
        raise VectorError(f"{len(files)} files came with {len(identities)} identities; give one each")
    people = np.array(identities, object)
    seen = trained.knows_pictures(files)
    found = []
    if seen.any():
        whose = len(set(people[seen].tolist()))
        found.append(
            Finding(
                "picture trained on",
                "warning",
                f"{seen.sum():,} of {len(files):,} pictures trained {model}, of {whose:,} "
                f"{'identity' if whose == 1 else 'identities'}, such as {files[int(seen.argmax())]}: the figures are "
                "too good; measure on others that it was not trained on",
                tuple(np.flatnonzero(seen).tolist()),
            )
        )
    of_seen = set(people[seen].tolist())
    alike = trained.knows_names(identities) & np.array([one not in of_seen for one in identities], bool)
    if alike.any():
        names = sorted(set(people[alike].tolist()))
        found.append(
            Finding(
                "name trained on",
                "note",
                f"{len(names):,} {'identity bears a name' if len(names) == 1 else 'identities bear names'} that "
                f"{model} was trained on, with other pictures, such as {names[0]!r}: if they are the same people, "
                "figures of them are too good",
                tuple(np.flatnonzero(alike).tolist()),
            )
        )
    return found
