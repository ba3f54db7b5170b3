"""From which picture a template is embedded again: one that the gallery keeps, one that is given, or its source."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.datasets import PictureSet
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.gallery.model_upgrade import ModelUpgrade, WaitingTemplate
    from lookalike.images import Picture

__all__ = ["MissingPictures", "TemplatePictures", "changed_sources", "find_missing"]

#: Templates looked at between two steps.
_AT_A_TIME = 1_000
#: A picture is still that of a template where its vector differs by at most this share of the template's length. Of
#: another picture of the same person it differs by ten times as much; other processors and decoders make 0.001.
SAME = 0.02
#: People named in a message.
_NAMED = 5


@dataclass(frozen=True)
class MissingPictures:
    """Templates without a picture.

    Attributes:
        templates: how many.
        of: how many were looked at.
        people: names of some of those whose templates these are, in order of enrolment.
        sources: where the pictures of the first came from.
        from_sources: templates whose picture would be read from where it came from.
    """

    templates: int
    of: int
    people: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    from_sources: int = 0


class TemplatePictures:
    """Finds the picture of every template.

    A picture that the gallery keeps goes first; then one that is given under the name of the person and has the file
    name of the template's source; then the source itself, where that file is there; then any other picture that is
    given of the person, in order of names, each for one template.

    Args:
        gallery: whose templates these are.
        upgrade: its upgrade.
        given: pictures by person; None for none.

    Raises:
        InputError: pictures are given of nobody in the gallery.
    """

    def __init__(self, gallery: Gallery, upgrade: ModelUpgrade, given: PictureSet | None) -> None:
        self._gallery, self._upgrade = gallery, upgrade
        self._given: dict[str, list[Path]] = defaultdict(list)
        self._chosen: dict[str, dict[int, Path]] = {}
        self._left: dict[str, list[Path]] = {}
        if given is None:
            return
        for path, name in zip(given.paths, given.identities, strict=True):
            self._given[name].append(path)
        known = set(gallery.names())
        if not known & set(self._given):
            from lookalike.errors import InputError

            raise InputError(
                f"pictures are given of {', '.join(sorted(self._given)[:_NAMED])}, and the gallery knows none of them; "
                "give one folder per person, of the name that `lookalike people` lists"
            )

    def place(self, template: WaitingTemplate) -> Path | str | None:
        """Where the picture is: a file, `"gallery"` where that keeps it, or None where there is none."""
        if template.kept:
            return "gallery"
        chosen = self._of_person(template.identity) if template.identity in self._given else {}
        if template.id in chosen:
            return chosen[template.id]
        return _source(template.source)

    def picture(self, template: WaitingTemplate) -> Picture | None:
        """The picture itself; None where there is none, or the template was forgotten meanwhile."""
        place = self.place(template)
        return self._upgrade.picture(template.id) if place == "gallery" else place

    def another(self, template: WaitingTemplate) -> Path | None:
        """A picture that was given of the same person and is of no template, where the template's own is of no use."""
        if template.identity not in self._given:
            return None
        self._of_person(template.identity)
        left = self._left.get(template.identity)
        return left.pop(0) if left else None

    def _of_person(self, name: str) -> dict[int, Path]:
        """The pictures that were given, by template: the same however often, and whatever was embedded before."""
        if name not in self._chosen:
            from lookalike.errors import UnknownIdentityError

            try:
                templates = self._gallery.templates(name)
            except UnknownIdentityError:  # forgotten a moment ago
                return {}
            left = sorted(self._given[name])
            chosen: dict[int, Path] = {}
            for one in templates:
                same = next((path for path in left if one.source and path.name == Path(one.source).name), None)
                if same is not None:
                    chosen[one.id] = same
                    left.remove(same)
            for one in templates:
                if left and one.id not in chosen and _source(one.source) is None:
                    chosen[one.id] = left.pop(0)
            self._chosen[name], self._left[name] = chosen, left
        return self._chosen[name]


def _source(source: str) -> Path | None:
    """The file that a template came from, where it is there."""
    path = Path(source)
    try:
        return path if source and path.is_file() else None
    except (OSError, ValueError):  # texts that no path can be
        return None


def find_missing(upgrade: ModelUpgrade, pictures: TemplatePictures) -> MissingPictures:
    """Look for the picture of every template that waits.

    No picture is opened, and memory stays flat.
    """
    missing, looked_at, from_sources, after = 0, 0, 0, 0
    people: dict[str, None] = {}
    sources: list[str] = []
    while some := upgrade.waiting(after, _AT_A_TIME):
        for one in some:
            place = pictures.place(one)
            if place is None:
                missing += 1
                if len(people) < _NAMED:
                    people[one.identity] = None
                if len(sources) < _NAMED and one.source:
                    sources.append(one.source)
            elif place != "gallery" and str(place) == one.source:
                from_sources += 1
        looked_at, after = looked_at + len(some), some[-1].id
    return MissingPictures(missing, looked_at, tuple(people), tuple(sources), from_sources)


def changed_sources(
    upgrade: ModelUpgrade, embedder: Embedder, templates: Sequence[WaitingTemplate], pictures: Sequence[Picture]
) -> list[int]:
    """Positions of pictures that are not those of their templates any more.

    Args:
        upgrade: of the gallery.
        embedder: of the gallery's present model.
        templates: of the gallery.
        pictures: one for each, as it is now.
    """
    import numpy as np

    bad: set[int] = set()
    vectors = embedder.embed(pictures, unusable=lambda position, _: bad.add(position))
    held = upgrade.held_vectors([one.id for one in templates])
    rows = iter(vectors)
    for position, one in enumerate(templates):
        if position in bad:
            continue
        found, known = next(rows), held.get(one.id)
        if known is not None and np.linalg.norm(found - known) > SAME * np.linalg.norm(known):
            bad.add(position)
    return sorted(bad)
