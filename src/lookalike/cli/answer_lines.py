"""What `identify` prints of its answers, about people and about places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.answers import Identified, IdentifiedFace

__all__ = ["answer_lines", "face_lines", "promise_lines"]


def answer_lines(picture: str, answer: Identified) -> Iterator[str]:
    """The answer about one picture: in one line, then why, then the candidates."""
    if answer.kind == "landmarks":
        yield from _place_lines(picture, answer)
        return
    yield f"{picture}: {_person(answer)}"
    for candidate in answer.candidates:
        yield f"    {candidate.distance:.4f}  {candidate.identity}"


def face_lines(picture: str, faces: Sequence[IdentifiedFace]) -> Iterator[str]:
    """The answers about every face of one picture: a line for each."""
    if not faces:
        yield f"{picture}: no face was found"
    for number, one in enumerate(faces, 1):
        yield f"{picture}, face {number} ({one.face.box}): {_person(one.answer)}"


def promise_lines(answer: Identified) -> Iterator[str]:
    """How large the gallery is, what the threshold rests on, and what it means in a gallery of this size."""
    if answer.kind == "landmarks":
        yield f"gallery: {answer.places:,} place(s)"
        yield f"promise: {answer.threshold_source}"
        return
    from lookalike.decisions.promise import PromisedThreshold

    size = f"{answer.identities:,} people ({answer.templates:,} templates)"
    missed = answer.promised
    if isinstance(missed, PromisedThreshold):
        yield (
            f"gallery: {size}; at this threshold {missed.fnmr:.1%} of genuine pairs are missed "
            f"({missed.fnmr_low:.1%} to {missed.fnmr_high:.1%})"
        )
    elif answer.fpir_bound is not None:
        yield f"gallery: {size}; of strangers' searches up to {answer.fpir_bound:.1%} may be named: see --fpir"
    else:
        yield f"gallery: {size}"
    yield f"threshold: {answer.threshold_source}"


def _person(answer: Identified) -> str:
    sign = "<=" if answer.distance <= answer.threshold else ">"
    if answer.decision == "match":
        who = str(answer.identity)
    elif answer.decision == "unknown":
        who = "nobody in the gallery"
    elif sign == "<=":
        who = f"ambiguous, {answer.candidates[0].identity} and another within {answer.margin:.4f}"
    else:
        who = f"ambiguous, perhaps {answer.candidates[0].identity}"
    likely = "" if answer.probability is None else f", probability {answer.probability:.3f}"
    return f"{who} (distance {answer.distance:.4f} {sign} threshold {answer.threshold:.4f}){likely}"


def _place_lines(picture: str, answer: Identified) -> Iterator[str]:
    best, candidates = answer.best, answer.place_candidates
    if best is None:
        yield f"{picture}: the gallery holds no place"
        return
    if answer.decision == "match":
        what = best.name if best.name == best.place else f"{best.name} ({best.place})"
    elif answer.decision == "ambiguous":
        what = f"ambiguous, {best.name} or {candidates[1].name}" if len(candidates) > 1 else "ambiguous"
    else:
        what = "no landmark of this gallery"
    sign = "<=" if best.accepted else ">"
    yield (
        f"{picture}: {what} (distance {best.distance:.4f} {sign} threshold {best.threshold:.4f}), "
        f"confidence {best.confidence:.3f}"
    )
    if answer.decision == "match":
        if best.map_url is not None:
            yield f"    {best.latitude:.5f}, {best.longitude:.5f}  {best.map_url}"
        for example in best.photos:
            yield f"    like {example.source or 'an enrolled photo'} (distance {example.distance:.4f})"
    for candidate in candidates:
        yield f"    {candidate.distance:.4f}  {candidate.name}"
