"""Thresholds of both models of a gallery on its own people, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lookalike.decisions.calibration import Calibration
    from lookalike.decisions.promise import Promise
    from lookalike.evaluation.verification.all_pairs import VerificationResult
    from lookalike.gallery import Model
    from lookalike.gallery.model_upgrade import ModelUpgrade
    from lookalike.progress import ProgressSink

__all__ = ["ComparedModels", "MeasuredModel", "compare_models", "measured_rows", "write_comparison"]

#: Templates whose pairs are compared, at most: 200 million, in some seconds.
TEMPLATES = 20_000
#: Of those, templates whose distances are all kept, for the figure.
_DRAWN = 3_000


@dataclass(frozen=True, eq=False)
class MeasuredModel:
    """One model on the gallery's own people.

    Attributes:
        name: of the model.
        fingerprint: of it.
        calibration: thresholds, from all pairs of the templates that were taken.
        pairs: distances of pairs, of some of them where they are many.
    """

    name: str
    fingerprint: str
    calibration: Calibration
    pairs: VerificationResult


@dataclass(frozen=True, eq=False)
class ComparedModels:
    """The gallery's model and the other, on the same templates.

    Attributes:
        present: the gallery's own.
        other: the one that it is to change to.
        people: whose templates were taken.
        templates: that were taken.
    """

    present: MeasuredModel
    other: MeasuredModel
    people: int
    templates: int


def compare_models(
    upgrade: ModelUpgrade, promise: Promise | None = None, progress: ProgressSink | None = None, seed: int = 0
) -> ComparedModels | None:
    """Measure thresholds of both models on the templates that both have vectors of.

    Args:
        upgrade: of the gallery.
        promise: what the other model's thresholds are to keep; None for a measured false match rate.
        progress: told of it.
        seed: which people are taken, where there are more than can be compared.

    Returns:
        None where the gallery's people make no genuine or no impostor pair: each has one template, or there is one.
    """
    import numpy as np

    ids, owners = upgrade.owners()
    taken = ids[taken_templates(owners, TEMPLATES, seed)]
    ids_now, present, other = upgrade.vectors(taken.tolist())
    owner_of = dict(zip(ids.tolist(), owners.tolist(), strict=True))
    labels = np.array([owner_of[one] for one in ids_now.tolist()], np.int64)
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < 2 or counts.max() < 2:
        return None
    status = upgrade.status()
    assert status.other is not None
    source = f"{len(counts)} people of the gallery, by their own templates"
    measured = [
        _measured(model, vectors, labels, source, kept, progress, seed)
        for model, vectors, kept in ((status.model, present, None), (status.other, other, promise))
    ]
    return ComparedModels(measured[0], measured[1], len(counts), len(labels))


def taken_templates(owners: npt.NDArray[np.int64], count: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions of at most about `count` templates: of people with several first, all of each; of two people at least.

    Args:
        owners: `(n,)` the person of each template.
        count: how many are wanted.
        seed: who is taken, where there are more.

    Example:
        >>> taken_templates(np.array([7, 8, 8, 9, 9, 9]), 5, seed=0).tolist()
        [1, 2, 3, 4, 5]
    """
    import numpy as np

    people, person, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(people))
    order = order[np.argsort(sizes[order] == 1, kind="stable")]
    fit = max(2, int(np.searchsorted(np.cumsum(sizes[order]), count, side="right")))
    chosen = np.zeros(len(people), bool)
    chosen[order[:fit]] = True
    return np.flatnonzero(chosen[person])


def _measured(
    model: Model,
    vectors: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    source: str,
    promise: Promise | None,
    progress: ProgressSink | None,
    seed: int,
) -> MeasuredModel:
    from lookalike.evaluation.calibration.thresholds import calibrate, calibrate_large
    from lookalike.evaluation.verification.all_pairs import verify_all_pairs

    drawn = taken_templates(labels, _DRAWN, seed) if len(labels) > _DRAWN else slice(None)
    pairs = verify_all_pairs(vectors[drawn], labels[drawn], model.metric)
    how: dict[str, Any] = {"fingerprint": model.fingerprint, "metric": model.metric, "source": source, "seed": seed}
    if len(labels) > _DRAWN:
        found = calibrate_large(vectors, labels, progress=progress, **how)
    else:
        found = calibrate(pairs, **how)
    return MeasuredModel(model.name, model.fingerprint, found.model_copy(update={"promise": promise}), pairs)


def measured_rows(compared: ComparedModels) -> tuple[dict[str, Any], ...]:
    """The figures of both at every false match rate that both were measured at, ready for JSON.

    Each row: `target_fmr`, `sufficient`, and of `present` and `other` `threshold`, `fmr` and `fnmr`.
    """
    rows = []
    for one, two in zip(compared.present.calibration.points, compared.other.calibration.points, strict=True):
        both = {
            which: {"threshold": point.threshold, "fmr": point.fmr, "fnmr": point.fnmr}
            for which, point in (("present", one), ("other", two))
        }
        rows.append({"target_fmr": one.target_fmr, "sufficient": one.sufficient and two.sufficient, **both})
    return tuple(rows)


def write_comparison(folder: Path, compared: ComparedModels, gallery: str) -> tuple[Path, ...]:
    """Write `report.html` with the ROC of both, `metrics.json`, and `calibration.json` of the other model.

    Args:
        folder: made where it is not there; other files in it stay.
        compared: what was measured.
        gallery: its address, for the title.

    Raises:
        StorageError: the disk is full, read-only or failing; older files are unharmed.
    """
    from lookalike.workflows.evaluation_folder import write_evaluation
    from lookalike.workflows.output_folder import output_folder

    both = (compared.present, compared.other)
    metrics = {
        "format_version": 1,
        "people": compared.people,
        "templates": compared.templates,
        "models": {
            which: {"name": one.name, "fingerprint": one.fingerprint, "eer": one.calibration.eer}
            for which, one in zip(("present", "other"), both, strict=True)
        },
        "points": measured_rows(compared),
    }
    with output_folder(folder):
        written = write_evaluation(folder, _page(compared, gallery), metrics)
        thresholds = folder / "calibration.json"
        compared.other.calibration.save(thresholds)
    return (*written, thresholds)


def _page(compared: ComparedModels, gallery: str) -> Any:
    from lookalike.evaluation.calibration.thresholds_evaluator import thresholds_section
    from lookalike.evaluation.report import figure_style, figures
    from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Fact, Report, Section, Table
    from lookalike.evaluation.report.rate_text import percent, small_percent

    present, other = compared.present, compared.other
    titles = [f"{present.name} (present)", f"{other.name} (new)"]
    curves = Drawing(
        figure_style.inline_svg(
            figures.roc(dict(zip(titles, (present.pairs, other.pairs), strict=True)), star=titles[1])
        ),
        "ROC",
        "Higher is better: pairs of templates of one person that match, over pairs of two people that do.",
        "receiver operating characteristic of both models",
    )
    rows: Sequence[dict[str, Any]] = measured_rows(compared)
    table = Table(
        ("false matches allowed", *(f"FNMR, {one}" for one in titles), "enough data"),
        tuple(
            (
                f"1 in {1 / row['target_fmr']:,.0f}",
                *(
                    Cell(percent(row[which]["fnmr"]), f"threshold {row[which]['threshold']:.4g}")
                    for which in ("present", "other")
                ),
                "yes" if row["sufficient"] else "no: a guess",
            )
            for row in rows
        ),
        "Shares of pairs of one person that would not match, each model at its own threshold.",
    )
    lead = (
        f"{compared.templates:,} templates of {compared.people:,} people of the gallery, compared with each other. "
        "People who trained a model make it look better than it is."
    )
    facts = tuple(
        Fact(f"EER, {title}", small_percent(one.calibration.eer))
        for title, one in zip(titles, (present, other), strict=True)
    )
    sections = (
        Section("Both models on the gallery's own people", (), (table, Drawings((curves,)))),
        thresholds_section(other.calibration),
    )
    return Report(f"{gallery}: from {present.name} to {other.name}", lead, facts, sections)
