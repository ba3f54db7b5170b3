"""What the service does with people of its gallery. In threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lookalike.errors import UnknownIdentityError
from lookalike.json_values import plain
from lookalike.service.schemas.people import (
    ActAnswer,
    Acts,
    Forgotten,
    PeoplePage,
    Person,
    PersonDetails,
    TemplateAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lookalike.gallery import Act, Filter, Gallery, Identity

__all__ = ["People"]

#: Acts among which one is looked for by its number: a repeated request asks for one of the last.
_REMEMBERED_ACTS = 10_000


class People:
    """Requests about people, answered by a gallery; arguments are checked by it."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def page(self, limit: int, after: str, prefix: str, where: Filter | None) -> PeoplePage:
        """Some people by name."""
        found = self._gallery.page(limit + 1, after=after, prefix=prefix, where=where)
        people = [_person(one) for one in found[:limit]]
        return PeoplePage(people=people, next=people[-1].name if len(found) > limit else None)

    def details(self, name: str) -> PersonDetails:
        """Somebody, with the templates."""
        templates = self._gallery.templates(name)  # refuses a name that nobody has
        # Of all names that begin with this one it is the first.
        person = next(iter(self._gallery.page(1, prefix=templates[0].identity)), None)
        if person is None or person.name != templates[0].identity:
            raise UnknownIdentityError(f"{name!r} has just been forgotten or renamed")
        told = [TemplateAnswer(id=one.id, enrolled_at=one.enrolled_at, quality=one.quality) for one in templates]
        return PersonDetails(**_person(person).model_dump(), enrolled=told)

    def tag(self, name: str, tags: Mapping[str, str | None]) -> PersonDetails:
        """Set tags, and take some away."""
        self._gallery.tag(name, tags)
        return self.details(name)

    def forget(self, name: str) -> Forgotten:
        """Delete somebody for good."""
        return Forgotten(templates=self._gallery.forget(name), identities=1)

    def forget_template(self, template_id: int) -> Forgotten:
        """Delete one template, and its person where it was the last."""
        before = self._gallery.counts().identities
        templates = self._gallery.forget_templates([template_id])
        return Forgotten(templates=templates, identities=max(0, before - self._gallery.counts().identities))

    def forget_before(self, moment: str) -> Forgotten:
        """Delete what was enrolled before a moment."""
        gone = self._gallery.forget_before(moment)
        return Forgotten(templates=gone.templates, identities=gone.identities)

    def rename(self, name: str, to: str) -> ActAnswer:
        """Give somebody another name."""
        return _act(self._gallery.rename(name, to))

    def merge(self, names: Sequence[str], into: str) -> ActAnswer:
        """Make several people one."""
        return _act(self._gallery.merge(names, into))

    def split(self, name: str, template_ids: Sequence[int], into: str) -> ActAnswer:
        """Give templates to another."""
        return _act(self._gallery.split(name, template_ids, into))

    def undo(self, act_id: int) -> ActAnswer:
        """Take an act back."""
        return _act(self._gallery.undo(act_id))

    def act(self, act_id: int) -> ActAnswer:
        """An act, as it stands now.

        Raises:
            UnknownIdentityError: there is none (any more).
        """
        for one in self._gallery.acts(_REMEMBERED_ACTS):
            if one.id == act_id:
                return _act(one)
        raise UnknownIdentityError(f"act {act_id} was done, and is not kept any more: somebody of it was forgotten")

    def acts(self, limit: int) -> Acts:
        """The last acts."""
        return Acts(acts=[_act(one) for one in self._gallery.acts(limit)])


def _person(identity: Identity) -> Person:
    return Person(
        name=identity.name, templates=identity.templates, created_at=identity.created_at, tags=dict(identity.tags)
    )


def _act(act: Act) -> ActAnswer:
    return ActAnswer.model_validate(plain(act))
