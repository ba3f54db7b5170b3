"""When two texts are one identity's name; which names may be enrolled; which are easily taken for one another.

One rule for data sets, labels, groups, lists of pairs and galleries. Two texts are one name when they have the same NFC
form (Unicode's composed form) after blanks at both ends are removed. Archives from a Mac spell names decomposed (NFD),
tables have blanks beside separators: neither makes another person.

Nothing else is equal: `Ada` and `ada`, `Ada Lovelace` with one blank and with two, or with a zero-width character in
it, are different names. Those that look the same are reported by `name_remarks`, never merged.

Source: Unicode Standard Annex #15, "Unicode Normalization Forms".
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from lookalike.counted_nouns import how_many
from lookalike.errors import InputError

__all__ = ["LONGEST_NAME", "canonical_name", "checked_name", "look_alike_remarks", "name_remarks", "visible_form"]

LONGEST_NAME = 200

# Control characters, lone surrogates, line and paragraph separators.
_FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}
# Marks that reverse the reading direction: two names that look the same could be different ones.
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What is not drawn: Unicode's property Default_Ignorable_Code_Point (Unicode Standard, section 5.21).
_NOT_DRAWN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def canonical_name(name: str) -> str:
    r"""Return the one form of a name: NFC, without blanks at its ends. Nothing is refused.

    Example:
        >>> canonical_name(" Jose\u0301 ") == canonical_name("Jos\u00e9")
        True
    """
    return (name if name.isascii() else unicodedata.normalize("NFC", name)).strip()


def checked_name(name: object) -> str:
    """Return the canonical name of an identity that is to be enrolled; any script is welcome.

    Raises:
        InputError: not text, empty, longer than 200 characters, or with characters that cannot be seen.

    Example:
        >>> checked_name("  Ada  ")
        'Ada'
    """
    if not isinstance(name, str):
        raise InputError(f"identity {name!r} is a {type(name).__name__}; give its name as text")
    ready = canonical_name(name)
    if not ready:
        raise InputError(f"identity {name[:20]!r} is an empty name; give one with at least one visible character")
    if len(ready) > LONGEST_NAME:
        raise InputError(f"identity {ready[:20]!r}... has {len(ready)} characters; at most {LONGEST_NAME} are allowed")
    if ready.isascii() and ready.isprintable():
        return ready
    for character in ready:
        if unicodedata.category(character) in _FORBIDDEN or character in _BIDI:
            raise InputError(f"identity {ready!r} holds the control character U+{ord(character):04X}; remove it")
    return ready


def visible_form(name: str) -> str:
    r"""Return what a reader sees of a name: every run of blanks as one, nothing that is not drawn.

    For comparing only. Two names with one visible form may be two people: a zero-width joiner is part of the spelling
    in some scripts.

    Example:
        >>> visible_form("Ada\u200b \u00a0Lovelace")
        'Ada Lovelace'
    """
    drawn = name if name.isascii() else _NOT_DRAWN.sub("", name)
    return canonical_name(" ".join(drawn.split()))


def name_remarks(spellings: Iterable[str]) -> tuple[str, ...]:
    """Say which identities are spelled in several ways, and which are easily taken for one another.

    Args:
        spellings: names as they were found, in any order, repeated or not.

    Returns:
        No remark, or one line for each of the two.

    Example:
        >>> name_remarks(["Ada", " Ada", "Bo"])
        ("1 identity is spelled in several ways, such as 'Ada' and ' Ada': each counts as one",)
    """
    ways: dict[str, set[str]] = defaultdict(set)
    for spelling in set(spellings):
        ways[canonical_name(spelling)].add(spelling)
    remarks = []
    several = sorted(name for name, found in ways.items() if len(found) > 1)
    if several:
        forms = sorted(ways[several[0]])[::-1]
        shown = " and ".join(map(_shown, forms[:2]))
        spelled = how_many(len(several), "identity is", "identities are")
        remarks.append(f"{spelled} spelled in several ways, such as {shown}: each counts as one")
    return (*remarks, *look_alike_remarks(ways))


def look_alike_remarks(names: Iterable[str], known: Iterable[str] = ()) -> tuple[str, ...]:
    """Say which canonical names look the same, in at most one line.

    Args:
        names: canonical names.
        known: canonical names of other identities; those that look the same among them alone are not reported.

    Example:
        >>> look_alike_remarks(["Ada  L"], known=["Ada L"])  # doctest: +ELLIPSIS
        ("1 group of names look the same and count as different identities, such as 'Ada  L' and 'Ada L': ...",)
    """
    looks: dict[str, set[str]] = defaultdict(set)
    for name in names:
        looks[visible_form(name)].add(name)
    for name in known:
        if (look := visible_form(name)) in looks:
            looks[look].add(name)
    alike = [sorted(same) for _, same in sorted(looks.items()) if len(same) > 1]
    if not alike:
        return ()
    first, second = map(_shown, alike[0][:2])
    return (
        f"{how_many(len(alike), 'group')} of names look the same and count as different identities, such as {first} "
        f"and {second}: they differ in blanks or in characters that are not drawn; give them one spelling "
        "if they are one",
    )


def _shown(name: str) -> str:
    """A name as Python writes it; with every character that is not ASCII as its number where it would not be seen."""
    decomposed = not unicodedata.is_normalized("NFC", name)
    return ascii(name) if decomposed or _NOT_DRAWN.search(name) else repr(name)
