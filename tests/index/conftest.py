"""What tests of saving share."""

import contextlib
import resource

import pytest


@pytest.fixture
def small_files():
    """A context in which no file grows past a limit, as on a disk that fills up; the engines see real errors."""

    @contextlib.contextmanager
    def limited(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
