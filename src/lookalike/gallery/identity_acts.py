"""Renaming, merging, splitting and tagging identities, and undoing it; call all of it inside the database's `write`.

An act moves templates from one identity to another and changes no vector: their ids stay, and segments with them.
What undoing needs is kept in `act` (the tags that a merged identity was given), `act_name` (every identity that took
part, as it was before) and `template_move` (the templates that each gave away). Acts on the same identities are undone
from the last to the first, so that each finds what it left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import get_args

from lookalike.errors import InputError, UnknownIdentityError
from lookalike.gallery.database import Database
from lookalike.gallery.enrolment import DIGEST_BYTES, new_change
from lookalike.gallery.forgetting import drop_names, listed_ids
from lookalike.gallery.identity_reading import LARGEST, identity_row
from lookalike.gallery.identity_tags import change_tags, checked_tags, tags_of
from lookalike.gallery.kind import held_kind
from lookalike.gallery.moments import now
from lookalike.gallery.records import Act, ActKind, Tags
from lookalike.identity_names import checked_name

__all__ = ["acts", "merge", "rename", "split", "tag", "undo"]


def rename(database: Database, identity: str, new: str) -> Act:
    """Give an identity another name. See `Gallery.rename`."""
    name, other = checked_name(identity), checked_name(new)
    owner, _ = _movable(database, name)
    if _found(database, other) is not None:
        raise InputError(f"{other!r} is in {database.folder} already; give another name, or merge the two")
    new_change(database)
    count = database.one("SELECT count(*) FROM template WHERE identity_id = ?", (owner,))[0]
    act = _new_act(database, "rename", count)
    _note(database, act, owner, other)
    database.run("UPDATE identity SET name = ? WHERE id = ?", (other, owner))
    return _act(database, act)


def merge(database: Database, identities: Sequence[str], into: str) -> Act:
    """Make several identities one. See `Gallery.merge`."""
    if isinstance(identities, str):
        raise InputError(f"{identities!r} is one text; give a list of the names to merge")
    names, name = [checked_name(one) for one in identities], checked_name(into)
    if len(set(names)) != len(names):
        raise InputError("a name is given twice; give each once")
    owners = {one: _movable(database, one) for one in names if one != name}
    target = _found(database, name)
    if target is None and name in names:
        raise UnknownIdentityError(f"{name!r} is not in {database.folder}; `people` lists who is")
    if len(owners) + (target is not None) < 2:
        raise InputError(f"{names} are no two identities to merge into {name!r}; to give one another name, rename it")
    new_change(database)
    act, moved = _new_act(database, "merge"), 0
    first = min(at for _, at in owners.values())
    if target is None:
        target = _new_identity(database, name, first)
    else:
        _note(database, act, target, name)
        database.run("UPDATE identity SET created_at = min(created_at, ?) WHERE id = ?", (first, target))
    given: dict[str, str] = {}
    for owner, _ in owners.values():
        for key, value in tags_of(database, owner).items():
            given.setdefault(key, value)
        note = _note(database, act, owner, name)
        ids = [row[0] for row in database.run("SELECT id FROM template WHERE identity_id = ? ORDER BY id", (owner,))]
        _move(database, ids, target, note)
        moved += len(ids)
        database.run("DELETE FROM identity WHERE id = ?", (owner,))
    held = tags_of(database, target)
    given = {key: value for key, value in given.items() if key not in held}
    change_tags(database, target, given)
    database.run("UPDATE act SET templates = ?, tags = ? WHERE id = ?", (moved, json.dumps(given), act))
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
    target = _found(database, other)
    new_change(database)
    act = _new_act(database, "split", len(ids))
    if target is None:
        (at,) = database.one(
            "SELECT min(enrolled_at) FROM template WHERE id IN (SELECT value FROM json_each(?))", (listed_ids(ids),)
        )
        target = _new_identity(database, other, at)
    else:
        _note(database, act, target, other)
    _move(database, ids, target, _note(database, act, owner, other))
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
        name, becomes = database.one("SELECT name, becomes FROM act_name WHERE act_id = ?", (act_id,))
        _check_free(database, name)
        owner, _ = identity_row(database, becomes)
        database.run("UPDATE identity SET name = ? WHERE id = ?", (name, owner))
        database.run("UPDATE act SET undone = 1 WHERE id = ?", (act_id,))
        return _act(database, act_id)
    (becomes,) = database.one("SELECT DISTINCT becomes FROM act_name WHERE act_id = ?", (act_id,))
    target, _ = identity_row(database, becomes)
    parts = database.run(
        "SELECT id, name, created_at, tags FROM act_name WHERE act_id = ? AND name != becomes ORDER BY id", (act_id,)
    ).fetchall()
    for note, name, created_at, tags in parts:
        there = "SELECT id FROM template JOIN template_move ON template_id = id WHERE name_id = ? AND identity_id = ?"
        ids = [row[0] for row in database.run(f"{there} ORDER BY id", (note, target))]
        if not ids:
            continue
        if kind == "merge":
            _check_free(database, name)
            owner = _new_identity(database, name, created_at)
            change_tags(database, owner, json.loads(tags))
        else:
            owner, _ = identity_row(database, name)
        _move(database, ids, owner)
    database.run("UPDATE act SET undone = 1 WHERE id = ?", (act_id,))
    done = _act(database, act_id)
    _restore_target(database, act_id, target, json.loads(given))
    return done


def tag(database: Database, identity: str, tags: Mapping[str, str | None]) -> Tags:
    """Set tags of an identity, or take them away. See `Gallery.tag`."""
    name, ready = checked_name(identity), checked_tags(tags, removable=True)
    owner, _ = identity_row(database, name)
    if change_tags(database, owner, ready):
        new_change(database)
    return tags_of(database, owner)


def acts(database: Database, limit: int) -> list[Act]:
    """The last acts, newest first; call inside a transaction."""
    if database.version() < 4:  # a disk that cannot be written to
        return []
    rows = database.run("SELECT id FROM act ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [_act(database, row[0]) for row in rows]


# --- parts ------------------------------------------------------------------------------------------------


def _found(database: Database, name: str) -> int | None:
    row = database.one("SELECT id FROM identity WHERE name = ?", (name,))
    return None if row is None else int(row[0])


def _movable(database: Database, name: str) -> tuple[int, str]:
    """Id and first enrolment of an identity whose templates may get another name."""
    if held_kind(database) == "landmarks":
        raise InputError(
            f"{database.folder} is a gallery of landmarks, whose thresholds and photos go by the places' names; "
            "forget the place and enroll its photos under the other name"
        )
    return identity_row(database, name)


def _new_identity(database: Database, name: str, created_at: str) -> int:
    return int(
        database.one("INSERT INTO identity (name, created_at) VALUES (?, ?) RETURNING id", (name, created_at))[0]
    )


def _new_act(database: Database, kind: ActKind, templates: int = 0) -> int:
    assert kind in get_args(ActKind)
    made = database.one(
        "INSERT INTO act (kind, at, templates, tags) VALUES (?, ?, ?, '{}') RETURNING id", (kind, now(), templates)
    )
    return int(made[0])


def _note(database: Database, act: int, identity_id: int, becomes: str) -> int:
    """Keep an identity as it is before the act."""
    name, created_at = database.one("SELECT name, created_at FROM identity WHERE id = ?", (identity_id,))
    made = database.one(
        "INSERT INTO act_name (act_id, name, becomes, created_at, tags) VALUES (?, ?, ?, ?, ?) RETURNING id",
        (act, name, becomes, created_at, json.dumps(tags_of(database, identity_id))),
    )
    return int(made[0])


def _move(database: Database, ids: Sequence[int], target: int, note: int | None = None) -> None:
    """Give templates to an identity; with a note, so that they can be given back.

    A vector that the identity has already stays twice: the digest of the later one is made a longer, different one, and
    is the vector's own again when it moves on.
    """
    for template in ids:
        if note is not None:
            database.run("INSERT INTO template_move VALUES (?, ?)", (template, note))
        (digest,) = database.one("SELECT digest FROM template WHERE id = ?", (template,))
        own = digest[:DIGEST_BYTES]
        if database.one("SELECT 1 FROM template WHERE identity_id = ? AND digest = ?", (target, own)) is not None:
            own += str(template).encode("ascii")
        database.run("UPDATE template SET identity_id = ?, digest = ? WHERE id = ?", (target, own, template))


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
    if _found(database, name) is not None:
        raise InputError(f"somebody was enrolled as {name!r} since; rename that identity, then undo")


def _restore_target(database: Database, act: int, target: int, given: dict[str, str]) -> None:
    """What the identity that templates are taken back from is without them."""
    before = database.one("SELECT created_at FROM act_name WHERE act_id = ? AND name = becomes", (act,))
    if database.one("SELECT 1 FROM template WHERE identity_id = ? LIMIT 1", (target,)) is None:
        if before is not None:  # its own templates were forgotten meanwhile, and so is its name
            drop_names(database, database.one("SELECT name FROM identity WHERE id = ?", (target,))[0])
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
    names = database.run("SELECT name, becomes FROM act_name WHERE act_id = ? ORDER BY id", (act,))
    return Act(act, kind, at, dict(names.fetchall()), count, bool(undone))
