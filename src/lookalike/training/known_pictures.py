"""Which pictures a training was begun with, by their contents and identities, so that it goes on with these alone.

A picture's path does not matter: a folder may be moved, renamed or listed in another
order, and a resumed training still shows the pictures in the order in which it was begun. What is compared is a digest
of every file's whole contents. It is computed when the picture is decoded, and takes a few percent of that time.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lookalike.atomic_files import write_atomically
from lookalike.datasets import NON_LANDMARK, PictureSet
from lookalike.embedder.trained_pictures import TrainedPictures, content_digest
from lookalike.errors import ArtefactError, ImageError
from lookalike.images import picture_bytes

__all__ = ["FILE_NAME", "KnownPictures", "picture_digest", "picture_digests"]

#: In the training folder, beside the checkpoint.
FILE_NAME = "pictures.json"
#: Of a file that cannot be read. Such a picture is left out, or training is refused.
UNREADABLE = ""


def picture_digest(path: Path) -> str:
    """128 bits of BLAKE2b of a file's contents, in hexadecimal; empty where it cannot be read as a picture file."""
    try:
        return content_digest(picture_bytes(path)).hex()
    except ImageError:
        return UNREADABLE


def picture_digests(paths: Sequence[Path], progress: Callable[[int], None] | None = None) -> tuple[str, ...]:
    """`picture_digest` of every file, in two threads.

    Args:
        paths: the files.
        progress: called with the number of files finished since the last call.
    """
    found: list[str] = []
    with ThreadPoolExecutor(2, thread_name_prefix="digest") as pool:
        for start in range(0, len(paths), 256):
            some = paths[start : start + 256]
            found += pool.map(picture_digest, some)
            if progress:
                progress(len(some))
    return tuple(found)


@dataclass(frozen=True)
class KnownPictures:
    """The pictures of a training, in the order in which it was begun.

    Attributes:
        digests: of every picture, `picture_digest` of its file.
        identities: of every picture.
    """

    digests: tuple[str, ...]
    identities: tuple[str, ...]

    def trained(self) -> TrainedPictures:
        """What the model's folder keeps of them: of every file that could be read, and of every identity."""
        contents = [bytes.fromhex(digest) for digest in self.digests if digest != UNREADABLE]
        return TrainedPictures.of(contents, [name for name in self.identities if name != NON_LANDMARK])

    def write(self, folder: Path) -> str:
        """Write `FILE_NAME` into a training folder, unless it is there; returns what a checkpoint refers to it by.

        Raises:
            StorageError: the disk is full or read-only.
        """
        content = self._content()
        path = folder / FILE_NAME
        if not path.is_file() or path.read_bytes() != content:
            write_atomically(path, content)
        return hashlib.sha256(content).hexdigest()

    @classmethod
    def read(cls, folder: Path, reference: str) -> KnownPictures:
        """Read what `write` wrote.

        Raises:
            ArtefactError: it is missing or damaged.
        """
        path = folder / FILE_NAME
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read: {error.strerror}; start over with --restart") from None
        if hashlib.sha256(content).hexdigest() != reference:
            raise ArtefactError(f"{path} is damaged; start over with --restart")
        held = json.loads(content)
        return cls(tuple(held["digests"]), tuple(held["names"][at] for at in held["labels"]))

    def in_order(self, pictures: PictureSet, digests: Sequence[str], where: Path) -> PictureSet:
        """The same pictures in the order of this training.

        Args:
            pictures: those given now, in any order and with any paths.
            digests: `picture_digests` of them.
            where: the training folder, for the message.

        Raises:
            ArtefactError: they are not the same; says how many were added, removed or renamed, and names one of each.
        """
        then = list(zip(self.digests, self.identities, strict=True))
        now = list(zip(digests, pictures.identities, strict=True))
        if now == then:
            return pictures
        # Sorted alike, equal pictures stand at equal ranks; copies of one picture keep their order.
        ranks_then, ranks_now = (sorted(range(len(keys)), key=keys.__getitem__) for keys in (then, now))
        if [then[at] for at in ranks_then] != [now[at] for at in ranks_now]:
            raise ArtefactError(
                f"the training in {where} had other pictures: {_difference(then, now, pictures)}; "
                "give those again, or drop it with --restart"
            )
        order = [0] * len(then)
        for at_then, at_now in zip(ranks_then, ranks_now, strict=True):
            order[at_then] = at_now
        return replace(pictures.select(order), notes=pictures.notes)

    def _content(self) -> bytes:
        names = sorted(set(self.identities))
        number = {name: at for at, name in enumerate(names)}
        held = {
            "format_version": 1,
            "names": names,
            "labels": [number[name] for name in self.identities],
            "digests": self.digests,
        }
        return json.dumps(held).encode()


def _difference(then: Iterable[tuple[str, str]], now: Iterable[tuple[str, str]], pictures: PictureSet) -> str:
    """What changed, in words: the same contents under another identity, new pictures, and some that are gone.

    Args:
        then: digest and identity of every picture at first.
        now: of every one of `pictures`.
        pictures: those given now.
    """
    missing, more = Counter(then), []
    for position, key in enumerate(now):
        if missing[key] > 0:
            missing[key] -= 1
        else:
            more.append((position, key))
    before: defaultdict[str, deque[str]] = defaultdict(deque)
    for digest, identity in missing.elements():
        before[digest].append(identity)
    renamed: list[str] = []
    added: list[str] = []
    for position, (digest, identity) in more:
        path = pictures.paths[position]
        if before[digest]:
            renamed.append(f"{path}, of {before[digest].popleft()!r} before and of {identity!r} now")
        else:
            added.append(f"{path} of {identity!r}")
    gone = [identity for identities in before.values() for identity in identities]
    parts = []
    if renamed:
        parts.append(f"{len(renamed)} have another identity, such as {renamed[0]}")
    if added:
        parts.append(f"{len(added)} are new or changed, such as {added[0]}")
    if gone:
        parts.append(f"{len(gone)} are missing or changed, such as one of {min(gone)!r}")
    return ", ".join(parts)
