"""Debug lines of what a block did, and silence for whoever does not ask."""

import logging
import re
import subprocess
import sys

import pytest

from lookalike.step_log import logged_step

LOGGER = logging.getLogger("lookalike.somewhere")


def test_a_step_is_logged_with_its_seconds(caplog):
    with caplog.at_level(logging.DEBUG, "lookalike"), logged_step(LOGGER, "read %d pictures of %s", 3, "photos/"):
        pass
    assert re.fullmatch(r"read 3 pictures of photos/ in \d+\.\d{3} s", caplog.messages[0])
    assert caplog.records[0].name == "lookalike.somewhere"


def test_a_step_that_fails_is_not_said_to_be_done(caplog):
    with caplog.at_level(logging.DEBUG, "lookalike"), pytest.raises(OSError), logged_step(LOGGER, "read"):
        raise OSError
    assert caplog.messages == []


def test_a_program_that_asks_for_nothing_sees_nothing():
    code = "import logging, lookalike; logging.getLogger('lookalike').error('x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
