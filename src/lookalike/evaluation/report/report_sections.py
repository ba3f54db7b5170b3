"""Sections of a report that depend on what was asked for: promises, distractors, groups, a second model, listed pairs.

`standard_report` holds what every report shows; these are added where their measurement was made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lookalike.decisions.calibration import Calibration
from lookalike.decisions.promise import Promise
from lookalike.errors import InputError
from lookalike.evaluation.data_checks import Finding
from lookalike.evaluation.identification.distractors import DistractorRanks
from lookalike.evaluation.report import figure_style, size_figures
from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Section, Table
from lookalike.evaluation.verification.all_pairs import TarPoint
from lookalike.evaluation.verification.groups import GroupRate, GroupRates
from lookalike.evaluation.verification.model_comparison import Difference, VerificationComparison
from lookalike.evaluation.verification.pair_counts import PairCounts
from lookalike.evaluation.verification.ten_folds import FoldAccuracy

__all__ = [
    "PROMISED_SIZES",
    "all_pairs_section",
    "comparison_section",
    "distractor_section",
    "findings_section",
    "folds_section",
    "group_section",
    "promise_section",
]

#: Galleries for which a report says what the promise means.
PROMISED_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def promise_section(calibration: Calibration, promise: Promise, fixed: float) -> Section:
    """What a promise per search means from a thousand people to ten million.

    Args:
        calibration: with the tail of the impostor distances.
        promise: about searches (fpir), or about comparisons (fmr).
        fixed: a threshold that does not follow the gallery, for comparison.
    """
    tail, misses = calibration.tail, calibration.misses
    heading = "What is promised"
    if tail is None or misses is None:
        return Section(
            heading, (f"{calibration.impostor_pairs:,} impostor pairs are too few to promise anything beyond them.",)
        )
    prose = (
        "Thresholds below come from the tail of the impostor distances (a generalised Pareto distribution, fitted to "
        "the nearest of them); they keep the promise with 95% confidence, which is why the rate expected is lower. "
        f"{tail.identity_pairs:,} pairs of identities lie in the tail, of {tail.impostor_pairs:,} impostor pairs. "
        "Where the data do not carry the promise, it says so: more identities move that border, more pictures hardly.",
    )
    if promise.kind == "fmr":
        return Section(heading, prose, (_promise_table(calibration, promise, (1,), None),))
    sizes = [round(10 ** (power / 4)) for power in range(8, 29)]  # 100 to 10 million
    drawings = Drawings(
        (
            Drawing(
                figure_style.inline_svg(size_figures.false_alarm_curve(tail, promise, fixed, sizes)),
                "False alarms as the gallery grows",
                "Searches of people who are not enrolled, one template each. The same threshold that is safe among a "
                "thousand people names somebody in most searches among a million.",
                "false positive identification rate over the size of the gallery",
            ),
            Drawing(
                figure_style.inline_svg(size_figures.miss_curve(tail, misses, promise, sizes)),
                "What the promise costs",
                "Genuine pairs missed at the threshold that keeps the promise. The line ends where these data cannot "
                "carry it any further.",
                "false non-match rate over the size of the gallery",
            ),
        )
    )
    return Section(heading, prose, (_promise_table(calibration, promise, PROMISED_SIZES, fixed), drawings))


def _promise_table(calibration: Calibration, promise: Promise, sizes: Sequence[int], fixed: float | None) -> Table:
    assert calibration.tail is not None
    columns: tuple[str, ...] = ("gallery", "threshold", "rate expected", "bound", "genuine pairs missed", "enough data")
    rows: list[tuple[Cell | str, ...]] = []
    for size in sizes:
        name = f"{size:,}" if promise.kind == "fpir" else "any"
        alarms = () if fixed is None else (_rate(calibration.tail.fpir(fixed, size)),)
        try:
            found = calibration.promised(promise, size)
        except InputError:
            rows.append((name, "–", "–", "–", "–", "no: beyond these data", *alarms))
            continue
        rows.append(
            (
                name,
                f"{found.threshold:.4g}",
                _rate(found.expected),
                _rate(found.bound),
                Cell(_rate(found.fnmr), f"{_rate(found.fnmr_low)} – {_rate(found.fnmr_high)}"),
                "yes" if found.sufficient else Cell("no: a guess", f"{found.extrapolation:,.0f} times beyond the data"),
                *alarms,
            )
        )
    if fixed is not None:
        columns = (*columns, f"alarms at {fixed:.3g} throughout")
    what = "searches of strangers that name anybody" if promise.kind == "fpir" else "impostor pairs that match"
    return Table(columns, tuple(rows), f"Promised: at most {promise.rate:g} of {what}. A gallery counts its templates.")


def all_pairs_section(counts: PairCounts, points: Sequence[TarPoint], pictures: int, sample: int) -> Section:
    """What all pairs of a large set say, where figures and intervals come from a sample of it."""
    rows = tuple(
        (f"{point.target:g}", f"{100 * point.tar:.2f}%", f"{point.far:.3g}", f"{point.threshold:.5g}", _enough(point))
        for point in points
    )
    table = Table(
        ("FAR at most", "TAR", "FAR measured", "threshold", "enough data"),
        rows,
        f"EER {_rate(counts.eer)}, AUC {counts.auc:.5f}.",
    )
    prose = (
        f"All pairs of {pictures:,} pictures were compared: {counts.genuine_pairs:,} genuine and "
        f"{counts.impostor_pairs:,} impostor ones. Figures, intervals and look-alikes above come from a random sample "
        f"of the identities, about {sample:,} pictures; the rates here do not.",
    )
    return Section("All pairs", prose, (table,))


def _enough(point: TarPoint) -> str:
    return "yes" if point.sufficient else "no: fewer than 10 errors allowed"


def distractor_section(results: Mapping[str, DistractorRanks], colours: Mapping[str, str], source: str) -> Section:
    """Rank-1 among growing numbers of distractors.

    Args:
        results: by method.
        colours: of the methods.
        source: who the distractors are, in words.
    """
    one = next(iter(results.values()))
    rows = []
    for name, ranks in results.items():
        columns = (ranks.sizes, ranks.rank_k(1), ranks.intervals(1), ranks.rank_k(10))
        for size, rate, band, of_ten in zip(*columns, strict=True):
            rows.append(
                (
                    f"{name}, {size:,}" if len(results) > 1 else f"{size:,}",
                    Cell(_rate(float(rate)), f"{_rate(band.low)} – {_rate(band.high)}"),
                    _rate(float(of_ten)),
                )
            )
    prose = (
        f"Each picture of an identity is enrolled in turn, alone among the distractors ({source}), and each other "
        f"picture of the identity is searched: {len(one.probe):,} searches (the MegaFace protocol). The larger "
        "sets contain the smaller ones.",
    )
    drawing = Drawing(
        figure_style.inline_svg(size_figures.distractor_curve(results, colours)),
        "Rank-1 among distractors",
        "The band is the 95% interval over identities.",
        "rank-1 identification rate over the number of distractors",
    )
    table = Table(("distractors", "rank 1", "rank 10"), tuple(rows), "Below a rate its 95% interval over identities.")
    return Section("Among strangers", prose, (Drawings((drawing,)), table))


def group_section(rates: GroupRates) -> Section:
    """FMR and FNMR of every group at the common threshold."""
    rows = tuple(
        (
            str(group),
            _group_cell(rates.fmr[group, group]),
            _ratio(rates.fmr[group, group].ratio),
            _group_cell(rates.fnmr[group]),
            _ratio(rates.fnmr[group].ratio),
        )
        for group in rates.groups
    )
    table = Table(
        ("group", "FMR within", "of everybody's", "FNMR", "of everybody's"),
        rows,
        "Below a rate its 95% interval over identities and the pairs it was measured on. † too few pairs to expect 10 "
        "errors: the figure says little.",
    )
    across = Table(
        ("FMR between", *(str(group) for group in rates.groups)),
        tuple((str(a), *(_group_cell(rates.fmr[a, b], pairs=False) for b in rates.groups)) for a in rates.groups),
        "Impostor pairs of a picture of the row's group and one of the column's.",
    )
    worst = [
        f"{kind.upper()} of the worst group is {value:.3g} times that of the best"
        for kind in ("fmr", "fnmr")
        if not math.isnan(value := rates.worst_to_best(kind))
    ]
    prose = [
        f"All groups are judged at one threshold, {rates.threshold:.4g}: FMR {_rate(rates.overall_fmr)} and FNMR "
        f"{_rate(rates.overall_fnmr)} over everybody." + (f" {'; '.join(worst)}." if worst else ""),
    ]
    if rates.mixed_genuine:
        prose.append(f"{rates.mixed_genuine:,} genuine pairs span two groups and are left out of FNMR.")
    return Section("Groups", tuple(prose), (table, across))


def comparison_section(a: str, b: str, found: VerificationComparison) -> Section:
    """Two models on the same pictures: the difference of each figure, and whether it may be chance."""
    rows = [("EER", found.eer), ("AUC", found.auc)]
    rows += [(f"TAR at FAR {100 * target:g}%", difference) for target, difference in found.tar_at_far.items()]
    table = Table(
        ("figure", a, b, "difference", f"{a} better in", "told apart"),
        tuple((name, *_difference_cells(difference)) for name, difference in rows),
        "Below a difference its 95% interval by paired bootstrap: the same identities are drawn for both models.",
    )
    prose = (f"{a} and {b} compared the same pictures. Where the interval of a difference holds 0, it may be chance.",)
    return Section("Against another model", prose, (table,))


def _difference_cells(found: Difference) -> tuple[Cell | str, ...]:
    interval = f"{100 * found.interval.low:+.2f} – {100 * found.interval.high:+.2f}"
    return (
        f"{100 * found.a:.2f}%",
        f"{100 * found.b:.2f}%",
        Cell(f"{100 * found.difference:+.2f}", interval),
        f"{100 * found.a_better:.1f}% of replicates",
        "yes" if found.significant else "no",
    )


def folds_section(found: FoldAccuracy, source: str) -> Section:
    """Accuracy over folds of listed pairs, as LFW's View 2 reports it."""
    rows = tuple(
        (f"{fold + 1}", f"{accuracy:.4f}", f"{threshold:.4g}", f"{pairs:,}")
        for fold, accuracy, threshold, pairs in zip(
            found.folds.tolist(), found.accuracies, found.thresholds, found.pairs.tolist(), strict=True
        )
    )
    table = Table(
        ("fold", "accuracy", "threshold", "pairs"),
        rows,
        "A fold's threshold is the most accurate one of all other folds.",
    )
    prose = (f"Accuracy {found.mean:.4f} ± {found.standard_error:.4f} (mean of the folds, standard error): {source}.",)
    return Section("Listed pairs", prose, (table,))


def findings_section(findings: Sequence[Finding], training_known: bool = False) -> Section:
    """What was found in the data before anything was measured on it.

    Args:
        findings: from `data_checks`.
        training_known: whether the identities that the model was trained on were looked for.
    """
    rows = tuple((finding.severity, Cell(finding.kind), finding.text) for finding in findings)
    if not rows:
        trained = (
            "nobody of the training data is among them" if training_known else "whom it was trained on is not known"
        )
        return Section("The data", (f"No vector is unusable or there twice; {trained}.",))
    return Section("The data", (), (Table(("", "what", "where"), rows),))


def _group_cell(rate: GroupRate, pairs: bool = True) -> Cell:
    if not rate.pairs:
        return Cell("–", "no pairs")
    notes = [] if rate.interval is None else [f"{_rate(rate.interval.low)} – {_rate(rate.interval.high)}"]
    if pairs:
        notes.append(f"{rate.pairs:,} pairs")
    return Cell(_rate(rate.rate) + ("" if rate.sufficient else " †"), ", ".join(notes))


def _ratio(value: float) -> str:
    return "–" if math.isnan(value) else f"× {value:.3g}"


def _rate(value: float) -> str:
    """Three digits, however small."""
    if value >= 0.01 or value == 0:
        return f"{100 * value:.1f}%"
    return f"{100 * value:.3g}%"
