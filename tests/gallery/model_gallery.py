"""A gallery as plain dictionaries: what any implementation has to do, step by step and slowly."""

import math
from dataclasses import dataclass, field


@dataclass
class Held:
    """A template; `own` unless it came from another identity beside the same vector."""

    vector: tuple
    when: str
    own: bool = True


@dataclass
class Person:
    templates: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)

    def receive(self, number, held):
        held.own = not any(one.own and one.vector == held.vector for one in self.templates.values())
        self.templates[number] = held


@dataclass
class ModelAct:
    kind: str
    into: str
    names: dict  # before -> after, of those that can still be restored
    moves: dict = field(default_factory=dict)  # name before -> ids
    tags: dict = field(default_factory=dict)  # name before -> tags before
    given: dict = field(default_factory=dict)
    templates: int = 0
    undone: bool = False


class RefusedError(Exception):
    """What an `InputError` or `UnknownIdentityError` has to be raised for."""


class ModelGallery:
    def __init__(self):
        self.people, self.acts, self.keys, self.last_id = {}, {}, {}, 0

    # --- enrolling ----------------------------------------------------------------------------------------

    def enrolled(self, name, vectors, ids, when, tags):
        """Take in what `enroll` answered, which has to be right."""
        assert len(ids) == len(vectors)
        person = self.people.setdefault(name, Person())
        for number, vector in zip(ids, vectors, strict=True):
            known = [one for one, held in person.templates.items() if held.own and held.vector == vector]
            if known:
                assert [number] == known
            else:
                assert number > self.last_id  # never used before
                self.last_id = number
                person.templates[number] = Held(vector, when)
        person.tags.update(tags)

    def replaced(self, name, ids):
        self._delete([one for one in self.people[name].templates if one not in ids])

    # --- acts ---------------------------------------------------------------------------------------------

    def rename(self, name, new):
        self._need(name in self.people and new not in self.people)
        act = ModelAct("rename", new, {name: new}, templates=len(self.people[name].templates))
        self.people[new] = self.people.pop(name)
        return act

    def merge(self, names, into):
        others = [one for one in names if one != into]
        self._need(len(set(names)) == len(names) and all(one in self.people for one in names))
        self._need(len(others) + (into in self.people) >= 2)
        act = ModelAct("merge", into, {})
        if into in self.people:
            act.names[into] = into
        target = self.people.setdefault(into, Person())
        for one in others:
            person = self.people.pop(one)
            act.names[one], act.tags[one] = into, dict(person.tags)
            act.moves[one] = sorted(person.templates)
            for number in act.moves[one]:
                target.receive(number, person.templates[number])
            for key, value in person.tags.items():
                act.given.setdefault(key, value)
        act.given = {key: value for key, value in act.given.items() if key not in target.tags}
        target.tags.update(act.given)
        act.templates = sum(map(len, act.moves.values()))
        return act

    def split(self, name, ids, into):
        self._need(name in self.people and name != into and ids)
        templates = self.people[name].templates
        self._need(set(ids) < set(templates))
        act = ModelAct("split", into, {into: into} if into in self.people else {})
        act.names[name], act.moves[name], act.templates = into, sorted(set(ids)), len(set(ids))
        target = self.people.setdefault(into, Person())
        for number in act.moves[name]:
            target.receive(number, templates.pop(number))
        return act

    def undo(self, number):
        self._need(number in self.acts)
        act = self.acts[number]
        names = {act.into, *(act.names if act.kind == "split" else ())}
        later = [n for n, one in self.acts.items() if n > number and not one.undone
                 and names & (set(one.names) | {one.into})]  # fmt: skip
        self._need(not act.undone and not later)
        back = [one for one in act.names if one != act.into]
        if act.kind != "split":
            self._need(not any(one in self.people and self._left(act, one) for one in back))
        act.undone = True
        if act.kind == "rename":
            self.people[back[0]] = self.people.pop(act.into)
            return
        target = self.people[act.into]
        for one in back:
            there = [number for number in act.moves[one] if number in target.templates]
            if not there:
                continue
            person = self.people.setdefault(one, Person(tags=dict(act.tags.get(one, {}))))
            for template in there:
                person.receive(template, target.templates.pop(template))
        if not target.templates:
            del self.people[act.into]
            if act.into in act.names:
                self._drop_names(act.into, math.inf)
            return
        for key, value in act.given.items():
            if target.tags.get(key) == value:
                del target.tags[key]

    def _left(self, act, name):
        """Whether something is there to be given back."""
        return act.kind == "rename" or set(act.moves[name]) & set(self.people[act.into].templates)

    # --- forgetting ---------------------------------------------------------------------------------------

    def forget(self, name):
        self._need(name in self.people)
        count = len(self.people[name].templates)
        self._drop_names(name, math.inf)
        self._delete(list(self.people[name].templates))
        return count

    def forget_templates(self, ids):
        there = {number for person in self.people.values() for number in person.templates} & set(ids)
        self._delete(there)
        return len(there)

    def forget_before(self, moment):
        old = [number for person in self.people.values() for number, held in person.templates.items()
               if held.when < moment]  # fmt: skip
        before = len(self.people)
        self._delete(old)
        return before - len(self.people), len(old)

    def _delete(self, ids):
        for number in ids:
            for person in self.people.values():
                person.templates.pop(number, None)
        emptied = []
        for number, act in list(self.acts.items()):
            for name in list(act.moves):
                if set(act.moves[name]) & set(ids):
                    act.moves[name] = [one for one in act.moves[name] if one not in set(ids)]
                    if not act.moves[name]:
                        del act.moves[name], act.names[name]
                        if act.kind == "merge" and not act.undone:
                            emptied.append((name, number))
            if act.kind != "rename" and not act.moves:
                del self.acts[number]
        for name, number in emptied:
            self._drop_names(name, number)
        for name in [name for name, person in self.people.items() if not person.templates]:
            self._drop_names(name, math.inf)
            del self.people[name]

    def _drop_names(self, name, until):
        """Acts under the name, and under those that the same person had before."""
        gone, waiting = set(), [(name, until)]
        while waiting:
            one, until = pair = waiting.pop()
            if pair in gone:
                continue
            gone.add(pair)
            for number, act in self.acts.items():
                if number < until and act.kind != "split" and not act.undone:
                    waiting += [(before, number) for before, after in act.names.items() if after == one]
        for number, act in list(self.acts.items()):
            if any(number <= until and one in {*act.names, *act.names.values()} for one, until in gone):
                del self.acts[number]

    # --- what is there ------------------------------------------------------------------------------------

    def matching(self, where):
        """Names whose tags match."""
        return [
            name
            for name, person in sorted(self.people.items())
            if all(person.tags.get(key) in values for key, values in where.items())
        ]

    def nearest(self, probe, metric, names):
        """Of each of some identities its distance, by its best template."""
        import numpy as np

        from lookalike.distances import pairwise

        rows = {name: [held.vector for held in self.people[name].templates.values()] for name in names}
        return {name: pairwise(np.array([probe]), np.array(held), metric)[0].min() for name, held in rows.items()}

    @staticmethod
    def _need(true):
        if not true:
            raise RefusedError
