"""All pages of the console."""

from __future__ import annotations

from lookalike.service.console import (
    enroll_page,
    identify_page,
    jobs_page,
    login_page,
    map_page,
    people_page,
    proposals_page,
    state_page,
    verify_page,
)
from lookalike.service.console.frame import Console

__all__ = ["add"]


def add(console: Console) -> None:
    """Register them."""
    for page in (
        login_page,
        identify_page,
        verify_page,
        enroll_page,
        people_page,
        map_page,
        jobs_page,
        proposals_page,
        state_page,
    ):
        page.add(console)
