"""Renaming, merging, splitting and tagging identities, and undoing it; call all of it inside the database's `write`.

An act moves templates from one identity to another and changes no vector: their ids stay, and segments with them.
What undoing needs is kept in `act` (the tags that a merged identity was given), `act_name` (every identity that took
part, as it was before) and `template_move` (the templates that each gave away). Acts on the same identities are undone
from the last to the first, so that each finds what it left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery.audit import audited
from lookalike.gallery.database import Database
from lookalike.gallery.forgetting import drop_names, listed_ids
from lookalike.gallery.identity_reading import LARGEST, identity_row
from lookalike.gallery.identity_tags import change_tags, checked_tags, tags_of
from lookalike.gallery.kept_pictures import bind_picture
from lookalike.gallery.kind import held_kind
from lookalike.gallery.moments import now
from lookalike.gallery.records import Act, ActKind, Tags
from lookalike.gallery.sealing import opened_text, sealed_text
from lookalike.gallery.storing import DIGEST_BYTES, identity_of, new_change, new_identity
from lookalike.identity_names import checked_name

__all__ = ["acts", "merge", "rename", "split", "tag", "undo"]


def rename(database: Database, identity: str, new: str) -> Act:
    """Give an identity another name. See `Gallery.rename`."""
    name, other = checked_name(identity), checked_name(new)
    owner, _ = identity_row(database, name)
    if identity_of(database, other) is not None:
        raise InputError(f"{other!r} is in {database.folder} already; give another name, or merge the two")
    new_change(database)
    count = database.one("SELECT count(*) FROM template WHERE identity_id = ?", (owner,))[0]
    act = _new_act(database, "rename", count)
    _note(database, act, owner, other)
    _set_name(database, owner, other)
    audited(database, "rename", [owner], {"act": act})
    return _act(database, act)


def merge(database: Database, identities: Sequence[str], into: str) -> Act:
    """Make several identities one. See `Gallery.merge`."""
    if isinstance(identities, str):
        raise InputError(f"{identities!r} is one text; give a list of the names to merge")
    names, name = [checked_name(one) for one in identities], checked_name(into)
    if len(set(names)) != len(names):
        raise InputError("a name is given twice; give each once")
    owners = {one: _movable(database, one) for one in names if one != name}
    target = identity_of(database, name)
    if target is None and name in names:
        raise UnknownIdentityError(f"{name!r} is not in {database.folder}; `people` lists who is")
    if len(owners) + (target is not None) < 2:
        raise InputError(f"{names} are no two identities to merge into {name!r}; to give one another name, rename it")
    new_change(database)
    act, moved = _new_act(database, "merge"), 0
    first = min(at for _, at in owners.values())
    if target is None:
        target = new_identity(database, name, first)
    else:
        _note(database, act, target, name)
        database.run("UPDATE identity SET created_at = min(created_at, ?) WHERE id = ?", (first, target))
    audited(database, "merge", [target, *(owner for owner, _ in owners.values())], {"act": act})
    given: dict[str, str] = {}
    for owner, _ in owners.values():
        for key, value in tags_of(database, owner).items():
            given.setdefault(key, value)
        note = _note(database, act, owner, name)
        ids = [row[0] for row in database.run("SELECT id FROM template WHERE identity_id = ? ORDER BY id", (owner,))]
        _move(database, ids, target, note)
        moved += len(ids)
        database.sealing.hand_over(owner, target)
        database.run("DELETE FROM identity WHERE id = ?", (owner,))
    held = tags_of(database, target)
    given = {key: value for key, value in given.items() if key not in held}
    change_tags(database, target, given)
    stored = sealed_text(database.sealing, "act.tags", act, json.dumps(given))
    database.run("UPDATE act SET templates = ?, tags = ? WHERE id = ?", (moved, stored, act))
    return _act(database, act)


def split(database: Database, identity: str, template_ids: Sequence[int], into: str) -> Act:
    """Give some templates of an identity to another one. See `Gallery.split`."""
    name, other = checked_name(identity), checked_name(into)
    owner, _ = _movable(database, name)
    if name == other:
        raise InputError(f"templates of {name!r} are to be split off into {other!r}; give another name")
    held = {row[0] for row in database.run("SELECT id FROM template WHERE identity_id = ?", (owner,))}
    ids = sorted(set(json.loads(listed_ids(template_ids))))
    strange = [one for one in ids if one not in held]
    if not ids or strange:
        what = f"template {strange[0]} is not of {name!r}" if strange else "no templates are given"
        raise InputError(f"{what}; give some of its ids, as `templates` lists them")
    if len(ids) == len(held):
        raise InputError(f"these are all templates of {name!r}; rename it, or merge it into {other!r}")
    target = identity_of(database, other)
    new_change(database)
    act = _new_act(database, "split", len(ids))
    if target is None:
        (at,) = database.one(
            "SELECT min(enrolled_at) FROM template WHERE id IN (SELECT value FROM json_each(?))", (listed_ids(ids),)
        )
        target = new_identity(database, other, at)
    else:
        _note(database, act, target, other)
    _move(database, ids, target, _note(database, act, owner, other))
    audited(database, "split", [owner, target], {"act": act, "templates": len(ids)})
    return _act(database, act)


def undo(database: Database, act_id: int) -> Act:
    """Take an act back. See `Gallery.undo`."""
    known = isinstance(act_id, int) and 0 < act_id <= LARGEST
    row = database.one("SELECT kind, undone, tags FROM act WHERE id = ?", (act_id,)) if known else None
    if row is None:
        raise InputError(
            f"{database.folder} has no act {act_id!r}, or not any more because somebody who took part was forgotten; "
            "`acts` lists those there are"
        )
    kind, undone, given = row
    if undone:
        raise InputError(f"act {act_id} is undone already")
    _check_order(database, act_id)
    new_change(database)
    if kind == "rename":
        (note,) = _notes(database, act_id)
        _check_free(database, note.name)
        owner, _ = identity_row(database, note.becomes)
        _set_name(database, owner, note.name)
        audited(database, "undo", [owner], {"act": act_id})
        database.run("UPDATE act SET undone = 1 WHERE id = ?", (act_id,))
        return _act(database, act_id)
    notes = _notes(database, act_id)
    target, _ = identity_row(database, notes[0].becomes)
    owner, took_part = target, [target]
    for note in notes:
        there = "SELECT id FROM template JOIN template_move ON template_id = id WHERE name_id = ? AND identity_id = ?"
        ids = [row[0] for row in database.run(f"{there} ORDER BY id", (note.id, target))]
        if note.name == note.becomes or not ids:
            continue
        if kind == "merge":
            _check_free(database, note.name)
            owner = new_identity(database, note.name, note.created_at, note.key)
            change_tags(database, owner, note.tags)
        else:
            owner, _ = identity_row(database, note.name)
        took_part.append(owner)
        _move(database, ids, owner)
    audited(database, "undo", took_part, {"act": act_id})
    database.run("UPDATE act SET undone = 1 WHERE id = ?", (act_id,))
    done = _act(database, act_id)
    taken = json.loads(opened_text(database.sealing, "act.tags", act_id, given))
    _restore_target(database, act_id, target, taken, owner)
    return done


def tag(database: Database, identity: str, tags: Mapping[str, str | None]) -> Tags:
    """Set tags of an identity, or take them away. See `Gallery.tag`."""
    name, ready = checked_name(identity), checked_tags(tags, removable=True)
    owner, _ = identity_row(database, name)
    if change_tags(database, owner, ready):
        new_change(database)
        audited(database, "tag", [owner], {"tags": len(ready)})
    return tags_of(database, owner)


def acts(database: Database, limit: int) -> list[Act]:
    """The last acts, newest first; call inside a transaction."""
    if database.version() < 4:  # a disk that cannot be written to
        return []
    rows = database.run("SELECT id FROM act ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [_act(database, row[0]) for row in rows]


# --- parts ------------------------------------------------------------------------------------------------


def _movable(database: Database, name: str) -> tuple[int, str]:
    """Id and first enrolment of an identity whose templates may go to another one."""
    if held_kind(database) == "landmarks":
        raise InputError(
            f"{database.folder} is a gallery of landmarks, whose templates are centroids of all photos of a place; "
            "forget the places, and enroll their photos under the names they should have"
        )
    return identity_row(database, name)


def _set_name(database: Database, identity: int, name: str) -> None:
    stored = database.sealing.stored_name(name)
    database.run("UPDATE identity SET name = ? WHERE id = ?", (stored, identity))
    database.sealing.rename(identity, name)


def _new_act(database: Database, kind: ActKind, templates: int = 0) -> int:
    assert kind in get_args(ActKind)
    made = database.one(
        "INSERT INTO act (kind, at, templates, tags) VALUES (?, ?, ?, '{}') RETURNING id", (kind, now(), templates)
    )
    database.sealing.add_key("act", made[0])
    stored = sealed_text(database.sealing, "act.tags", made[0], "{}")
    database.run("UPDATE act SET tags = ? WHERE id = ?", (stored, made[0]))
    return int(made[0])


@dataclass(frozen=True)
class _Note:
    """An identity as it was before an act: what `act_name` keeps.

    Attributes:
        id: of the row.
        name: it had.
        becomes: the name of the identity that has its templates after the act.
        created_at: of its first enrolment.
        tags: it had.
        key: of an encrypted gallery, the number of its key.
    """

    id: int
    name: str
    becomes: str
    created_at: str
    tags: dict[str, str]
    key: str = ""


def _note(database: Database, act: int, identity_id: int, becomes: str) -> int:
    """Keep an identity as it is before the act.

    In an encrypted gallery the columns of names hold what they are compared by, and `tags` all that must be read again.
    """
    name, created_at = database.one("SELECT name, created_at FROM identity WHERE id = ?", (identity_id,))
    sealing, tags = database.sealing, tags_of(database, identity_id)
    made = database.one(
        "INSERT INTO act_name (act_id, name, becomes, created_at, tags) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (act, name, sealing.stored_name(becomes), created_at, json.dumps({} if sealing.encrypted else tags)),
    )
    if sealing.encrypted:
        names = *sealing.names([(identity_id, name)]), becomes
        text = json.dumps([*names, tags, sealing.key_number(identity_id)])
        stored = sealed_text(sealing, f"act.note {made[0]}", act, text)
        database.run("UPDATE act_name SET tags = ? WHERE id = ?", (stored, made[0]))
    return int(made[0])


def _notes(database: Database, act: int) -> list[_Note]:
    """What is kept of an act, in order."""
    rows = database.run("SELECT id, name, becomes, created_at, tags FROM act_name WHERE act_id = ? ORDER BY id", (act,))
    found, sealing = [], database.sealing
    for own, name, becomes, created_at, stored in rows.fetchall():
        tags, key = json.loads(opened_text(sealing, f"act.note {own}", act, stored)), ""
        if sealing.encrypted:
            name, becomes, tags, key = tags
        found.append(_Note(own, name, becomes, created_at, tags, key))
    return found


def _move(database: Database, ids: Sequence[int], target: int, note: int | None = None) -> None:
    """Give templates to an identity; with a note, so that they can be given back.

    A vector that the identity has already stays twice: the digest of the later one is made a longer, different one, and
    is the vector's own again when it moves on.
    """
    for template in ids:
        if note is not None:
            database.run("INSERT INTO template_move VALUES (?, ?)", (template, note))
        digest, other, owner = database.one(
            "SELECT digest, other_digest, identity_id FROM template WHERE id = ?", (template,)
        )
        own, number = digest[:DIGEST_BYTES], str(template).encode("ascii")
        if database.one("SELECT 1 FROM template WHERE identity_id = ? AND digest = ?", (target, own)) is not None:
            own += number
        database.run(
            "UPDATE template SET identity_id = ?, digest = ?, other_digest = ? WHERE id = ?",
            (target, own, other[:DIGEST_BYTES] + number, template),
        )
        if database.sealing.encrypted:
            _bind(database, template, owner, target)


def _bind(database: Database, template: int, owner: int, target: int) -> None:
    """Encrypt a template anew, which was of one identity, as one of another; its key stays."""
    sealing = database.sealing

    def again(stored: bytes) -> bytes:
        """A vector; of the model that does not answer there may be none."""
        if not stored:
            return stored
        return sealing.seal(
            "template.vector", template, sealing.open("template.vector", template, stored, owner), target
        )

    vector, other, source = database.one("SELECT vector, other_vector, source FROM template WHERE id = ?", (template,))
    text = opened_text(sealing, "template.source", template, source, owner)
    database.run(
        "UPDATE template SET vector = ?, other_vector = ?, source = ? WHERE id = ?",
        (again(vector), again(other), sealed_text(sealing, "template.source", template, text, target), template),
    )
    bind_picture(database, template, owner, target)


def _check_order(database: Database, act: int) -> None:
    """Refuse to undo an act before later ones on the identities that it left.

    A name that it freed may be somebody else's since: acts on that one do not matter.
    """
    names = (
        "SELECT becomes FROM act_name WHERE act_id = :act UNION SELECT name FROM act_name "
        "JOIN act ON act.id = act_id WHERE act_id = :act AND kind = 'split'"
    )
    row = database.one(
        "SELECT max(act.id) FROM act JOIN act_name ON act_id = act.id WHERE act.id > :act AND NOT undone "
        f"AND (name IN ({names}) OR becomes IN ({names}))",
        {"act": act},
    )
    if row[0] is not None:
        raise InputError(f"act {row[0]} came after act {act}, on the same identities; undo {row[0]} first")


def _check_free(database: Database, name: str) -> None:
    if identity_of(database, name) is not None:
        raise InputError(f"somebody was enrolled as {name!r} since; rename that identity, then undo")


def _restore_target(database: Database, act: int, target: int, given: dict[str, str], heir: int) -> None:
    """What the identity that templates are taken back from is without them.

    Args:
        database: inside a transaction.
        act: that is undone.
        target: the identity.
        given: tags that it was given.
        heir: one that has its templates now.
    """
    before = database.one("SELECT created_at FROM act_name WHERE act_id = ? AND name = becomes", (act,))
    if database.one("SELECT 1 FROM template WHERE identity_id = ? LIMIT 1", (target,)) is None:
        if before is not None:  # its own templates were forgotten meanwhile, and so is its name
            drop_names(database, database.one("SELECT name FROM identity WHERE id = ?", (target,))[0])
        elif heir != target:
            database.sealing.hand_over(target, heir)
        database.run("DELETE FROM identity WHERE id = ?", (target,))
        return
    held = tags_of(database, target)
    change_tags(database, target, {key: None for key, value in given.items() if held.get(key) == value})
    database.run(
        "UPDATE identity SET created_at = coalesce(?, (SELECT min(enrolled_at) FROM template WHERE identity_id = ?)) "
        "WHERE id = ?",
        (None if before is None else before[0], target, target),
    )


def _act(database: Database, act: int) -> Act:
    kind, at, count, undone = database.one("SELECT kind, at, templates, undone FROM act WHERE id = ?", (act,))
    names = {note.name: note.becomes for note in _notes(database, act)}
    return Act(act, kind, at, names, count, bool(undone))
