"""People (or places) of a gallery, and acts on them; see `lookalike.gallery`, whose words these are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lookalike.service.schemas.base import Answered, Asked

__all__ = [
    "ActAnswer",
    "Acts",
    "Enrolled",
    "ForgetBeforeRequest",
    "Forgotten",
    "MergeRequest",
    "PeoplePage",
    "Person",
    "PersonDetails",
    "RenameRequest",
    "SplitRequest",
    "TagRequest",
    "TemplateAnswer",
]

#: A name as it is given; which names are usable, `identity_names.checked_name` says.
Name = Annotated[str, Field(min_length=1, max_length=1_000, examples=["Ada Lovelace"])]


class Enrolled(Answered):
    """What is stored now.

    Attributes:
        identity: the name as it is kept.
        template_ids: of the pictures, in the order given; a picture that was there before keeps its id.
        notes: remarks on the pictures.
    """

    identity: str
    template_ids: list[int]
    notes: list[str] = Field(default_factory=list)


class Person(Answered):
    """Somebody enrolled.

    Attributes:
        name: as it is kept.
        templates: how many vectors there are.
        created_at: of the first enrolment, ISO 8601, UTC.
        tags: what is known besides.
    """

    name: str
    templates: int
    created_at: str
    tags: dict[str, str] = Field(default_factory=dict)


class PeoplePage(Answered):
    """Some people, by name in the order of code points.

    Attributes:
        people: of this page.
        next: give it as `after` for the page that follows; None where this is the last one.
    """

    people: list[Person]
    next: str | None = None


class TemplateAnswer(Answered):
    """One enrolled picture's vector, without the vector.

    Attributes:
        id: never used again.
        enrolled_at: ISO 8601, UTC.
        quality: of the picture, 0 to 1; None where it is not known.
    """

    id: int
    enrolled_at: str
    quality: float | None = None


class PersonDetails(Person):
    """Somebody enrolled, with the templates.

    Attributes:
        enrolled: the templates, in order of enrolment.
    """

    enrolled: list[TemplateAnswer]


class Forgotten(Answered):
    """What was deleted.

    Attributes:
        templates: how many vectors.
        identities: how many people have none left, and are gone.
    """

    templates: int
    identities: int


class ActAnswer(Answered):
    """A renaming, merging or splitting, which can be undone.

    Attributes:
        id: later acts have greater ones.
        kind: what was done.
        at: when, ISO 8601, UTC.
        identities: name before -> name after, of all that took part.
        templates: how many got another name.
        undone: whether it was undone.
    """

    id: int
    kind: Literal["rename", "merge", "split"]
    at: str
    identities: dict[str, str]
    templates: int
    undone: bool = False


class Acts(Answered):
    """The last acts, newest first."""

    acts: list[ActAnswer]


class RenameRequest(Asked):
    """Give somebody another name, which nobody has."""

    name: Name
    to: Name


class MergeRequest(Asked):
    """Make several people one: `into`, which is one of them, another one enrolled, or a new name."""

    names: Annotated[list[Name], Field(min_length=1, max_length=100)]
    into: Name


class SplitRequest(Asked):
    """Give some templates of somebody to `into`, enrolled or new."""

    name: Name
    template_ids: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(min_length=1, max_length=10_000)]
    into: Name


class TagRequest(Asked):
    """Set tags of somebody; None takes one away, others stay."""

    tags: Annotated[dict[str, str | None], Field(min_length=1, examples=[{"site": "Berlin"}])]


class ForgetBeforeRequest(Asked):
    """Delete what was enrolled before a moment: a date or a time, ISO 8601, without an offset UTC."""

    moment: str = Field(min_length=1, max_length=100, examples=["2025-01-01"])
