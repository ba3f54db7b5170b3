"""What would repair a finding."""

from __future__ import annotations

from collections.abc import Sequence

from lookalike.gallery.doctor.findings import Proposal
from lookalike.gallery.doctor.stored_templates import StoredTemplates

__all__ = ["forgetting", "merging", "moving"]


def merging(templates: StoredTemplates, codes: Sequence[int]) -> Proposal:
    """Make names one: the name with most templates stays, of equals the older.

    Args:
        templates: of a gallery.
        codes: of the identities, at least two.
    """
    kept = min(codes, key=lambda code: (-len(templates.rows(code)), templates.rows(code)[0]))
    names = tuple(templates.names[code] for code in sorted(codes))
    return Proposal("merge", names, templates.names[kept], (), _expected(templates, codes))


def moving(templates: StoredTemplates, row: int, code: int) -> Proposal:
    """Move a template to another identity.

    Args:
        templates: of a gallery.
        row: of the template.
        code: of the identity that gets it.
    """
    mine = int(templates.codes[row])
    moved = (int(templates.ids[row]),)
    return Proposal("split", (templates.names[mine],), templates.names[code], moved, _expected(templates, (mine, code)))


def forgetting(templates: StoredTemplates, rows: Sequence[int]) -> Proposal | None:
    """Delete templates of one identity; None where it would have none left.

    Args:
        templates: of a gallery.
        rows: of templates of one identity.
    """
    mine = int(templates.codes[rows[0]])
    if len(rows) >= len(templates.rows(mine)):
        return None
    deleted = tuple(int(templates.ids[row]) for row in rows)
    return Proposal("forget", (templates.names[mine],), "", deleted, _expected(templates, (mine,)))


def _expected(templates: StoredTemplates, codes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    return {templates.names[code]: tuple(templates.ids[templates.rows(code)].tolist()) for code in sorted(codes)}
