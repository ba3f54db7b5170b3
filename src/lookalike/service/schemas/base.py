"""What all requests have in common, and what all answers do."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Answered", "Asked"]


class Asked(BaseModel):
    """A request: what it names and we do not know is refused, so that no misspelt option is passed over."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, str_max_length=10_000)


class Answered(BaseModel):
    """An answer; a client ignores fields that a later service adds."""

    model_config = ConfigDict(extra="ignore", frozen=True)
