"""The report of a diagnosis: every kind of finding, with the pictures of both sides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lookalike.counted_nouns import how_many
from lookalike.gallery.doctor.reasons import likely_text

if TYPE_CHECKING:
    from lookalike.evaluation.report.page import PicturePair, Report, Section, Table
    from lookalike.gallery.doctor import Diagnosis, Finding, FindingKind
    from lookalike.progress import Reporter
    from lookalike.workflows.people_doctor import ExaminedBy
    from lookalike.workflows.template_pictures import TemplatePictures

__all__ = ["HEADINGS", "doctor_report", "proposal_text"]

#: Findings of each kind that are shown with pictures, and those that are listed.
PICTURED, LISTED = 24, 200
#: What each kind is called, and what it means.
HEADINGS: dict[FindingKind, tuple[str, str]] = {
    "one-person": (
        "One person under several names",
        "Most pairs of templates of two names match, and by the odds it is one person. Three names are put together "
        "only where any two of them are one person, and one bad template joins nobody.",
    ),
    "undecided": (
        "One person or look-alikes",
        "The templates match, but they are too few to tell one person from two who look alike. Look at the pictures.",
    ),
    "wrong-name": (
        "Templates under the wrong name",
        "Most templates of another name match them, and fewer than half of their own. First the template beside that "
        "name's nearest, then beside the nearest of its own.",
    ),
    "twice": (
        "One picture enrolled several times",
        "The vectors are equal, or all but equal. A second copy adds nothing; under a second name, one is wrong.",
    ),
    "poor-picture": (
        "Poor pictures",
        "Templates that match none of their own name, or whose quality is low. A poor picture finds nobody, or "
        "somebody else.",
    ),
    "look-alikes": (
        "Look-alikes",
        "Different people, as far as most of their templates say, of whom some are within the threshold or just beyond "
        "it. Nothing is wrong with them; but a search for one may find the other.",
    ),
}


def doctor_report(
    found: Diagnosis, by: ExaminedBy, pictures: TemplatePictures, report: Reporter, *, title: str
) -> Report:
    """Build the report.

    Args:
        found: the diagnosis.
        by: what decided.
        pictures: of templates.
        report: told how many findings have their pictures.
        title: of the page.
    """
    from lookalike.evaluation.report.page import Fact, Report
    from lookalike.gallery.doctor import KINDS

    facts = [Fact(HEADINGS[kind][0].lower(), f"{found.totals[kind]:,}") for kind in KINDS]
    of_kind = {kind: [one for one in found.findings if one.kind == kind] for kind in KINDS}
    pictured = report.counted("Reading pictures", sum(min(len(mine), PICTURED) for mine in of_kind.values()))
    sections = [
        _section(kind, found.totals[kind], of_kind[kind], pictures, pictured) for kind in KINDS if of_kind[kind]
    ]
    lead = (
        f"{how_many(found.identities, 'person', 'people')} with {how_many(found.templates, 'template')}. Templates "
        f"match up to a distance of {by.threshold.distance:.4g} ({by.threshold.source}). Odds: {by.odds_source}."
    )
    return Report(title, lead, tuple(facts), (*sections, _single(found), _distances(found, by), _repairs()))


def proposal_text(finding: Finding) -> str:
    """What is proposed, in words; empty where nothing is."""
    proposal = finding.proposal
    if proposal is None:
        return ""
    if proposal.act == "merge":
        return f"merge into {proposal.into}"
    moved = how_many(len(proposal.templates), "template")
    if proposal.act == "split":
        return f"move {moved} to {proposal.into}"
    return f"delete {moved} of {proposal.identities[0]}"


def _section(
    kind: FindingKind,
    total: int,
    findings: Sequence[Finding],
    pictures: TemplatePictures,
    pictured: Callable[[int], None],
) -> Section:
    from lookalike.evaluation.report.page import PicturePairs, Section

    heading, meaning = HEADINGS[kind]
    prose = [meaning]
    if total > min(len(findings), LISTED):
        prose.append(
            f"{total:,} were found; {min(len(findings), LISTED)} are listed here, {len(findings):,} in findings.json."
        )
    items: list[PicturePair] = []
    for one in findings[:PICTURED]:
        items += _pairs(one, pictures)
        pictured(1)
    blocks = (PicturePairs(tuple(items)), _table(findings[:LISTED]))
    return Section(f"{heading}: {total:,}", tuple(prose), blocks)


def _pairs(finding: Finding, pictures: TemplatePictures) -> list[PicturePair]:
    from lookalike.evaluation.report.page import PicturePair
    from lookalike.workflows.template_pictures import card

    made = []
    for number, (one, other) in enumerate(finding.shown):
        own = finding.kind == "wrong-name" and number == 1
        verdict = f"{finding.id}: beside its own name" if own else f"{finding.id}: {_measure(finding)}"
        left = pictures.picture(one)  # before the captions, which tell quality
        if one == other:
            made.append(PicturePair(left, card("no other", "template"), pictures.caption(one), "", verdict))
            continue
        right = pictures.picture(other)
        made.append(PicturePair(left, right, pictures.caption(one), pictures.caption(other), verdict))
    return made


def _measure(finding: Finding) -> str:
    """The distance, and how likely it is, in short."""
    parts = [f"distance {finding.telling:.3g}"] if finding.telling < float("inf") else []
    if finding.quality is not None:
        parts.append(f"quality {finding.quality:.2g}")
    if finding.probability is not None:
        of = "belongs there" if finding.kind == "wrong-name" else "one person"
        parts.append(f"{likely_text(finding.probability)} likely {of}")
    return ", ".join(parts)


def _table(findings: Sequence[Finding]) -> Table:
    from lookalike.evaluation.report.page import Cell, Table

    rows = tuple((Cell(one.id), " · ".join(one.identities), proposal_text(one) or "–", one.reason) for one in findings)
    return Table(("finding", "names", "proposal", "evidence"), rows, sentences=True)


def _single(found: Diagnosis) -> Section:
    from lookalike.evaluation.report.page import Section

    usual = f"{found.usual:g}"
    prose = (
        f"{how_many(found.single, 'person has', 'people have')} one template; half of all people have {usual} or more. "
        "Nothing is wrong with that. But one template cannot be compared with others of its name: whether it is poor, "
        "or under the wrong name, is not known; and a person is found more surely by several.",
    )
    return Section("People with one template", prose)


def _distances(found: Diagnosis, by: ExaminedBy) -> Section:
    from lookalike.evaluation.report.figure_style import inline_svg
    from lookalike.evaluation.report.page import Drawing, Drawings, Section
    from lookalike.workflows.people_doctor_figures import distance_figure, odds_figure

    threshold = by.threshold.distance
    drawings = [
        Drawing(
            inline_svg(distance_figure(found.own, found.other, threshold, found.findings)),
            "Distances in this gallery",
            "Of every template, to the nearest other of its own name and to the nearest other person. Marks at the "
            "bottom are findings, the dashed line is the threshold.",
            "histograms of distances to the own name and to other people",
        )
    ]
    if by.odds is not None:
        drawings.append(
            Drawing(
                inline_svg(odds_figure(by.odds, threshold, found.findings)),
                "What a distance says",
                f"How many times likelier a distance is of one person than of two, {by.odds_source}. "
                "Marks are findings.",
                "likelihood ratio over distance",
            )
        )
    return Section("Where the findings lie", (), (Drawings(tuple(drawings)),))


def _repairs() -> Section:
    from lookalike.evaluation.report.page import Section

    prose = (
        'Nothing was changed. In findings.json beside this page, set "confirm": true at the findings whose proposal is '
        "right, and run lookalike people doctor --apply findings.json; or name them with --confirm. Merges and moves "
        "can be taken back with lookalike people undo, deleted templates cannot.",
        "This page shows names and pictures of people: keep it as safely as the gallery.",
    )
    return Section("What to do", prose)
