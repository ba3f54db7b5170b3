"""What is wrong in a gallery of people: a diagnosis, and a report with pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import ProgressSink, Reporter
from lookalike.workflows.model_run_options import ModelRunOptions

if TYPE_CHECKING:
    from lookalike.decisions.calibration import Calibration
    from lookalike.decisions.odds import MatchOdds
    from lookalike.decisions.policies import Threshold
    from lookalike.embedder import Embedder
    from lookalike.gallery import Gallery
    from lookalike.gallery.doctor import Diagnosis, StoredTemplates

__all__ = ["DoctorOptions", "Examined", "ExaminedBy", "examine_people"]


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(ModelRunOptions):
    """Which gallery, and what decides.

    Attributes:
        gallery: its address, such as a folder.
        model: the gallery's model: its threshold decides, its calibration says how probable things are, and it finds
            the faces that pictures show. Not needed where `threshold` is given.
        output: folder for report.html and findings.json; its other files stay.
        threshold: a distance up to which templates match, in place of the model's.
        fmr: the threshold of this false match rate.
        fpir: the threshold at which at most this share of strangers is named, whatever the size of the gallery.
        calibration: a `calibration.json` in place of the model's own.
        repeated_share: share of names expected to be of a person who has another name, too, and of templates expected
            to be under the wrong name; before anything was looked at.
        neighbours: other people that are looked at around each template.
        most: findings listed of each kind.
        measure_quality: measure the quality of every picture that can be read, about ten a second.
    """

    gallery: str | Path = "people.gallery"
    model: str | Path = ""
    output: Path = Path("doctor")
    threshold: float | None = None
    fmr: float | None = None
    fpir: float | None = None
    calibration: Path | None = None
    repeated_share: float = 0.05
    neighbours: int = 5
    most: int = 1000
    measure_quality: bool = False


@dataclass(frozen=True, eq=False)
class ExaminedBy:
    """What decided in an examination.

    Attributes:
        threshold: two templates match up to this distance, and where that comes from.
        odds: of a match at a distance; None where nothing could be measured.
        odds_source: where they come from, in words.
        calibration: of the model; None where there is none.
    """

    threshold: Threshold
    odds: MatchOdds | None
    odds_source: str
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Examined:
    """What was found, and where it is written.

    Attributes:
        diagnosis: the findings, and how many there are of each kind.
        by: the threshold and the odds.
        report: the page.
        findings: the file in which proposals are confirmed.
        notes: remarks on the gallery and its pictures.
    """

    diagnosis: Diagnosis
    by: ExaminedBy
    report: Path
    findings: Path
    notes: tuple[str, ...] = field(default=())


def examine_people(options: DoctorOptions, progress: ProgressSink | None = None) -> Examined:
    """Look for what may be wrong in a gallery of people, and write it down. The gallery is only read.

    `repair_people` carries out the proposals that somebody confirmed.

    Raises:
        ArtefactError: there is no gallery or model, or it is damaged.
        FingerprintError: the gallery was made by another model, or the calibration is of another.
        InputError: a gallery of landmarks, neither model nor threshold, or an option out of range.
        StorageError: the disk is failing, or the output cannot be written.

    Example:
        >>> done = examine_people(DoctorOptions(gallery="people.gallery", model="dlib"))    # doctest: +SKIP
        >>> done.diagnosis.totals["one-person"], done.report    # doctest: +SKIP
        (2, PosixPath('doctor/report.html'))
    """
    from dataclasses import replace

    from lookalike.counted_nouns import how_many
    from lookalike.evaluation.report.page import write_report
    from lookalike.gallery import open_gallery
    from lookalike.gallery.doctor import Rules, StoredTemplates, diagnose
    from lookalike.workflows.evaluation_folder import check_output
    from lookalike.workflows.findings_file import write_findings
    from lookalike.workflows.output_folder import output_folder
    from lookalike.workflows.people_doctor_report import doctor_report
    from lookalike.workflows.template_pictures import TemplatePictures
    from lookalike.workflows.template_quality import with_measured_quality

    report = Reporter(progress)
    check_output(options.output)
    with open_gallery(options.gallery, create=False) as gallery:
        embedder, by = _decided(options, gallery)
        rules = Rules(
            threshold=by.threshold.distance, repeated_share=options.repeated_share, neighbours=options.neighbours
        )
        templates = StoredTemplates.read(gallery, report)
        if options.measure_quality and embedder is not None:
            templates = with_measured_quality(gallery, templates, embedder, report)
        by = _with_odds(by, templates)
        found = diagnose(gallery, replace(rules, odds=by.odds), templates=templates, most=options.most, progress=report)
        if gallery.counts().change != found.change:
            report.remark("the gallery has changed meanwhile; what came later is not in the report")
        if found.pairs_left_out:
            report.remark(
                f"{how_many(found.pairs_left_out, 'further pair')} of people are near each other and were not compared "
                "in full: the nearest were"
            )
        pictures = TemplatePictures(gallery, embedder)
        page, file = options.output / "report.html", options.output / "findings.json"
        with output_folder(options.output):
            title = f"{options.gallery}: what may be wrong"
            write_report(page, doctor_report(found, by, pictures, report, title=title))
            write_findings(file, found, by, gallery, pictures)
        if pictures.unreadable:
            unread = how_many(len(pictures.unreadable), "template")
            report.remark(f"the pictures of {unread} in the report cannot be read here, or none was kept")
    return Examined(found, by, page, file, tuple(report.remarks))


def _decided(options: DoctorOptions, gallery: Gallery) -> tuple[Embedder | None, ExaminedBy]:
    """The model, where there is one, and the threshold: the recognizer's, or the user's own."""
    from lookalike.decisions.calibration import Calibration
    from lookalike.decisions.policies import given_threshold
    from lookalike.errors import FingerprintError, InputError
    from lookalike.workflows.gallery_kind import refuse_options
    from lookalike.workflows.loaded_model import load_model
    from lookalike.workflows.people_recognizer import people_recognizer

    if gallery.kind == "landmarks":
        raise InputError(f"{options.gallery} holds landmarks, and people are examined; give a gallery of people")
    held = gallery.model
    if held is None:
        raise InputError(f"{options.gallery} holds nobody yet; enroll people first")
    if str(options.model):
        embedder = load_model(options.model, calibration=options.calibration, run=options)
        # Templates are compared one with one.
        recognizer = people_recognizer(embedder, gallery, options.threshold, options.fmr, options.fpir, "nearest")
        return embedder, _by(recognizer.threshold, embedder.calibration)
    if options.threshold is None:
        raise InputError("nothing says up to which distance templates match; give --model, or --threshold")
    refuse_options(options, "fmr", "fpir", why="is measured with the model; give --model with it")
    if options.measure_quality:
        raise InputError("--measure-quality looks for faces with the model; give --model with it")
    calibration = None if options.calibration is None else Calibration.load(options.calibration)
    if calibration is not None and calibration.fingerprint != held.fingerprint:
        raise FingerprintError(
            f"{options.calibration} was measured with model {calibration.fingerprint}, and {options.gallery} belongs "
            f"to model {held.fingerprint}; give the calibration of {held.name}"
        )
    return None, _by(given_threshold(options.threshold, held.metric), calibration)


def _by(threshold: Threshold, calibration: Calibration | None) -> ExaminedBy:
    return ExaminedBy(threshold, None if calibration is None else calibration.odds, "", calibration)


def _with_odds(by: ExaminedBy, templates: StoredTemplates) -> ExaminedBy:
    """The calibration's odds; without one, those of the gallery itself."""
    from dataclasses import replace

    from lookalike.workflows.people_odds import odds_of_gallery

    if by.odds is not None and by.calibration is not None:
        return replace(by, odds_source=f"measured on {by.calibration.source}")
    odds = odds_of_gallery(templates, by.threshold.distance)
    if odds is None:
        return replace(by, odds_source="none: no calibration, and too few people with several templates")
    return replace(by, odds=odds, odds_source="measured on this gallery itself, for want of a calibration")
