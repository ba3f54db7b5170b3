"""The report of a comparison on landmarks: table, promise, maps of centroids by viewing angle, and answers as pictures.

>>> write_report("report.html", landmark_report(compared, photos, "several", azimuths))    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lookalike.errors import InputError
from lookalike.evaluation.report import figure_style
from lookalike.evaluation.report.page import (
    Cell,
    Drawing,
    Drawings,
    Fact,
    Report,
    Section,
    Table,
)
from lookalike.evaluation.report.rate_text import number_range, percent, percent_range
from lookalike.landmarks import figures
from lookalike.landmarks.answer_pictures import AnswerPictures, answer_pictures
from lookalike.landmarks.answers_evaluator import answers_by_outcome
from lookalike.landmarks.comparison import Compared
from lookalike.landmarks.figures import Viewpoints
from lookalike.landmarks.photo_splits import PhotoSplits
from lookalike.landmarks.place import Place

__all__ = ["AnswerPictures", "answer_pictures", "landmark_report", "viewpoints_of"]

#: Places drawn as maps at most: four figures of twelve.
MAPS = 48


def landmark_report(
    compared: Sequence[Compared],
    photos: PhotoSplits,
    featured: Compared,
    azimuths: Mapping[str, float],
    *,
    title: str,
    lead: str = "",
    places: Mapping[str, Place] | None = None,
    sections: Sequence[Section] = (),
    footer: str = "",
) -> Report:
    """Build the report.

    Args:
        compared: methods, measured on the same photos.
        photos: what they were measured on.
        featured: the one of these whose maps, scores and answers are shown.
        azimuths: path → degrees clockwise from north at which the photo was taken, seen from the place; maps are drawn
            of places all of whose photos are in it.
        title: of the page.
        lead: one paragraph.
        places: names of places.
        sections: shown after the table.
        footer: last line.

    Raises:
        InputError: nothing was compared, or the featured one is not among it.
        ImageError: a photo that is shown cannot be read any more.
    """
    if featured not in compared:
        raise InputError(f"the featured method {featured.name!r} is not among the {len(compared)} compared; give one")
    colours = figure_style.method_colours([one.name for one in compared])
    known = places or {}
    built = [
        _table_section(compared, featured, photos, azimuths, colours),
        *sections,
        _scores_section(compared, featured),
        _maps_section(featured, photos, azimuths, known),
        answers_by_outcome(
            featured.measured,
            photos.questions,
            {place: facts.name for place, facts in known.items()},
            method=featured.name,
        ),
        _method_section(featured, photos),
    ]
    return Report(title, lead, _facts(featured), tuple(one for one in built if one is not None), footer)


def viewpoints_of(
    compared: Compared, photos: PhotoSplits, azimuths: Mapping[str, float], places: Mapping[str, Place] | None = None
) -> list[Viewpoints]:
    """Every place as seen from where; places with a photo of unknown azimuth, or without a test photo, are left out."""
    asked = dict(photos.test.groups())
    found = []
    for place, mine in photos.places.groups():
        enrolled = [str(photos.places.paths[at]) for at in mine]
        tested = asked.get(place, np.empty(0, np.int64)).tolist()
        paths = [str(photos.test.paths[at]) for at in tested]
        if not paths or not all(path in azimuths for path in enrolled + paths):
            continue
        found.append(
            Viewpoints(
                places[place].name if places and place in places else place,
                np.array([azimuths[path] for path in enrolled]),
                # A photo that was given twice has one vector, and one of its two sources.
                np.array([compared.centroid_of.get(path, -1) for path in enrolled], np.int64),
                np.array([azimuths[path] for path in paths]),
                [compared.measured.outcomes[at] for at in tested],
                compared.measured.guessed[tested],
            )
        )
    return found


def _facts(featured: Compared) -> tuple[Fact, ...]:
    m, promised = featured.measured.measures, featured.enrolled.promised
    facts = [
        Fact(f"unseen viewpoints guessed right by {featured.name}", percent(m.top_1), percent_range(m.top_1_interval)),
        Fact("of them answered, and right", percent(m.right_answers), percent_range(m.right_answers_interval)),
        Fact("GAP", f"{m.gap:.3f}", number_range(m.gap_interval)),
    ]
    if m.false_positives is not None:
        facts.append(
            Fact(
                "of photos without a landmark accepted",
                percent(m.false_positives.value),
                f"promised: at most {100 * promised.promise:g}%",
            )
        )
    return tuple(facts)


def _table_section(
    compared: Sequence[Compared],
    featured: Compared,
    photos: PhotoSplits,
    azimuths: Mapping[str, float],
    colours: Mapping[str, str],
) -> Section:
    m = featured.measured.measures
    prose = (
        f"{m.landmarks:,} photos of {m.places:,} places from viewpoints that were neither learned from nor enrolled, "
        f"and {m.non_landmarks:,} photos without a landmark that nothing was learned or calibrated on.",
        "GAP sorts all guesses by confidence: it is 1 where every landmark is guessed right and no wrong guess is "
        "surer. Top-1 counts guesses, right answers only those that were sure enough to be given.",
    )
    drawings = [
        Drawing(
            figure_style.inline_svg(
                figures.precision_by_recall({one.name: one.measured for one in compared}, colours, featured.name)
            ),
            "Precision by recall",
            "From the surest guess to the least sure, photos without a landmark among them. The area below is GAP.",
            "precision over recall of every method",
        )
    ]
    alike = [one for one in compared if one.centroids == featured.centroids]
    maps = {one.name: viewpoints_of(one, photos, azimuths) for one in alike}
    if maps[featured.name]:
        drawings.append(
            Drawing(
                figure_style.inline_svg(figures.by_angle(maps, colours, featured.name)),
                "The farther from an enrolled viewpoint, the harder?",
                "Share of unseen viewpoints guessed right (top-1). Bars are 95% intervals.",
                "right guesses by the angle to the nearest enrolled photo",
            )
        )
    return Section("What each is worth", prose, (_table(compared, colours), Drawings(tuple(drawings))))


def _table(compared: Sequence[Compared], colours: Mapping[str, str]) -> Table:
    """A row per method; the best figure of a column is bold."""
    gap = max(one.measured.measures.gap for one in compared)
    top = max(one.measured.measures.top_1 for one in compared)
    right = max(one.measured.measures.right_answers for one in compared)
    rows = []
    for one in compared:
        m, promised = one.measured.measures, one.enrolled.promised
        wrong, accepted = m.false_positives, one.measured.counts["falsely accepted"]
        colour = figure_style.css_colour(colours[one.name])
        rows.append(
            (
                Cell(one.name, f"{one.enrolled.centroids} centroids", colour=colour),
                Cell(f"{m.gap:.3f}", number_range(m.gap_interval), m.gap == gap),
                Cell(percent(m.top_1), percent_range(m.top_1_interval), m.top_1 == top),
                Cell(percent(m.right_answers), percent_range(m.right_answers_interval), m.right_answers == right),
                "–" if wrong is None else Cell(percent(wrong.value), percent_range(wrong)),
                f"{accepted} of {m.non_landmarks:,}",
                f"≤ {100 * promised.promise:g}%",
            )
        )
    return Table(
        ("network and centroids", "GAP", "top-1", "right answers", "falsely accepted", "photos", "promised"),
        tuple(rows),
        "Small print: 95% intervals, over places by bootstrap, of false acceptances by Wilson.",
    )


def _scores_section(compared: Sequence[Compared], featured: Compared) -> Section:
    promised = featured.enrolled.promised
    shown = [featured, *(one for one in compared if one.method != featured.method)][:2]
    drawings = tuple(
        Drawing(
            figure_style.inline_svg(figures.scores(one.measured)),
            one.name,
            f"{one.measured.counts['falsely accepted']} of {one.measured.measures.non_landmarks:,} photos without a "
            f"landmark lie left of the line, and {one.measured.counts['missed']} of "
            f"{one.measured.measures.landmarks:,} photos with one were missed.",
            f"histogram of scores of {one.name}",
        )
        for one in shown
    )
    prose = [
        f"The promise: {promised.source}.",
        "Every place and every photo has a threshold of its own, by how many photos without a landmark look like it; "
        "so photos are drawn by how far they are beyond theirs.",
    ]
    if promised.note:
        prose.append(f"Note: {promised.note}.")
    return Section("The promise about photos without a landmark", tuple(prose), (Drawings(drawings),))


def _maps_section(
    featured: Compared,
    photos: PhotoSplits,
    azimuths: Mapping[str, float],
    places: Mapping[str, Place],
) -> Section | None:
    maps = viewpoints_of(featured, photos, azimuths, places)
    if not maps:
        return None
    summary = [
        Drawing(
            figure_style.inline_svg(figures.centroid_counts(maps)),
            "How many centroids has a place?",
            "A place has several where its photos fall into groups that lie clearly apart, and one where they do not.",
            "number of places by their number of centroids",
        )
    ]
    same, other = figures.centroid_pairs(maps)
    if len(same) and len(other):
        summary.append(
            Drawing(
                figure_style.inline_svg(figures.centroid_angles(maps)),
                "Do centroids follow the viewing angle?",
                f"Two photos in one centroid were taken {np.median(same):.0f}° apart (median), two in different "
                f"centroids {np.median(other):.0f}°; both would be alike if the angle played no part. Only places with "
                "several centroids count.",
                "angles between photos in one centroid and in two",
            )
        )
    order = sorted(range(len(maps)), key=lambda at: (-int(maps[at].centroids.max(initial=-1)), maps[at].name))[:MAPS]
    drawings: list[Drawing] = []
    figures_needed = -(-len(order) // (figures.ACROSS * figures.DOWN))
    for part in np.array_split(order, figures_needed):
        drawn = [maps[at] for at in part.tolist()]
        drawings.append(
            Drawing(
                figure_style.inline_svg(figures.viewpoints(drawn)),
                f"{drawn[0].name} to {drawn[-1].name}" if len(drawn) > 1 else drawn[0].name,
                alternative=f"maps of {', '.join(one.name for one in drawn)} by viewing angle",
            )
        )
    left_out = f" {len(maps) - len(order)} more places are not drawn." if len(maps) > len(order) else ""
    prose = (
        f"Each circle is a place from above, by {featured.name}; places with most centroids first. A spoke is an "
        "enrolled photo, at the angle it was taken from, coloured by the centroid it went into. On the outer ring are "
        f"the unseen viewpoints that were asked about.{left_out}",
    )
    return Section("Centroids by viewing angle", prose, (Drawings(tuple(summary)), Drawings(tuple(drawings))))


def _method_section(featured: Compared, photos: PhotoSplits) -> Section:
    promised = featured.enrolled.promised
    return Section(
        "How this was measured",
        (
            f"{len(photos.places):,} photos of {len(photos.places.names):,} places were learned from and enrolled; "
            f"{len(photos.learn_others):,} photos without a landmark were learned from as one class more. Thresholds "
            f"rest on {promised.photos:,} others, the false acceptances on {len(photos.test_others):,} others still.",
            "Every network embeds all photos once; its vectors are then enrolled with one mean a place, and with "
            "several centroids. The same photos were asked of all. An ambiguous answer counts against the recogniser: "
            "as missed on a landmark, as accepted on a photo without one.",
            "These are the places that the networks were trained on, seen from elsewhere. Nothing here says how well "
            "places are told apart that a network has never seen.",
        ),
    )
