"""The optional capability of a gallery to keep an annex, as galleries of landmarks need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy.typing as npt

from lookalike.errors import InputError
from lookalike.gallery.annex.kept import Annex, MakeAnnexUpdate

if TYPE_CHECKING:
    from lookalike.gallery.gallery import Gallery
    from lookalike.gallery.records import Enrolment

__all__ = ["KeepsAnnex", "annex_of"]


@runtime_checkable
class KeepsAnnex(Protocol):
    """What a gallery offers, beside `Gallery`, that keeps more of its identities than templates."""

    def annex(self) -> Annex | None:
        """What is kept beside the templates, as it is now; None where nothing is.

        Raises:
            ArtefactError: it is damaged, or of another version.
        """

    def uncovered(self) -> list[str]:
        """Identities with templates that came after the annex, by name; all, where there is no annex."""

    def unchanged(self, change: int) -> AbstractContextManager[bool]:
        """A context in which the gallery is read, by this thread, as it is at one moment.

        What others forget meanwhile is overwritten on the disk only after it, so an annex read at `change` can be used
        without copying. Keep it short: who forgets waits for it.

        Args:
            change: the number of the change that is expected to be the last one.

        Returns:
            the context; it gives whether `change` is the last change.
        """

    def enroll_with_annex(
        self,
        people: Iterable[Enrolment | tuple[str, npt.ArrayLike, Sequence[str] | None]],
        annex: MakeAnnexUpdate,
        *,
        since: int | None = None,
        wait: bool = True,
    ) -> dict[str, list[int]]:
        """Enroll many identities and write what is kept of them, in one transaction: all, on the disk, or none.

        Args:
            people: as for `Gallery.enroll_many`. They have these templates only; others of theirs are deleted. What
                others there are stays.
            annex: makes what is to be kept, from the ids of the templates by identity. What it does not name stays.
            since: refuse where the last change is another one: what is written was computed from that state.
            wait: for another program that is just writing; False refuses at once.

        Returns:
            ids of the templates, by identity.

        Raises:
            InputError, VectorError, StorageError: as for `Gallery.enroll`, or a gallery of people; nothing was changed.

        Example:
            >>> keeper = annex_of(open_gallery("places.gallery"))    # doctest: +SKIP
            >>> kept = Kept({"position": None}, {"photos": photos}, ["a.jpg", "b.jpg"])    # doctest: +SKIP
            >>> keeper.enroll_with_annex([("church", centroids, None)],    # doctest: +SKIP
            ...                          lambda ids: AnnexUpdate({"church": kept}))
            {'church': [1]}
        """


def annex_of(gallery: Gallery) -> KeepsAnnex:
    """The capability of a gallery to keep an annex.

    Raises:
        InputError: it cannot; the message says which galleries can.

    Example:
        >>> annex_of(open_gallery("places.gallery")).uncovered()    # doctest: +SKIP
        []
    """
    if isinstance(gallery, KeepsAnnex):
        return gallery
    raise InputError(
        f"{gallery!r} keeps templates only, and places need their photos kept beside them; give a gallery in a folder "
        "of this machine, such as places.gallery"
    )
