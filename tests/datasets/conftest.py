"""Pictures on disk that cost nothing: readers look at names only."""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest


@pytest.fixture
def touch(tmp_path: Path) -> Callable[..., Path]:
    """Make empty files below `tmp_path`, folders included, and return `tmp_path`."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


@pytest.fixture
def nobody() -> Callable[[Path], AbstractContextManager[None]]:
    """Work in a folder without root's right to read everything."""

    @contextlib.contextmanager
    def as_nobody(folder: Path) -> Iterator[None]:
        before, root = Path.cwd(), os.geteuid() == 0
        folder.chmod(0o755)
        os.chdir(folder)  # relative paths need no way through folders that only root may enter
        if root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)
            os.chdir(before)

    return as_nobody
