"""What a gallery is told and what it answers: identities, templates, candidates, acts, and the words for them.

An *identity* is a name; a *template* is one vector enrolled for it; a search compares a probe with all templates
and answers identities. Vocabulary of ISO/IEC 2382-37 (biometrics).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from lookalike.decisions.scoring_rule import TemplateScoring
from lookalike.distances import MetricName

__all__ = [
    "Act",
    "ActKind",
    "Candidate",
    "Counts",
    "Enrolment",
    "Filter",
    "Forgotten",
    "Identity",
    "Kind",
    "Model",
    "Searched",
    "Tags",
    "Template",
]

#: What a gallery holds.
Kind = Literal["people", "landmarks"]
#: What can be undone.
ActKind = Literal["rename", "merge", "split"]
#: What is known of an identity besides its name: `"site" -> "Berlin"`. Up to 50 keys; keys and values are texts of 1 to
#: 200 characters.
Tags = Mapping[str, str]
#: Tags that an identity must have: of every key the value, or one of several values.
Filter = Mapping[str, "str | Sequence[str]"]


@dataclass(frozen=True)
class Model:
    """The model whose vectors a gallery holds."""

    fingerprint: str
    name: str
    metric: MetricName
    dimension: int


@dataclass(frozen=True, eq=False)
class Enrolment:
    """Templates to be added to one identity.

    Attributes:
        identity: its name; an existing one gets more templates.
        vectors: `(m, d)` or `(d,)` real numbers.
        sources: one text per vector; by default empty.
        tags: added to those that the identity has.
        qualities: of the picture behind each vector, 0 (worst) to 1; None where it is not known.
        enrolled_at: one moment per vector, ISO 8601, without an offset UTC; by default now. For imports.
        pictures: to be kept with the templates, one per vector or None, as `kept_pictures.encoded` returns them; of
            people, by a gallery that keeps pictures (`model_upgrade.upgradable`).

    Example:
        >>> Enrolment("Ada", [[1.0, 0.0]], ["ada.jpg"], tags={"site": "Berlin"}, qualities=[0.9]).identity
        'Ada'
    """

    identity: str
    vectors: npt.ArrayLike
    sources: Sequence[str] | None = None
    tags: Tags | None = None
    qualities: Sequence[float | None] | None = None
    enrolled_at: Sequence[str] | None = None
    pictures: Sequence[bytes | None] | None = None


@dataclass(frozen=True)
class Identity:
    """Somebody or something enrolled.

    Attributes:
        name: as `identity_names.checked_name` returned it.
        templates: how many it has, at least 1.
        created_at: of the first enrolment, ISO 8601, UTC.
        tags: what is known of it besides, by key.
    """

    name: str
    templates: int
    created_at: str
    tags: Tags = field(default_factory=dict, hash=False)


@dataclass(frozen=True, eq=False)
class Template:
    """One enrolled vector.

    Attributes:
        id: never used again, not even after `forget`.
        identity: its name.
        vector: `(d,)` float32, the bytes that were enrolled.
        source: where it came from, for people to read; may be empty.
        enrolled_at: ISO 8601, UTC.
        quality: of the picture behind it, 0 (worst) to 1; None where it was not given.
    """

    id: int
    identity: str
    vector: npt.NDArray[np.float32]
    source: str
    enrolled_at: str
    quality: float | None = None


@dataclass(frozen=True)
class Act:
    """A renaming, merging or splitting of identities, which `Gallery.undo` takes back.

    Attributes:
        id: later acts have greater ones; never used again.
        kind: `rename`, `merge` or `split`.
        at: when, ISO 8601, UTC.
        identities: name before -> name after, of all that took part.
        templates: how many got another name by it then.
        undone: whether it was undone.
    """

    id: int
    kind: ActKind
    at: str
    identities: Mapping[str, str]
    templates: int
    undone: bool = False


@dataclass(frozen=True)
class Forgotten:
    """What was deleted by age.

    Attributes:
        identities: that have no template left, and are gone.
        templates: deleted, those of these identities included.
    """

    identities: int
    templates: int


@dataclass(frozen=True)
class Candidate:
    """An identity a probe may be, by its nearest template."""

    identity: str
    distance: float
    template_id: int


@dataclass(frozen=True)
class Counts:
    """How large a gallery is at one moment.

    Attributes:
        identities: names.
        templates: vectors, over all identities.
        change: the number of the last change before that moment.
    """

    identities: int
    templates: int
    change: int

    def compared(self, rule: TemplateScoring) -> int:
        """How many distances a search makes by a rule: one to each template, or one to each identity.

        Example:
            >>> Counts(2, 6, 1).compared("nearest"), Counts(2, 6, 1).compared("mean")
            (6, 2)
        """
        return self.templates if rule == "nearest" else self.identities


@dataclass(frozen=True)
class Searched:
    """What a search found, and how large the gallery was at that very moment.

    Attributes:
        candidates: of every probe the nearest identities, nearest first.
        counts: of the state that was searched; with a filter, of the identities and templates that match it.
    """

    candidates: list[list[Candidate]]
    counts: Counts
