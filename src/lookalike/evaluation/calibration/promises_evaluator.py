"""What a promise means from a hundred people to ten million, as a section of the report."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.decisions.calibration import Calibration
from lookalike.decisions.promise import Promise
from lookalike.errors import InputError
from lookalike.evaluation.calibration.thresholds_evaluator import answering_threshold, calibration
from lookalike.evaluation.context import EvaluationContext
from lookalike.evaluation.evaluator import Measurement
from lookalike.evaluation.options import DEFAULT_PROMISE
from lookalike.evaluation.report import figure_style, size_figures
from lookalike.evaluation.report.page import Cell, Drawing, Drawings, Section, Table
from lookalike.evaluation.report.rate_text import small_percent

__all__ = ["PROMISED_SIZES", "Promises", "promise_section"]

#: Galleries for which a report says what the promise means.
PROMISED_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


class Promises:
    """The threshold that keeps the promise in galleries of growing size, and what it costs."""

    def measure(self, context: EvaluationContext) -> Measurement:
        """Up to the largest gallery for which these data carry the promise."""
        promise, measured = Promise.parse(context.options.promise or DEFAULT_PROMISE), calibration(context)
        galleries = []
        for size in PROMISED_SIZES if promise.kind == "fpir" else (1,):
            try:
                galleries.append(measured.promised(promise, size))
            except InputError as error:
                context.report.remark(f"among {size:,}: {error}")
                break
        metrics = {"kind": promise.kind, "rate": promise.rate, "galleries": galleries}
        section = promise_section(measured, promise, answering_threshold(context))
        return Measurement(section, {"promise": metrics})


def promise_section(measured: Calibration, promise: Promise, fixed: float) -> Section:
    """What a promise per search means from a hundred people to ten million.

    Args:
        measured: with the tail of the impostor distances.
        promise: about searches (fpir), or about comparisons (fmr).
        fixed: a threshold that does not follow the gallery, for comparison.
    """
    tail, misses = measured.tail, measured.misses
    heading = "What is promised"
    if tail is None or misses is None:
        return Section(
            heading, (f"{measured.impostor_pairs:,} impostor pairs are too few to promise anything beyond them.",)
        )
    prose = (
        "Thresholds below come from the tail of the impostor distances (a generalised Pareto distribution, fitted to "
        "the nearest of them); they keep the promise with 95% confidence, which is why the rate expected is lower. "
        f"{tail.identity_pairs:,} pairs of identities lie in the tail, of {tail.impostor_pairs:,} impostor pairs. "
        "Where the data do not carry the promise, it says so: more identities move that border, more pictures hardly.",
    )
    if promise.kind == "fmr":
        return Section(heading, prose, (_table(measured, promise, (1,), None),))
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
    return Section(heading, prose, (_table(measured, promise, PROMISED_SIZES, fixed), drawings))


def _table(measured: Calibration, promise: Promise, sizes: Sequence[int], fixed: float | None) -> Table:
    assert measured.tail is not None
    columns: tuple[str, ...] = ("gallery", "threshold", "rate expected", "bound", "genuine pairs missed", "enough data")
    rows: list[tuple[Cell | str, ...]] = []
    for size in sizes:
        name = f"{size:,}" if promise.kind == "fpir" else "any"
        alarms = () if fixed is None else (small_percent(measured.tail.fpir(fixed, size)),)
        try:
            found = measured.promised(promise, size)
        except InputError:
            rows.append((name, "–", "–", "–", "–", "no: beyond these data", *alarms))
            continue
        rows.append(
            (
                name,
                f"{found.threshold:.4g}",
                small_percent(found.expected),
                small_percent(found.bound),
                Cell(small_percent(found.fnmr), f"{small_percent(found.fnmr_low)} – {small_percent(found.fnmr_high)}"),
                "yes" if found.sufficient else Cell("no: a guess", f"{found.extrapolation:,.0f} times beyond the data"),
                *alarms,
            )
        )
    if fixed is not None:
        columns = (*columns, f"alarms at {fixed:.3g} throughout")
    what = "searches of strangers that name anybody" if promise.kind == "fpir" else "impostor pairs that match"
    return Table(columns, tuple(rows), f"Promised: at most {promise.rate:g} of {what}. A gallery counts its templates.")
