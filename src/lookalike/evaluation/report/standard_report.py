"""The report of an evaluation: what `lookalike evaluate` and `lookalike demo` both write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.decisions.calibration import Calibration
from lookalike.errors import InputError
from lookalike.evaluation.identification.enrolment_trials import Spread
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.report.page import (
    Cell,
    Drawing,
    Drawings,
    Fact,
    PicturePair,
    PicturePairs,
    Report,
    Section,
    Table,
)
from lookalike.evaluation.report.summary import MethodResult, MethodSummary, summarise
from lookalike.evaluation.statistics.intervals import Interval
from lookalike.evaluation.verification.all_pairs import HardPairs

__all__ = ["evaluation_report"]

Picture = npt.NDArray[np.uint8]

#: The FAR of the summary table.
FAR_TARGET = 0.01


def evaluation_report(
    methods: Mapping[str, MethodResult],
    *,
    title: str,
    lead: str = "",
    featured: str | None = None,
    facts: Sequence[Fact] = (),
    thumbnails: Sequence[Picture] | None = None,
    maps: Mapping[str, npt.ArrayLike] | None = None,
    calibration: Calibration | None = None,
    sections: Sequence[Section] = (),
    hard_pairs: int = 8,
    replicates: int = 1000,
    seed: int = 0,
    footer: str = "",
) -> Report:
    """Build the standard report.

    Args:
        methods: by name, measured on the same pictures.
        title: of the page.
        lead: one paragraph.
        featured: the method whose look-alikes, maps and facts are shown; default the first.
        facts: tiles; default the featured method's EER, TAR@FAR, rank-1 and size of the test.
        thumbnails: `(h, w)` or `(h, w, 3)` uint8, one per picture in the order of the embeddings.
        maps: caption -> `(n, d)` embeddings of the same pictures, for example before and after training.
        calibration: of the featured method, shown as a table.
        sections: shown after the standard ones, before how it was measured.
        hard_pairs: how many look-alikes, and how many pictures of one identity that look different.
        replicates: of the bootstrap over identities.
        seed: of the bootstrap and the maps.
        footer: last line.

    Raises:
        InputError: no methods, or `featured` is not one of them.
        VectorError: maps or thumbnails do not match the pictures.
    """
    if not methods:
        raise InputError("no methods were given; give at least one name with its results")
    star = next(iter(methods)) if featured is None else featured
    if star not in methods:
        raise InputError(
            f"the featured method {star!r} was not measured; choose one of {', '.join(map(repr, methods))}"
        )
    pictures = methods[star].verification.pictures
    if thumbnails is not None and len(thumbnails) != pictures:
        raise InputError(f"{len(thumbnails)} thumbnails were given for {pictures} pictures; give one per picture")
    summaries = {name: summarise(method, (FAR_TARGET,), replicates, seed) for name, method in methods.items()}
    colours = figure_style.method_colours(list(methods), {name: method.colour for name, method in methods.items()})
    built = [
        _summary_section(summaries, methods, colours),
        _scores_section(methods, colours, star, seed),
        _identification_section(methods, colours, star),
        _calibration_section(calibration),
        _map_section(maps, methods[star], thumbnails, seed),
        _look_alikes_section(star, methods[star], thumbnails, hard_pairs, len(methods) > 1),
        *sections,
        _method_section(methods, summaries, replicates),
    ]
    return Report(
        title=title,
        lead=lead,
        facts=tuple(facts) or _facts(star, summaries[star]),
        sections=tuple(section for section in built if section is not None),
        footer=footer,
    )


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f}%"


def _range(interval: Interval | None, write: Callable[[float], str] = _percent) -> str:
    return "" if interval is None else f"{write(interval.low)} – {write(interval.high)}"


def _facts(name: str, summary: MethodSummary) -> tuple[Fact, ...]:
    point = summary.tar_at_far[0]
    facts = [
        Fact(f"equal error rate of {name}", _percent(summary.eer), _range(summary.eer_interval)),
        Fact(
            f"true accepts at {100 * point.target:g}% false accepts",
            _percent(point.tar),
            _range(summary.tar_intervals[0]),
        ),
    ]
    if summary.rank_1 is not None:
        facts.append(
            Fact(
                "named right at rank 1, closed set", _percent(summary.rank_1.mean), f"± {_percent(summary.rank_1.std)}"
            )
        )
    if summary.identities:
        pairs = summary.genuine_pairs + summary.impostor_pairs
        facts.append(
            Fact("identities tested", f"{summary.identities:,}", f"{summary.pictures:,} pictures, {pairs:,} pairs")
        )
    return tuple(facts)


@dataclass(frozen=True)
class _Number:
    """A number in the first table: its value, a small note below it, and whether too few trials were made."""

    value: float
    text: str
    note: str = ""
    doubtful: bool = False
    smaller_is_better: bool = False


def _numbers(summary: MethodSummary) -> dict[str, _Number]:
    """The columns of one method, by heading."""
    point = summary.tar_at_far[0]
    numbers = {
        "EER": _Number(summary.eer, _percent(summary.eer), _range(summary.eer_interval), smaller_is_better=True),
        "AUC": _Number(summary.auc, f"{summary.auc:.4f}", _range(summary.auc_interval, lambda v: f"{v:.3f}")),
        f"TAR at FAR {100 * point.target:g}%": _Number(
            point.tar, _percent(point.tar), _range(summary.tar_intervals[0]), not point.sufficient
        ),
    }
    if summary.rank_1 is not None:
        numbers["rank-1"] = _over_trials(summary.rank_1)
    for found in summary.dir_at_fpir:
        numbers[f"DIR at FPIR {100 * found.target:g}%"] = _over_trials(found.dir, not found.sufficient)
    if summary.map_at_r is not None:
        numbers["MAP@R"] = _Number(summary.map_at_r, f"{summary.map_at_r:.3f}")
    return numbers


def _over_trials(spread: Spread, doubtful: bool = False) -> _Number:
    return _Number(spread.mean, _percent(spread.mean), f"± {_percent(spread.std)}", doubtful)


def _summary_section(
    summaries: Mapping[str, MethodSummary], methods: Mapping[str, MethodResult], colours: Mapping[str, str]
) -> Section:
    numbers = {name: _numbers(summary) for name, summary in summaries.items()}
    headings = list(dict.fromkeys(heading for columns in numbers.values() for heading in columns))
    best = {}
    for heading in headings:
        known = [columns[heading] for columns in numbers.values() if heading in columns]
        best[heading] = (min if known[0].smaller_is_better else max)(number.value for number in known)
    flagged = any(number.doubtful for columns in numbers.values() for number in columns.values())
    rows = []
    for name, columns in numbers.items():
        row = [Cell(name, methods[name].description, colour=_variable(colours[name]))]
        for heading in headings:
            number = columns.get(heading)
            if number is None:
                row.append(Cell("–"))
                continue
            shine = len(summaries) > 1 and number.value == best[heading]
            row.append(Cell(number.text + (" †" if number.doubtful else ""), number.note, best=shine))
        rows.append(tuple(row))
    one = next(iter(summaries.values()))
    caption = (
        f"{one.genuine_pairs:,} genuine and {one.impostor_pairs:,} impostor pairs"
        + (f", {one.pictures:,} pictures of {one.identities:,} identities" if one.identities else "")
        + ". Below EER, AUC and TAR: 95% interval, bootstrapped over identities. Behind ±: standard deviation over "
        "trials."
        + (
            " Bold: the best figure of a column; where intervals overlap, the order may be chance."
            * (len(summaries) > 1)
        )
        + (" † too few trials to allow 10 errors: the figure says little." if flagged else "")
    )
    heading = "Side by side" if len(summaries) > 1 else "In short"
    table = Table(("method", *headings), tuple(rows), caption)
    return Section(heading, (), (table,))


def _variable(colour: str) -> str:
    """A colour as CSS that follows the theme, where it is one of the palette's."""
    variable = figure_style.THEME.get(colour.lower())
    return f"var({variable}, {colour})" if variable else colour


def _scores_section(methods: Mapping[str, MethodResult], colours: Mapping[str, str], star: str, seed: int) -> Section:
    results = {name: method.verification for name, method in methods.items()}
    band = figures.Band.of(results[star], seed)
    bands = {} if band is None else {star: band}
    shaded = "" if band is None else f" Shaded: 95% interval of {star} over identities, point by point."
    histograms = tuple(
        Drawing(
            figure_style.inline_svg(figures.score_histogram(method.verification, method.threshold)),
            name if len(methods) > 1 else "Distances of pairs",
            alternative=f"histogram of genuine and impostor distances of {name}",
        )
        for name, method in methods.items()
    )
    curves = (
        Drawing(
            figure_style.inline_svg(figures.roc(results, colours, star, bands)),
            "ROC",
            "Higher is better. Each point keeps its false accept rate: it is never exceeded, ties included." + shaded,
            "receiver operating characteristic",
        ),
        Drawing(
            figure_style.inline_svg(figures.det(results, colours, star, bands)),
            "DET",
            "Lower is better; a dot marks the equal error rate, a line along the lower edge no error at all. Axes are "
            "normal deviates (ISO/IEC 19795-1)." + shaded,
            "detection error trade-off",
        ),
    )
    prose = (
        "Every picture is compared with every other one. A genuine pair shows one identity, an impostor pair two; "
        "the less their distances overlap, the better. Two pictures match when their distance is at most the "
        "threshold.",
    )
    return Section("Same or different? (verification, 1:1)", prose, (Drawings(histograms), Drawings(curves)))


def _identification_section(
    methods: Mapping[str, MethodResult], colours: Mapping[str, str], star: str
) -> Section | None:
    results = {name: m.identification for name, m in methods.items() if m.identification is not None}
    if not results:
        return None
    one = next(iter(results.values()))
    prose = (
        f"In each of {one.trials} trials, {one.enrolled} picture(s) per identity are enrolled by chance. Closed set: "
        f"all {one.identities} identities are enrolled, and the other {one.closed_searches:,} pictures are searched. "
        f"Open set: {one.known} identities are enrolled; {one.mated:,.0f} searches have a mate, and "
        f"{one.non_mated:,.0f} show strangers and should come back as nobody.",
        *one.notes,
    )
    drawings = Drawings(
        (
            Drawing(
                figure_style.inline_svg(figures.cmc(results, colours, star)),
                "CMC (closed set)",
                "How often the right identity is among the nearest 1, 2, … of the gallery.",
                "cumulative match characteristic",
            ),
            Drawing(
                figure_style.inline_svg(figures.open_set(results, colours, star)),
                "Open set",
                "Lower is better. False positives are counted over searches of strangers, not over comparisons.",
                "false negative over false positive identification rate",
            ),
        )
    )
    rows = tuple(
        (
            Cell(name, colour=_variable(colours[name])),
            f"{at.threshold:.4g}",
            Cell(_percent(at.right / at.mated)),
            Cell(_percent(at.wrong_name / at.mated)),
            Cell(_percent(at.missed / at.mated)),
            Cell(_percent(at.false_alarms / at.non_mated)),
        )
        for name, result in results.items()
        if (at := result.at_threshold) is not None
    )
    if not rows:
        return Section("Who is it, if anybody? (identification, 1:N)", prose, (drawings,))
    table = Table(
        ("method", "threshold", "named right", "wrong name", "missed", "strangers named"),
        rows,
        "Open set at a threshold chosen beforehand, over all trials. The first three are shares of the enrolled; the "
        "last is the share of strangers who were given a name.",
    )
    return Section("Who is it, if anybody? (identification, 1:N)", prose, (drawings, table))


def _calibration_section(calibration: Calibration | None) -> Section | None:
    if calibration is None:
        return None
    rows = tuple(
        (
            Cell(f"1 in {1 / point.target_fmr:,.0f}", "default" if point == calibration.point() else ""),
            f"{point.threshold:.4g}",
            _percent(point.fmr) if point.fmr >= 0.01 else f"{100 * point.fmr:.3g}%",
            Cell(_percent(point.fnmr), f"{_percent(point.fnmr_low)} – {_percent(point.fnmr_high)}"),
            f"{point.impostor_pairs:,}",
            "yes" if point.sufficient else "no: a guess",
        )
        for point in calibration.points
    )
    table = Table(
        ("false matches allowed", "threshold", "FMR measured", "FNMR measured", "impostor pairs", "enough data"),
        rows,
        "Per comparison of two pictures. In a search among N identities, false alarms are up to N times as frequent.",
    )
    prose = tuple(text for text in (f"Measured on {calibration.source}.", calibration.note) if text)
    return Section("Thresholds", prose, (table,))


def _map_section(
    maps: Mapping[str, npt.ArrayLike] | None,
    method: MethodResult,
    thumbnails: Sequence[Picture] | None,
    seed: int,
) -> Section | None:
    codes = method.verification.codes
    if not maps or codes is None:
        return None
    drawn = tuple(
        Drawing(
            figure_style.inline_svg(figures.embedding_map(embeddings, codes, thumbnails=thumbnails, seed=seed)),
            caption,
            alternative=f"two-dimensional map of the pictures, {caption}",
        )
        for caption, embeddings in maps.items()
    )
    prose = (
        "Each picture is placed near the pictures it resembles (t-SNE); a colour is an identity. Only "
        "neighbourhoods carry meaning: the size of gaps and groups does not.",
    )
    return Section("A map of the pictures", prose, (Drawings(drawn),))


def _look_alikes_section(
    name: str, method: MethodResult, thumbnails: Sequence[Picture] | None, count: int, several: bool
) -> Section | None:
    result = method.verification
    if result.impostor_pairs is None or count < 1:
        return None
    threshold = result.eer_threshold if method.threshold is None else method.threshold
    alike = result.hardest_impostors(count, one_per_identities=True)
    different = result.hardest_genuine(count, one_per_identities=True)
    which = (
        f"the chosen threshold, {threshold:.3g}"
        if method.threshold is not None
        else f"the EER threshold, {threshold:.3g}"
    )
    prose = (
        (f"By {name}. " if several else "") + "First the nearest pairs of two identities, one per two identities: the "
        "look-alikes. Then the farthest pairs of one identity, one per identity. A cross marks an error at "
        f"{which}.",
    )
    sides = (("Two identities that look alike", alike, False), ("One identity that looks like two", different, True))
    if thumbnails is None:
        return Section("Look-alikes", prose, tuple(_pair_table(method, head, p, threshold) for head, p, _ in sides))
    return Section(
        "Look-alikes",
        prose,
        tuple(_pair_pictures(method, head, p, threshold, same, thumbnails) for head, p, same in sides),
    )


def _name(method: MethodResult, picture: int) -> str:
    codes = method.verification.codes
    return f"picture {picture}" if codes is None else str(method.verification.names[int(codes[picture])])


def _pair_pictures(
    method: MethodResult,
    heading: str,
    pairs: HardPairs,
    threshold: float,
    same: bool,
    thumbnails: Sequence[Picture],
) -> PicturePairs:
    items: list[Any] = [
        PicturePair(
            thumbnails[a],
            thumbnails[b],
            _name(method, a),
            _name(method, b),
            f"distance {distance:.3g}",
            good=(distance <= threshold) == same,
        )
        for a, b, distance in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distances, strict=True)
    ]
    return PicturePairs(tuple(items), heading)


def _pair_table(method: MethodResult, heading: str, pairs: HardPairs, threshold: float) -> Table:
    rows = tuple(
        (
            f"{_name(method, a)} · {_name(method, b)}",
            f"{a} · {b}",
            f"{distance:.4g}",
            "match" if distance <= threshold else "no match",
        )
        for a, b, distance in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distances, strict=True)
    )
    return Table((heading, "pictures", "distance", "answer"), rows)


def _method_section(
    methods: Mapping[str, MethodResult], summaries: Mapping[str, MethodSummary], replicates: int
) -> Section:
    one = next(iter(summaries.values()))
    prose = [
        "All distances are exact; no index takes part. Where distances tie, the mate comes last. A rate at a target is "
        "the best whose false alarms do not exceed the target.",
    ]
    if one.eer_interval is not None:
        prose.append(
            f"Intervals come from {replicates:,} bootstrap replicates that resample identities, not pairs, since the "
            "pairs of one identity stand or fall together. An interval of no width means that no replicate held an "
            f"error, not that there are none: {one.identities:,} identities cannot show rare errors."
        )
    if any(method.threshold is None for method in methods.values()):
        prose.append(
            "A threshold in a histogram that was not chosen beforehand is that of the equal error rate, on these very "
            "pairs; it describes them and promises nothing."
        )
    return Section("How this was measured", tuple(prose))
