"""Every kind of bad input, over all verbs: one line that says what was given and what to do, code 2, nothing changed.

How long each takes as a process, `benchmarks/refusal_times.py` measures.
"""

import pytest
from benchmarks.bad_input import BAD_INPUTS, make_inputs

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad") / "inputs"
    make_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def before(inputs):
    return contents(inputs)


def contents(folder):
    """Files whose contents a refusal must not change; SQLite's own -wal and -shm come and go with every reader."""
    files = [path for path in folder.rglob("*") if path.suffix not in (".sqlite3-wal", ".sqlite3-shm")]
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in files}


def test_there_are_fifty_kinds_and_all_verbs():
    assert len({one.kind for one in BAD_INPUTS}) == len(BAD_INPUTS) >= 50
    verbs = {one.arguments.split()[0] for one in BAD_INPUTS}
    assert {"train", "evaluate", "embed", "enroll", "people", "forget", "verify", "identify", "index"} <= verbs


@pytest.mark.parametrize("bad", BAD_INPUTS, ids=lambda one: one.kind.replace(" ", "-"))
def test_it_is_refused(lookalike, refused, bad, inputs, before, tmp_path):
    outcome = lookalike(*bad.command(inputs, tmp_path))
    refused(outcome, *bad.words)
    assert outcome.out == ""
    assert list(tmp_path.iterdir()) == []
    assert contents(inputs) == before
