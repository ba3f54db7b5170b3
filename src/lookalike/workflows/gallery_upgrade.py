"""Another model for a gallery of people: embedded in the background, thresholds derived again, switched, rolled back.

While templates are embedded, everybody goes on searching and enrolling with the present model.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions
from lookalike.workflows.upgrade_job import UnusableTemplate, UpgradeJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lookalike.datasets import PictureSet
    from lookalike.decisions.calibration import Calibration
    from lookalike.decisions.promise import Promise
    from lookalike.embedder import Embedder
    from lookalike.errors import DatasetError
    from lookalike.gallery import Gallery
    from lookalike.gallery.model_upgrade import ModelUpgrade, UpgradeStatus
    from lookalike.workflows.upgrade_pictures import MissingPictures
    from lookalike.workflows.upgrade_thresholds import ComparedModels

__all__ = [
    "DiscardedModel",
    "GalleryUpgrade",
    "UnusableTemplate",
    "UpgradeOptions",
    "UpgradedGallery",
    "discard_upgrade",
    "roll_back_upgrade",
    "switch_upgrade",
    "upgrade_gallery",
    "upgrade_status",
]


@dataclass(frozen=True, kw_only=True)
class UpgradeOptions(ModelRunOptions):
    """Which gallery is to change to which model.

    Attributes:
        model: the one to change to: a model folder, or a pretrained model's name.
        gallery: its address, such as a folder.
        pictures: a folder per person, or a CSV of path,identity: pictures for templates that have none.
        check_sources: the gallery's present model: pictures that are read from where they came from are embedded by it,
            and taken only where they still give the template's vector.
        calibrate_on: a folder per identity of other people, in place of the gallery's own, for the new thresholds.
        model_thresholds: keep the new model's own thresholds; none are measured.
        promise: what the new thresholds are to keep, such as `"fpir=0.01"`; None for what the model's own do.
        output: folder for report.html, metrics.json and calibration.json of both models side by side; None for none.
        switch: let the new model answer as soon as all templates are embedded.
        cropped: pictures are face crops: where no face is found, the whole picture is taken.
    """

    model: str | Path
    gallery: str | Path = "people.gallery"
    pictures: Path | None = None
    check_sources: str | Path | None = None
    calibrate_on: Path | None = None
    model_thresholds: bool = False
    promise: str | None = None
    output: Path | None = None
    switch: bool = False
    cropped: bool = False


@dataclass(frozen=True, kw_only=True)
class UpgradedGallery:
    """A gallery whose upgrade is looked at, switched, rolled back or discarded.

    Attributes:
        gallery: its address, such as a folder.
    """

    gallery: str | Path = "people.gallery"


@dataclass(frozen=True, eq=False)
class GalleryUpgrade:
    """What one run of an upgrade did.

    Attributes:
        status: how far the upgrade is.
        embedded: templates that this run gave a vector.
        unusable: templates whose pictures the new model cannot use, or are not theirs any more, or are missing.
        compared: both models on the gallery's own people; None where that was not asked for, or cannot be measured.
        thresholds: those that answers rest on after the switch, where they were measured now; None for the model's own.
        written: the report's files.
        notes: remarks.
    """

    status: UpgradeStatus
    embedded: int
    unusable: tuple[UnusableTemplate, ...] = ()
    compared: ComparedModels | None = None
    thresholds: Calibration | None = None
    written: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiscardedModel:
    """What was given up.

    Attributes:
        model: its name.
        vectors: of it, deleted.
    """

    model: str
    vectors: int


def upgrade_gallery(options: UpgradeOptions, progress: ProgressSink | None = None) -> GalleryUpgrade:
    """Embed a gallery's templates with another model, derive thresholds for it, and switch where that is asked for.

    Killed or interrupted, the same call goes on where it was. Until the switch, the present model answers. After a
    switch, with the model from before, it embeds who was enrolled since, so that the switch can be rolled back.

    Raises:
        ArtefactError: the gallery or a model is missing, damaged, or they do not belong together.
        DatasetError: templates have no picture: says how many, of whom, and what to do; nothing was changed.
        InputError: a gallery of landmarks, a model that is the gallery's already, or another upgrade is under way.
        StorageError: the disk is full, read-only or failing; what was embedded is safe.

    Example:
        >>> done = upgrade_gallery(UpgradeOptions(model="model/", gallery="people.gallery"))    # doctest: +SKIP
        >>> done.status.state, done.status.embedded    # doctest: +SKIP
        ('ready', 1200)
    """
    from lookalike.gallery import open_gallery

    report = Reporter(progress)
    with open_gallery(options.gallery, create=False) as gallery:
        begun = _begun(options, gallery, report)
        upgrade, job = begun.upgrade, begun.job
        job.embed()
        job.report_unusable()
        measured = _Measured()
        if upgrade.status().state == "ready" and not options.model_thresholds:
            measured = _derive_thresholds(options, begun, report)
        if options.switch:
            job.switch()
        return GalleryUpgrade(
            status=upgrade.status(),
            embedded=job.embedded,
            unusable=job.unusable,
            compared=measured.compared,
            thresholds=measured.thresholds,
            written=measured.written,
            notes=tuple(report.remarks),
        )


def upgrade_status(options: UpgradedGallery) -> UpgradeStatus:
    """How far the upgrade of a gallery is.

    Raises:
        ArtefactError: there is no gallery, or it is damaged.
        InputError: this kind of gallery cannot change its model, or it has none yet.

    Example:
        >>> upgrade_status(UpgradedGallery(gallery="people.gallery")).remaining    # doctest: +SKIP
        312
    """
    with _opened(options) as upgrade:
        return upgrade.status()


def switch_upgrade(options: UpgradedGallery) -> UpgradeStatus:
    """Let the other model answer; who still searches with the model from before gets a `FingerprintError`.

    Raises:
        ArtefactError: there is no gallery, or it is damaged.
        InputError: no upgrade is under way, or some templates are not embedded yet.
        StorageError: the disk is full, read-only or failing; nothing was changed.

    Example:
        >>> switch_upgrade(UpgradedGallery(gallery="people.gallery")).model.name    # doctest: +SKIP
        'arcface'
    """
    with _opened(options) as upgrade:
        return upgrade.switch()


def roll_back_upgrade(options: UpgradedGallery) -> UpgradeStatus:
    """Let the model from before the switch answer again.

    Raises:
        ArtefactError: there is no gallery, or it is damaged.
        InputError: nothing was switched, or who was enrolled since has no vector of that model.
        StorageError: the disk is full, read-only or failing; nothing was changed.

    Example:
        >>> roll_back_upgrade(UpgradedGallery(gallery="people.gallery")).model.name    # doctest: +SKIP
        'dlib'
    """
    with _opened(options) as upgrade:
        return upgrade.roll_back()


def discard_upgrade(options: UpgradedGallery) -> DiscardedModel:
    """Give up the model that does not answer: before the switch the new one, after it the one from before.

    Raises:
        ArtefactError: there is no gallery, or it is damaged.
        InputError: there is no upgrade.
        StorageError: the disk is full, read-only or failing.

    Example:
        >>> discard_upgrade(UpgradedGallery(gallery="people.gallery")).vectors    # doctest: +SKIP
        1200
    """
    with _opened(options) as upgrade:
        other = upgrade.status().other
        return DiscardedModel("" if other is None else other.name, upgrade.discard())


@contextmanager
def _opened(options: UpgradedGallery) -> Iterator[ModelUpgrade]:
    from lookalike.gallery import open_gallery
    from lookalike.gallery.model_upgrade import upgrade_of

    with open_gallery(options.gallery, create=False) as gallery:
        yield upgrade_of(gallery)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What was measured of thresholds; see `GalleryUpgrade`."""

    compared: ComparedModels | None = None
    thresholds: Calibration | None = None
    written: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class _Begun:
    """A run, with what its options named."""

    upgrade: ModelUpgrade
    job: UpgradeJob
    embedder: Embedder
    others: PictureSet | None
    promise: Promise | None


def _begun(options: UpgradeOptions, gallery: Gallery, report: Reporter) -> _Begun:
    """A run; what can be refused is refused before anything is changed."""
    from lookalike.datasets import read_pictures
    from lookalike.decisions.promise import Promise
    from lookalike.gallery import Model
    from lookalike.gallery.model_upgrade import upgrade_of
    from lookalike.workflows.evaluation_folder import check_output
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.upgrade_pictures import TemplatePictures, find_missing

    upgrade = upgrade_of(gallery)
    promise = None if options.promise is None else Promise.parse(options.promise)
    if options.output is not None:
        check_output(options.output)
    others = None if options.calibrate_on is None else read_pictures(options.calibrate_on)
    embedder = load_model(options.model, cropped=options.cropped, run=options)
    model = Model(embedder.fingerprint, embedder.name, embedder.metric, embedder.dimension)
    upgrade.check(model)
    check = None if options.check_sources is None else load_model(options.check_sources, cropped=options.cropped)
    if check is not None:
        gallery.bind(check.fingerprint, check.name, check.metric, check.dimension)  # another is refused
    given = None if options.pictures is None else read_pictures(options.pictures)
    pictures = TemplatePictures(gallery, upgrade, given)
    missing = find_missing(upgrade, pictures)
    if missing.templates:
        raise _no_pictures(options, missing)
    if missing.from_sources and check is None:
        report.remark(
            f"{missing.from_sources:,} pictures are read from where they came from, on trust that they are still those "
            "that were enrolled; --check-sources MODEL, with the present model, finds out"
        )
    upgrade.begin(model)
    if promise is None and embedder.calibration is not None:
        promise = embedder.calibration.promise
    return _Begun(upgrade, UpgradeJob(upgrade, embedder, pictures, check, report), embedder, others, promise)


def _no_pictures(options: UpgradeOptions, missing: MissingPictures) -> DatasetError:
    """The refusal, with what is needed."""
    from lookalike.counted_nouns import how_many
    from lookalike.errors import DatasetError

    people = ", ".join(map(repr, missing.people)) + (", …" if missing.templates > len(missing.people) else "")
    gone = f" ({missing.sources[0]} is not there, seen from {Path.cwd()})" if missing.sources else ""
    return DatasetError(
        f"{how_many(missing.templates, 'template')} of {missing.of:,} in {options.gallery} cannot be embedded again, "
        f"for there is no picture: of {people}{gone}; give --pictures FOLDER with a folder per person, or run this "
        "where the pictures are as at enrolment, or forget these people; --keep-pictures at enrolment saves the search"
    )


def _derive_thresholds(options: UpgradeOptions, begun: _Begun, report: Reporter) -> _Measured:
    """Measure the new model's thresholds, and let the gallery keep them, where they rest on enough."""
    from lookalike.workflows.upgrade_thresholds import compare_models, write_comparison

    compared = compare_models(begun.upgrade, begun.promise, report)
    if compared is None:
        report.remark(
            "both models cannot be compared on the gallery's own people: two of them with two templates each are needed"
        )
    written: tuple[Path, ...] = ()
    if options.output is not None and compared is not None:
        written = write_comparison(options.output, compared, str(options.gallery))
    if begun.others is not None:
        from lookalike.workflows.calibration import calibrate_on

        found: Calibration | None = calibrate_on(
            begun.embedder, begun.others, report, source=f"people of {options.calibrate_on}"
        ).model_copy(update={"promise": begun.promise})
    else:
        found = None if compared is None else _enough(compared.other.calibration, begun.embedder, report)
    begun.upgrade.keep_calibration(begun.embedder.fingerprint, None if found is None else found.to_json())
    return _Measured(compared, found, written)


def _enough(measured: Calibration, embedder: Embedder, report: Reporter) -> Calibration | None:
    """Thresholds on the gallery's own people; None where they are a guess, and the model has thresholds of its own."""
    if embedder.calibration is not None:
        source = f"measured on {embedder.calibration.source}"
    else:
        source = "" if embedder.documented_threshold is None else embedder.documented_threshold.source
    if measured.point().sufficient or not source:
        return measured
    report.remark(
        f"the gallery's own people are too few to measure thresholds on: those of {embedder.name} itself are kept "
        f"({source}); --calibrate-on FOLDER measures them on others"
    )
    return None
