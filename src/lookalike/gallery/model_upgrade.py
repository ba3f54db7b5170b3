"""Two models side by side in one gallery: its own, which answers, and another, for which its templates are embedded.

Every template may have a second vector, of the other model, in the same row. Who is enrolled meanwhile has none yet,
who is forgotten loses both, and merging or renaming changes neither. When all templates have one, `switch` gives the
columns each other's names: one short transaction, however many templates there are. `roll_back` is the same act again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lookalike.counted_nouns import how_many
from lookalike.errors import FingerprintError, InputError, StorageError, VectorError
from lookalike.gallery import kept_pictures
from lookalike.gallery.audit import audited
from lookalike.gallery.database import Database
from lookalike.gallery.enrolment import model_vectors
from lookalike.gallery.kind import held_kind, settle
from lookalike.gallery.live_index import vectors_from
from lookalike.gallery.model_binding import held_model, in_words, other_model, same_model
from lookalike.gallery.moments import now
from lookalike.gallery.records import Model
from lookalike.gallery.sealing import opened_text
from lookalike.gallery.segments import SegmentFolder
from lookalike.gallery.storing import DIGEST_BYTES, new_change

if TYPE_CHECKING:
    from lookalike.gallery.gallery import Gallery

__all__ = ["ModelUpgrade", "Upgradable", "UpgradeState", "UpgradeStatus", "WaitingTemplate", "upgradable", "upgrade_of"]

_log = logging.getLogger(__name__)

#: `embedding`: some templates have no vector of the other model. `ready`: all have one. `replaced`: the other model is
#: the one that was switched away from.
UpgradeState = Literal["embedding", "ready", "replaced"]
#: Templates whose other vectors are deleted in one transaction: nobody waits long to write.
_AT_A_TIME = 1_000
#: Columns of `template` that hold what a model made: the other model's have `other_` before the name.
_OF_A_MODEL = ("vector", "digest")
_TALLY = "SELECT templates FROM tally"
_WAITING = (
    "SELECT template.id, identity_id, name, source FROM template JOIN identity ON identity.id = identity_id "
    "WHERE template.id > ? AND NOT EXISTS (SELECT 1 FROM embedded_template WHERE template_id = template.id) "
    "ORDER BY template.id LIMIT ?"
)


@dataclass(frozen=True)
class UpgradeStatus:
    """How far the upgrade of a gallery is.

    Attributes:
        model: the gallery's own, which answers.
        other: the second; None where there is no upgrade.
        state: see `UpgradeState`; None where there is no upgrade.
        since: when it was begun or last switched, ISO 8601, UTC; None likewise.
        templates: in the gallery.
        embedded: those of them with a vector of the other model.
        calibrated: names of those of both models for which thresholds measured for this gallery are kept.
    """

    model: Model
    other: Model | None
    state: UpgradeState | None
    since: str | None
    templates: int
    embedded: int
    calibrated: tuple[str, ...] = ()

    @property
    def remaining(self) -> int:
        """Templates without a vector of the other model."""
        return self.templates - self.embedded if self.other is not None else 0


@dataclass(frozen=True)
class WaitingTemplate:
    """A template without a vector of the other model.

    Attributes:
        id: of the template.
        identity: its name.
        source: where its picture came from; may be empty.
        kept: whether the gallery keeps the picture.
    """

    id: int
    identity: str
    source: str
    kept: bool


class ModelUpgrade:
    """The change of a gallery's model, step by step. Every method is safe to call from several threads.

    Args:
        database: of the gallery.
        segments: its indexes, which are of the model that answers.
        scrub: overwrites what was deleted; False where somebody reads it still.

    Example:
        >>> upgrade = upgrade_of(gallery)    # doctest: +SKIP
        >>> upgrade.begin(Model("9c1d", "arcface", "cosine", 512))    # doctest: +SKIP
        >>> while waiting := upgrade.waiting(limit=64):    # doctest: +SKIP
        ...     upgrade.store("9c1d", [one.id for one in waiting], embed(waiting))
        >>> upgrade.switch().state    # doctest: +SKIP
        'replaced'
    """

    def __init__(self, database: Database, segments: SegmentFolder, scrub: Callable[[], bool]) -> None:
        self._database, self._segments, self._scrub = database, segments, scrub

    # --- how far it is ------------------------------------------------------------------------------------

    def status(self) -> UpgradeStatus:
        """How far it is. Cheap: nothing is counted.

        Raises:
            InputError: the gallery belongs to no model yet.
        """
        with self._database.read("read"):
            return self._status()

    def _status(self) -> UpgradeStatus:
        """Call inside a transaction."""
        one, model, second = self._database.one, held_model(self._database), other_model(self._database)
        if model is None:
            raise InputError(f"{self._database.folder} belongs to no model yet; enroll somebody first")
        if second is None:
            templates = one("SELECT count(*) FROM template" if self._database.version() < 3 else _TALLY)[0]
            return UpgradeStatus(model, None, None, None, templates, 0, self._calibrated([model]))
        templates, (since, embedded) = one(_TALLY)[0], one("SELECT since, vectors FROM other_model")
        state: UpgradeState = "replaced" if second[1] else "ready" if embedded == templates else "embedding"
        return UpgradeStatus(model, second[0], state, since, templates, embedded, self._calibrated([model, second[0]]))

    def _calibrated(self, models: Sequence[Model]) -> tuple[str, ...]:
        return tuple(one.name for one in models if self._calibration(one.fingerprint) is not None)

    def waiting(self, after: int = 0, limit: int = 1_000) -> list[WaitingTemplate]:
        """Templates without a vector of the other model, by id.

        Args:
            after: those of greater ids only.
            limit: how many at most.
        """
        with self._database.read("read"):
            return self._waiting(after, limit)

    def _waiting(self, after: int, limit: int) -> list[WaitingTemplate]:
        """Call inside a transaction."""
        database, sealing = self._database, self._database.sealing
        rows = database.run(_WAITING, (after, limit)).fetchall()
        kept = kept_pictures.kept_ids(database, [row[0] for row in rows])
        owners = {row[1]: row[2] for row in rows}
        names = dict(zip(owners, sealing.names(list(owners.items())), strict=True))
        return [
            WaitingTemplate(
                row[0], names[row[1]], opened_text(sealing, "template.source", row[0], row[3], row[1]), row[0] in kept
            )
            for row in rows
        ]

    def held_vectors(self, ids: Sequence[int]) -> dict[int, npt.NDArray[np.float32]]:
        """Vectors of some templates by the gallery's own model; those forgotten meanwhile are left out."""
        with self._database.read("read"):
            model = held_model(self._database)
            found = self._opened("vector", ids)
        if model is None or not found:
            return {}
        return dict(zip(found, vectors_from(list(found.items()), model.dimension), strict=True))

    def _opened(self, column: str, ids: Sequence[int]) -> dict[int, bytes]:
        """The bytes of `vector` or `other_vector` by template, of those that are there; inside a transaction.

        Both columns are encrypted as `template.vector`, for a switch gives one the other's name.
        """
        sql = f"SELECT id, {column}, identity_id FROM template WHERE id = ?"
        rows = [self._database.one(sql, (int(one),)) for one in ids]
        there = [row for row in rows if row is not None and row[1]]
        return dict(
            zip([row[0] for row in there], self._database.sealing.open_all("template.vector", there), strict=True)
        )

    def picture(self, template: int) -> bytes | None:
        """The picture that is kept with a template; None where none is, or the template was forgotten."""
        with self._database.read("read"):
            return kept_pictures.kept_picture(self._database, template)

    def people_with_pictures(self) -> dict[str, int]:
        """How many pictures are kept of each person of whom some are."""
        database = self._database
        with database.read("read"):
            if database.version() < 4:
                return {}
            rows = database.run(
                "SELECT identity_id, name, count(*) FROM kept_picture JOIN template ON template.id = template_id "
                "JOIN identity ON identity.id = identity_id GROUP BY identity_id ORDER BY identity_id"
            ).fetchall()
            names = database.sealing.names([row[:2] for row in rows])
        return dict(zip(names, [int(row[2]) for row in rows], strict=True))

    # --- embedding ----------------------------------------------------------------------------------------

    def begin(self, model: Model) -> UpgradeStatus:
        """Let templates have vectors of a second model; where they may already, go on.

        Raises:
            InputError: it is the gallery's own model, another upgrade is under way, or the gallery holds landmarks.
            StorageError: the disk is full, read-only or failing.
        """
        with self._database.write("upgraded"):
            self._check(model)
            settle(self._database, "people")  # brings a gallery of an earlier version to this one
            second = other_model(self._database)
            if second is None:
                self._database.run(
                    "INSERT INTO other_model VALUES (1, ?, ?, ?, ?, 'embedding', ?, 0)",
                    (model.fingerprint, model.name, model.metric, model.dimension, now()),
                )
                audited(self._database, "upgrade", (), {"model": model.fingerprint})
            return self._status()

    def check(self, model: Model) -> None:
        """Refuse what `begin` would refuse; nothing is changed.

        Raises:
            InputError: as `begin`.
        """
        with self._database.read("read"):
            self._check(model)

    def _check(self, model: Model) -> None:
        """Call inside a transaction."""
        folder = self._database.folder
        held, second = held_model(self._database), other_model(self._database)
        if held_kind(self._database) == "landmarks":
            raise InputError(
                f"{folder} is a gallery of landmarks, whose centroids stand for many photos and cannot be embedded "
                "again one by one; enroll the photos with the new model into a new gallery"
            )
        if second is None and self._database.version() >= 4 and self._database.one("SELECT 1 FROM other_model"):
            raise InputError(
                f"{folder} still has vectors of a model that is being discarded; discard it again where that was cut "
                "short, then begin"
            )
        if held is not None and same_model(held, model):
            raise InputError(f"{folder} belongs to {in_words(model)} already; give the model to change to")
        if second is not None and not same_model(second[0], model):
            what = "was replaced and is kept to roll back" if second[1] else "is being embedded"
            raise InputError(
                f"{folder} has vectors of {in_words(second[0])}, which {what}; "
                f"finish that upgrade or discard it before one to {in_words(model)} begins"
            )

    def store(self, fingerprint: str, ids: Sequence[int], vectors: npt.ArrayLike) -> int:
        """Give templates their vectors of the other model, all of them, on the disk, or none.

        Args:
            fingerprint: of the model that made the vectors.
            ids: of the templates; those that were forgotten meanwhile, or have a vector already, are passed over.
            vectors: `(n, d)` real numbers.

        Returns:
            how many were stored.

        Raises:
            FingerprintError: the upgrade was switched or discarded meanwhile.
            VectorError: vectors of a wrong shape, dimension or value.
            StorageError: the disk is full, read-only or failing; nothing was changed.
        """
        database = self._database
        with database.write("upgraded"):
            second = other_model(database)
            if second is None or second[0].fingerprint != fingerprint:
                raise FingerprintError(
                    f"{database.folder} has no upgrade to model {fingerprint[:16]} any more: it was switched or "
                    "discarded meanwhile; look at its status"
                )
            ready = model_vectors(vectors, second[0], "vectors", allow_none=True)
            if len(ready) != len(ids):
                raise VectorError(f"{len(ready)} vectors were given for {len(ids)} templates; give one for each")
            return sum(
                self._store_one(int(template), vector.astype("<f4").tobytes())
                for template, vector in zip(ids, ready, strict=True)
            )

    def _store_one(self, template: int, vector: bytes) -> bool:
        """Whether the template is there and had none yet; inside a writing transaction."""
        new = "INSERT INTO embedded_template SELECT id FROM template WHERE id = ? ON CONFLICT DO NOTHING"
        if not self._database.run(new, (template,)).rowcount:
            return False
        sealing = self._database.sealing
        (owner,) = self._database.one("SELECT identity_id FROM template WHERE id = ?", (template,))
        digest = sealing.digest(vector)[:DIGEST_BYTES] + str(template).encode("ascii")
        self._database.run(
            "UPDATE template SET other_vector = ?, other_digest = ? WHERE id = ?",
            (sealing.seal("template.vector", template, vector, owner), digest, template),
        )
        return True

    # --- comparing ----------------------------------------------------------------------------------------

    def owners(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Templates that have vectors of both models, by id, and a number for the identity of each: `(n,)` int64."""
        with self._database.read("read"):
            rows = self._database.run(
                "SELECT template_id, identity_id FROM embedded_template JOIN template ON template.id = template_id "
                "ORDER BY template_id"
            )
            numbers = np.fromiter((one for row in rows for one in row), np.int64).reshape(-1, 2)
        return numbers[:, 0].copy(), numbers[:, 1].copy()

    def vectors(
        self, ids: Sequence[int]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Vectors of some templates by both models: ids, `(n, d)` of the gallery's own, `(n, e)` of the other.

        Templates that were forgotten meanwhile are left out.
        """
        with self._database.read("read"):
            second = other_model(self._database)
            held = held_model(self._database)
            if second is None or held is None:
                raise InputError(f"{self._database.folder} has no second model; begin an upgrade first")
            own, others = self._opened("vector", ids), self._opened("other_vector", ids)
        both = [one for one in own if one in others]
        return (
            np.array(both, np.int64),
            vectors_from([(one, own[one]) for one in both], held.dimension),
            vectors_from([(one, others[one]) for one in both], second[0].dimension),
        )

    # --- thresholds ---------------------------------------------------------------------------------------

    def keep_calibration(self, fingerprint: str, calibration: str | None) -> None:
        """Keep thresholds that were measured for this gallery, as JSON text; None takes them away."""
        with self._database.write("upgraded"):
            settle(self._database, "people")
            self._database.run("DELETE FROM model_calibration WHERE fingerprint = ?", (fingerprint,))
            if calibration is not None:
                self._database.run("INSERT INTO model_calibration VALUES (?, ?)", (fingerprint, calibration))

    def calibration(self, fingerprint: str) -> str | None:
        """Thresholds of a model that were measured for this gallery, as JSON text; None where there are none."""
        with self._database.read("read"):
            return self._calibration(fingerprint)

    def _calibration(self, fingerprint: str) -> str | None:
        if self._database.version() < 4:
            return None
        row = self._database.one("SELECT calibration FROM model_calibration WHERE fingerprint = ?", (fingerprint,))
        return None if row is None else str(row[0])

    # --- switching ----------------------------------------------------------------------------------------

    def switch(self) -> UpgradeStatus:
        """Let the other model answer from now on; the gallery's present one is kept, to roll back.

        Searches see the state before or the one after. Who searches or enrolls with the model from before gets a
        `FingerprintError`.

        Raises:
            InputError: no upgrade is under way, it was switched already, or some templates have no vector yet.
            StorageError: the disk is full, read-only or failing; nothing was changed.
        """
        return self._exchange(replaced=False)

    def roll_back(self) -> UpgradeStatus:
        """Let the model from before the switch answer again; the new one's vectors are kept, to switch once more.

        Raises:
            InputError: nothing was switched, or templates that were enrolled since have no vector of that model.
            StorageError: the disk is full, read-only or failing; nothing was changed.
        """
        return self._exchange(replaced=True)

    def _exchange(self, replaced: bool) -> UpgradeStatus:
        database = self._database
        with database.write("switched"):
            model, second = held_model(database), other_model(database)
            if model is None or second is None or second[1] != replaced:
                raise InputError(self._nothing_to_exchange(second, replaced))
            status = self._status()
            if status.remaining:
                raise InputError(self._missing(status, replaced))
            change = new_change(database)
            for name, values in (("model", second[0]), ("other_model", model)):
                database.run(
                    f"UPDATE {name} SET fingerprint = ?, name = ?, metric = ?, dimension = ?",
                    (values.fingerprint, values.name, values.metric, values.dimension),
                )
            database.run(
                "UPDATE other_model SET state = ?, since = ?", ("embedding" if replaced else "replaced", now())
            )
            database.run("INSERT OR REPLACE INTO model_switch VALUES (1, ?)", (change,))
            # Indexes are of the model from before.
            self._segments.drop([one.name for one in self._segments.listed()])
            for name in _OF_A_MODEL:
                for before, after in (
                    (name, f"swapped_{name}"),
                    (f"other_{name}", name),
                    (f"swapped_{name}", f"other_{name}"),
                ):
                    database.run(f"ALTER TABLE template RENAME COLUMN {before} TO {after}")
            act = "rollback" if replaced else "switch"
            audited(database, act, (), {"model": second[0].fingerprint, "templates": status.templates})
            status = self._status()
        self._sweep()
        return status

    def _nothing_to_exchange(self, second: tuple[Model, bool] | None, replaced: bool) -> str:
        folder = self._database.folder
        if second is None:
            return f"{folder} has no upgrade; begin one with the model to change to"
        if replaced:
            return f"{folder} was not switched to {in_words(second[0])} yet, so there is nothing to roll back"
        return f"{folder} was switched already, away from {in_words(second[0])}; roll back, or discard that model"

    def _missing(self, status: UpgradeStatus, replaced: bool) -> str:
        names = list(dict.fromkeys(one.identity for one in self._waiting(0, 20)))
        shown = ", ".join(map(repr, names[:3])) + (", …" if len(names) > 3 else "")
        what = "rolled back" if replaced else "switched"
        return (
            f"{self._database.folder} cannot be {what}: "
            f"{how_many(status.remaining, 'template')} of {status.templates:,} "
            f"{'has' if status.remaining == 1 else 'have'} no vector of {in_words(status.other)} (of {shown}); "
            "start the upgrade with that model once more, which embeds them"
        )

    def discard(self) -> int:
        """Give up the other model: its vectors are deleted and overwritten. Returns how many there were.

        Before the switch this ends the upgrade; after it, it can no longer be rolled back.

        Raises:
            InputError: there is no upgrade.
            StorageError: the disk is full, read-only or failing; or old bytes could not be overwritten yet (says so).
        """
        database = self._database
        with database.read("read"):
            row = (
                database.one("SELECT fingerprint, name, vectors FROM other_model") if database.version() >= 4 else None
            )
        if row is None:
            raise InputError(f"{database.folder} has no upgrade, so there is nothing to discard")
        fingerprint, name, count = row
        with database.write("upgraded"):
            # Nobody stores vectors any more. A process that is killed now leaves the rest to the next call.
            sql = "UPDATE other_model SET state = 'discarded' WHERE fingerprint = ?"
            if not database.run(sql, (fingerprint,)).rowcount:
                raise InputError(f"{database.folder} was switched or discarded at this moment; look at its status")
        while self._discard_some(fingerprint):
            pass
        if not self._scrub():
            raise StorageError(
                f"the vectors of model {name!r} are deleted, but another program kept reading "
                f"{self._database.folder}, so old bytes are still in its log; call scrub() when it has ended"
            )
        return int(count)

    def _discard_some(self, fingerprint: str) -> bool:
        """Delete vectors of some templates, at last the model; whether anything is left."""
        database = self._database
        with database.write("upgraded"):
            if database.one("SELECT 1 FROM other_model WHERE state = 'discarded'") is None:
                return False  # another process was faster
            ids = database.run("SELECT template_id FROM embedded_template LIMIT ?", (_AT_A_TIME,)).fetchall()
            for one in ids:
                database.run("UPDATE template SET other_vector = x'', other_digest = randomblob(16) WHERE id = ?", one)
                database.run("DELETE FROM embedded_template WHERE template_id = ?", one)
            if not ids:
                database.run("DELETE FROM other_model")
                audited(database, "discard", (), {"model": fingerprint})
                database.run("DELETE FROM model_calibration WHERE fingerprint = ?", (fingerprint,))
            return bool(ids)

    def _sweep(self) -> None:
        """Delete the folders of indexes that do not count any more."""
        if not self._segments.folder.is_dir():
            return
        try:
            with self._segments.alone() as alone, self._database.read("read"):
                if alone:
                    self._segments.sweep()
        except StorageError as error:
            _log.warning("older segments stay on the disk: %s", error)


@runtime_checkable
class Upgradable(Protocol):
    """A gallery whose model can be changed, and that keeps pictures for it (`Enrolment.pictures`)."""

    @property
    def upgrade(self) -> ModelUpgrade:
        """The change of its model."""


def upgradable(gallery: Gallery) -> Upgradable:
    """The gallery, as one whose model can be changed and that keeps pictures.

    Raises:
        InputError: this kind of gallery cannot.
    """
    if not isinstance(gallery, Upgradable):
        raise InputError(
            f"{gallery!r} keeps no pictures and cannot change its model in place; enroll the pictures with the new "
            "model into a new gallery"
        )
    return gallery


def upgrade_of(gallery: Gallery) -> ModelUpgrade:
    """The change of a gallery's model.

    Raises:
        InputError: this kind of gallery cannot change it.

    Example:
        >>> upgrade_of(open_gallery("people.gallery")).status().state    # doctest: +SKIP
        'embedding'
    """
    return upgradable(gallery).upgrade
