"""Pictures of people into a gallery that is open, with a model that is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from lookalike.embedder import Embedder
    from lookalike.gallery import Counts, Gallery, Tags
    from lookalike.images import Picture
    from lookalike.progress import ProgressSink, Reporter
    from lookalike.recognizer import Recognizer

__all__ = ["EmbeddedPeople", "PeopleEnrolled", "checked_names", "embed_people", "enroll_people", "store_people"]


@dataclass(frozen=True)
class PeopleEnrolled:
    """What was enrolled, and what the gallery holds now.

    Attributes:
        enrolled: names of the people whose pictures were given, sorted.
        new: those of them that were not there before.
        pictures: how many are enrolled now of those that were given.
        left_out: pictures that could not be used.
        already_known: pictures of those enrolled that the same person had before, bit for bit the same vector; none of
            them is stored twice.
        identities: in the gallery.
        templates: in the gallery.
        fpir_bound: upper 95% bound of the share of strangers' searches of this gallery that are named at the model's
            own threshold. That threshold is a promise per comparison, and a search of a larger gallery makes more
            comparisons. None where the bound is not known.
        notes: remarks on the pictures and the names.
    """

    enrolled: tuple[str, ...]
    new: tuple[str, ...]
    pictures: int
    left_out: int
    identities: int
    templates: int
    fpir_bound: float | None
    notes: tuple[str, ...] = ()
    already_known: int = 0


@dataclass(frozen=True, eq=False)
class EmbeddedPeople:
    """Pictures of people that can be used, ready to be stored.

    Attributes:
        vectors: `(n, d)` float32, by the person's name: the rows of one person are one array.
        pictures: of each person, as they were given.
        left_out: pictures that could not be used.
    """

    vectors: dict[str, npt.NDArray[np.float32]]
    pictures: dict[str, list[Picture]]
    left_out: int


def enroll_people(
    recognizer: Recognizer,
    pictures: Picture | Iterable[Picture],
    names: Sequence[str],
    *,
    skip_bad: bool = False,
    keep_pictures: bool = False,
    progress: ProgressSink | None = None,
) -> PeopleEnrolled:
    """Enroll pictures of people; where one is refused, nobody is enrolled.

    Args:
        recognizer: with a gallery.
        pictures: paths, bytes, arrays or Pillow images.
        names: whose each is.
        skip_bad: leave out pictures that cannot be used, in place of an error.
        keep_pictures: let the gallery keep the pictures, too, so that another model can embed them one day.
        progress: told how far it is.

    Raises:
        InputError: no pictures, not one name for each, a name that nobody can bear, a gallery of landmarks, or one
            that keeps no pictures.
        DatasetError: some picture cannot be used and `skip_bad` is false, or none can.
        StorageError: the disk is full or failing; says how many people are enrolled.

    Example:
        >>> enroll_people(recognizer, ["ada-1.jpg", "ada-2.jpg"], ["Ada", "Ada"]).templates    # doctest: +SKIP
        2
    """
    from lookalike.progress import Reporter

    report = Reporter(progress)
    _check_kind(recognizer.gallery)  # before the work
    people = embed_people(recognizer.embedder, pictures, names, report, skip_bad)
    return store_people(recognizer, people, report, keep_pictures=keep_pictures)


def embed_people(
    embedder: Embedder,
    pictures: Picture | Iterable[Picture],
    names: Sequence[str],
    report: Reporter,
    skip_bad: bool = False,
) -> EmbeddedPeople:
    """What `enroll_people` does before it writes: names are checked, pictures embedded.

    Raises:
        InputError, DatasetError: as `enroll_people`.
    """
    from collections import defaultdict

    from lookalike.images import one_or_several
    from lookalike.workflows.labelled_pictures import embed_usable

    pictures = list(one_or_several(pictures))
    checked = checked_names(pictures, names)  # before anybody is enrolled
    vectors, kept = embed_usable(embedder, pictures, report, skip_bad=skip_bad)
    rows: dict[str, list[int]] = defaultdict(list)
    for row, position in enumerate(kept):
        rows[checked[position]].append(row)
    return EmbeddedPeople(
        {name: vectors[rows[name]] for name in sorted(rows)},
        {name: [pictures[kept[row]] for row in rows[name]] for name in sorted(rows)},
        len(pictures) - len(kept),
    )


def checked_names(pictures: Sequence[Picture], names: Sequence[str]) -> list[str]:
    """The name of each picture, in its canonical form.

    Raises:
        InputError: no pictures, not one name for each, or a name that nobody can bear.
    """
    from lookalike.counted_nouns import how_many
    from lookalike.errors import InputError
    from lookalike.identity_names import checked_name

    if isinstance(names, str) or len(names) != len(pictures):
        count = "one text" if isinstance(names, str) else how_many(len(names), "name")
        raise InputError(f"{count} came with {how_many(len(pictures), 'picture')}; give the name of each")
    if not len(pictures):
        raise InputError("no pictures were given; give at least one of each person")
    return [checked_name(name) for name in names]


def store_people(
    recognizer: Recognizer,
    people: EmbeddedPeople,
    report: Reporter,
    tags: Tags | None = None,
    keep_pictures: bool = False,
) -> PeopleEnrolled:
    """Write them into the recognizer's gallery, one person after the other: who is enrolled, is on the disk.

    Args:
        recognizer: with a gallery.
        people: to be written.
        report: told how far it is.
        tags: added to those of everybody.
        keep_pictures: let the gallery keep the pictures, too.

    Raises:
        InputError: pictures are to be kept, and the gallery keeps none.
        ImageError: pictures are to be kept, and one is not there any more; says how many people are enrolled.
        StorageError: the disk is full or failing; says how many people are enrolled.
    """
    from lookalike.errors import ImageError, StorageError
    from lookalike.identity_names import look_alike_remarks

    gallery, total = recognizer.gallery, len(people.vectors)
    gallery.settle_kind("people")  # refused where another program has made it one of landmarks meanwhile
    before = set(gallery.names())
    for line in look_alike_remarks(people.vectors, before):
        report.remark(line)
    done = report.counted("Enrolling", total)
    stored = known = 0
    try:
        for name, vectors in people.vectors.items():
            there = _template_ids(gallery, name) if name in before else set()
            now = _enrolled_ids(gallery, name, vectors, people.pictures[name], tags, keep_pictures)
            known += len(now) - len(set(now) - there)
            stored += 1
            done(1)
    except (StorageError, ImageError) as error:
        raise type(error)(f"{error}; {_enrolled(stored, total)}") from None
    except KeyboardInterrupt:
        report.remark(f"interrupted: {_enrolled(stored, total)}")
        raise
    counts = gallery.counts()
    return PeopleEnrolled(
        enrolled=tuple(people.vectors),
        new=tuple(name for name in people.vectors if name not in before),
        pictures=sum(map(len, people.vectors.values())),
        left_out=people.left_out,
        identities=counts.identities,
        templates=counts.templates,
        fpir_bound=_fpir_bound(recognizer, counts),
        notes=tuple(report.remarks),
        already_known=known,
    )


def _template_ids(gallery: Gallery, name: str) -> set[int]:
    from lookalike.errors import UnknownIdentityError

    try:
        return {template.id for template in gallery.templates(name)}
    except UnknownIdentityError:  # another process has forgotten them a moment ago
        return set()


def _check_kind(gallery: Gallery) -> None:
    from lookalike.errors import InputError

    if gallery.kind == "landmarks":
        raise InputError("the gallery holds landmarks, and people were to be enrolled; use `enroll_places`, or another")


def _enrolled(stored: int, total: int) -> str:
    from lookalike.counted_nouns import how_many

    people = how_many(total, "person is", "people are")
    return f"{stored} of {people} enrolled: the same command goes on, and enrolls nothing twice"


def _enrolled_ids(
    gallery: Gallery,
    name: str,
    vectors: npt.NDArray[np.float32],
    pictures: Sequence[Picture],
    tags: Tags | None,
    keep: bool,
) -> list[int]:
    """The ids of a person's templates, which are stored now."""
    from lookalike.images import source_of

    sources = [source_of(picture) for picture in pictures]
    if not keep:
        return gallery.enroll(name, vectors, sources, tags=tags)
    from lookalike.gallery import Enrolment
    from lookalike.gallery.kept_pictures import encoded
    from lookalike.gallery.model_upgrade import upgradable

    upgradable(gallery)  # one that keeps none is refused
    # Encoded person by person: never are the pictures of all in memory.
    one = Enrolment(name, vectors, sources, tags, pictures=[encoded(picture) for picture in pictures])
    return next(iter(gallery.enroll_many([one]).values()))


def _fpir_bound(recognizer: Recognizer, counts: Counts) -> float | None:
    """What the model's own threshold is worth to strangers among so many templates."""
    from lookalike.decisions.policies import measured_threshold

    calibration = None if recognizer.calibration is None else recognizer.calibration.for_scoring()
    if calibration is None or calibration.tail is None:
        return None
    compared = counts.compared(calibration.template_scoring)
    return calibration.tail.upper_fpir(measured_threshold(calibration).distance, compared)
