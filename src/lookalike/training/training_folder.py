"""The folder beside the model-to-be in which an interrupted training waits, and what it was begun with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from lookalike.atomic_files import make_folders
from lookalike.datasets import PictureSet
from lookalike.errors import ArtefactError, StorageError
from lookalike.training.checkpoint import load_checkpoint, save_checkpoint
from lookalike.training.interrupted_training import refuse_foreign, state_to_resume
from lookalike.training.known_pictures import KnownPictures, picture_digests
from lookalike.training.recipe import Recipe
from lookalike.training.training_state import TrainingState

__all__ = ["TrainingFolder"]


class TrainingFolder:
    """Holds one checkpoint, which belongs to one recipe and one set of pictures.

    Nothing on the disk is changed before `open`.

    Args:
        path: of the folder; it need not exist.
        recipe: that is trained by.
        resume: go on from the checkpoint, if there is one.
        restart: throw it away.

    Attributes:
        path: the folder's.
        saved: the JSON part of the checkpoint to go on from; None to start from the beginning.

    Raises:
        StorageError: something else lies in the folder, or it cannot be read.
        ArtefactError: there is a checkpoint and it was not said what to do with it, or it is damaged.
    """

    def __init__(self, path: Path, recipe: Recipe, resume: bool, restart: bool) -> None:
        self.path, self._recipe, self._restart = path, recipe, restart
        self.saved = state_to_resume(path, resume, restart)
        self._known_as = ""

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the folder for a training that runs inside; after an error it stays only if a checkpoint lies in it."""
        refuse_foreign(self.path)  # again: pictures may have been decoded for hours meanwhile
        if self._restart:
            shutil.rmtree(self.path, ignore_errors=True)
        try:
            make_folders(self.path)
        except OSError as error:
            raise StorageError(
                f"{self.path} cannot be made: {error.strerror}; choose a folder you may write to"
            ) from None
        try:
            yield
        except BaseException:
            if not (self.path / "state.json").exists():
                shutil.rmtree(self.path, ignore_errors=True)
            raise
        shutil.rmtree(self.path, ignore_errors=True)

    def in_first_order(self, pictures: PictureSet, progress: Callable[[int], None]) -> PictureSet:
        """The pictures in the order in which the interrupted training was begun; as they are where there is none.

        Args:
            pictures: those given now, in any order and with any paths.
            progress: called with the number of pictures compared since the last call.

        Raises:
            ArtefactError: it was begun with another recipe, or with other pictures.
        """
        if self.saved is None:
            return pictures
        if "digest" in self.saved:  # format 1
            if self.saved["digest"] != _digest_of_paths(self._recipe, pictures):
                raise ArtefactError(
                    f"the training in {self.path} had another recipe or other pictures, or these from another folder "
                    "(an older Lookalike began it, which knew pictures by their paths); give those again, or drop it "
                    "with --restart"
                )
            return pictures
        now, then = _digests_of_entries(self._recipe), self.saved["recipe"]
        changed = sorted(name for name in {*now, *then} if now.get(name) != then.get(name))
        if changed:
            raise ArtefactError(
                f"the training in {self.path} had another recipe ({', '.join(changed)}); give that again, or drop it "
                "with --restart"
            )
        known = KnownPictures.read(self.path, self.saved["pictures"])
        return known.in_order(pictures, picture_digests(pictures.paths, progress), self.path)

    def load(self, module: nn.Module, optimizer: Optimizer, state: TrainingState) -> None:
        """Load the checkpoint, if there is one; an `ArtefactError` where it does not fit."""
        if self.saved is not None:
            load_checkpoint(self.path, module, optimizer, self.saved)
            state.restore(self.saved)

    def save(self, module: nn.Module, optimizer: Optimizer, state: TrainingState, known: KnownPictures) -> None:
        """Write a checkpoint in the place of the one before; a `StorageError` leaves that one whole."""
        self._known_as = self._known_as or known.write(self.path)  # once: it may be tens of megabytes
        identity = {"recipe": _digests_of_entries(self._recipe), "pictures": self._known_as}
        save_checkpoint(self.path, module, optimizer, state.to_json() | identity)


def _digests_of_entries(recipe: Recipe) -> dict[str, str]:
    """A digest of each entry of a recipe, by which a checkpoint tells whether it is the same and what is not."""
    content = recipe.model_dump(mode="json")
    return {name: hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16] for name, value in content.items()}


def _digest_of_paths(recipe: Recipe, pictures: PictureSet) -> str:
    """What a checkpoint of format 1 knew recipe and pictures by."""
    content = [recipe.model_dump(mode="json"), [[str(path) for path in pictures.paths], pictures.identities]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
