"""Numbers with what they count, in messages: 1 picture, 2 pictures, 1,000 pictures."""

from __future__ import annotations

__all__ = ["how_many"]


def how_many(count: int, noun: str, plural: str | None = None) -> str:
    """A number and a noun that agree.

    Args:
        count: at least 0.
        noun: its singular, with a verb where one has to agree: `"picture is"`.
        plural: by default the singular with an s.

    Example:
        >>> how_many(1, "picture"), how_many(1200, "identity is", "identities are")
        ('1 picture', '1,200 identities are')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
