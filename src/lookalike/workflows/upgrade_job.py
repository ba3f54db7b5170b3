"""One run of a gallery's upgrade: templates that wait are embedded in batches, each on the disk before the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from lookalike.embedder import Embedder
    from lookalike.gallery.model_upgrade import ModelUpgrade, WaitingTemplate
    from lookalike.images import Picture
    from lookalike.progress import Reporter
    from lookalike.workflows.upgrade_pictures import TemplatePictures

__all__ = ["UnusableTemplate", "UpgradeJob"]

#: Templates embedded between two commits: what a killed process loses.
_BATCH = 64
#: Tries to switch, where people are enrolled at every moment.
_SWITCHES = 20

_Found = tuple["WaitingTemplate", "Picture"]


@dataclass(frozen=True)
class UnusableTemplate:
    """A template that could not be embedded.

    Attributes:
        template: its id.
        identity: whose it is.
        picture: where the picture is; empty for one that the gallery keeps, and where there is none.
        reason: what is wrong with it.
    """

    template: int
    identity: str
    picture: str
    reason: str


class UpgradeJob:
    """Embeds what waits; several may run at once, in several processes, and do each other's work twice at worst.

    Args:
        upgrade: of the gallery, begun.
        embedder: of the model to change to.
        pictures: of its templates.
        check: the gallery's present model, which tells whether a picture is still a template's; None to trust.
        report: told of progress.
    """

    def __init__(
        self,
        upgrade: ModelUpgrade,
        embedder: Embedder,
        pictures: TemplatePictures,
        check: Embedder | None,
        report: Reporter,
    ) -> None:
        self._upgrade, self._embedder, self._pictures = upgrade, embedder, pictures
        self._check, self._report = check, report
        self.embedded = 0
        self._unusable: dict[int, UnusableTemplate] = {}

    @property
    def unusable(self) -> tuple[UnusableTemplate, ...]:
        """Templates that could not be embedded."""
        return tuple(self._unusable.values())

    def embed(self) -> None:
        """Embed all templates that wait.

        Raises:
            FingerprintError: the upgrade was switched or discarded meanwhile.
            StorageError: the disk is full, read-only or failing; what was embedded is safe.
        """
        done = self._report.counted("Embedding again", self._upgrade.status().remaining)
        done(0)  # the first batch may take long
        after = 0
        try:
            while waiting := self._upgrade.waiting(after, _BATCH):
                after = waiting[-1].id
                self._embed_some([one for one in waiting if one.id not in self._unusable])
                done(len(waiting))
        except KeyboardInterrupt:
            self._report.remark(f"interrupted: {self._so_far()}; the same command goes on")
            raise

    def switch(self) -> None:
        """Let the new model answer, once all templates are embedded; says so where it cannot."""
        from lookalike.errors import InputError

        for _ in range(_SWITCHES):
            status = self._upgrade.status()
            if status.state == "replaced":
                self._report.remark("this model was switched away from, so nothing is switched; roll back for that")
                return
            if status.remaining:
                self.embed()
                if self._unusable:
                    break
            try:
                self._upgrade.switch()
                return
            except InputError:  # somebody was enrolled at this very moment
                if not self._upgrade.status().remaining:
                    raise
        self._report.remark(f"not switched: {self._so_far()}")

    def report_unusable(self) -> None:
        """Say how many templates could not be embedded, and why the first."""
        from lookalike.counted_nouns import how_many

        if self._unusable:
            first = next(iter(self._unusable.values()))
            self._report.remark(
                f"{how_many(len(self._unusable), 'template')} could not be embedded; the first is of "
                f"{first.identity!r}: {first.reason}; give other pictures of these people (--pictures FOLDER), or "
                "forget them"
            )

    def _so_far(self) -> str:
        status = self._upgrade.status()
        return f"{status.embedded:,} of {status.templates:,} templates are embedded"

    # --- one batch ----------------------------------------------------------------------------------------

    def _embed_some(self, templates: Sequence[WaitingTemplate]) -> None:
        found: list[_Found] = []
        for one in templates:
            picture = self._pictures.picture(one)
            if picture is not None:
                found.append((one, picture))
            else:
                self._refuse(one, "", "there is no picture of it")
        vectors, bad = self._embed(self._unchanged(found))
        # Other pictures that the user gave of the same people take the place of those that are of no use.
        again = [(one, other) for one in bad if (other := self._pictures.another(one)) is not None]
        if again:
            further, _ = self._embed(again)
            vectors |= further
        if vectors:
            import numpy as np

            self.embedded += self._upgrade.store(
                self._embedder.fingerprint, list(vectors), np.stack(list(vectors.values()))
            )

    def _unchanged(self, found: Sequence[_Found]) -> list[_Found]:
        """Those whose picture is still that of the template, as far as that is asked for."""
        if self._check is None:
            return list(found)
        from lookalike.images import source_of
        from lookalike.workflows.upgrade_pictures import changed_sources

        read = [at for at, (one, picture) in enumerate(found) if source_of(picture) == one.source != ""]
        if not read:
            return list(found)
        changed = changed_sources(
            self._upgrade, self._check, [found[at][0] for at in read], [found[at][1] for at in read]
        )
        for position in changed:
            one, picture = found[read[position]]
            self._refuse(one, source_of(picture), f"{source_of(picture)} is not the picture that was enrolled any more")
        gone = {read[position] for position in changed}
        return [one for at, one in enumerate(found) if at not in gone]

    def _embed(self, found: Sequence[_Found]) -> tuple[dict[int, npt.NDArray[np.float32]], list[WaitingTemplate]]:
        """Vectors by template, and the templates whose picture is of no use."""
        from lookalike.images import source_of

        bad: dict[int, Exception] = {}
        vectors = self._embedder.embed([picture for _, picture in found], unusable=bad.__setitem__)
        kept = [one for at, (one, _) in enumerate(found) if at not in bad]
        for at, error in bad.items():
            one, picture = found[at]
            where = source_of(picture)
            self._refuse(one, where, f"{'' if where else 'the picture that the gallery keeps: '}{error}")
        for one in kept:
            self._unusable.pop(one.id, None)
        return dict(zip([one.id for one in kept], vectors, strict=True)), [found[at][0] for at in bad]

    def _refuse(self, template: WaitingTemplate, picture: str, reason: str) -> None:
        self._unusable[template.id] = UnusableTemplate(template.id, template.identity, picture, reason)
