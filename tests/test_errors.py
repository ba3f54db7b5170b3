"""The tree is as drawn, and each error can be caught by the name an outsider would try."""

import inspect
import pickle
import re

import pytest

from lookalike import errors
from lookalike.errors import (
    ArtefactError,
    FingerprintError,
    InputError,
    LookalikeError,
    MissingDependencyError,
    StorageError,
    TrainingInterrupted,
    UnknownIdentityError,
)

ALL = [getattr(errors, name) for name in errors.__all__]


def test_every_error_is_public():
    defined = {name for name, thing in vars(errors).items() if inspect.isclass(thing)}
    assert defined == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


def test_the_tree_in_the_docstring_is_the_tree():
    drawn, path = {}, []
    for line in errors.__doc__.splitlines():
        match = re.match(r"(?: {4})([│ ├└─]*)([A-Z]\w+)(?: \(also an? (\w+)\))?", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        path[depth:] = [match[2]]
        drawn[match[2]] = (path[depth - 1] if depth else "Exception", match[3])
    actual = {
        error.__name__: (error.__bases__[0].__name__, error.__bases__[1].__name__ if error.__bases__[1:] else None)
        for error in ALL
    }
    assert drawn == actual


@pytest.mark.parametrize("error", ALL)
def test_the_message_is_the_line_that_was_given(error):
    # KeyError would add quotes, OSError would take apart more than one argument.
    for message in ("no 'Ada' in people.gallery; see lookalike people", "größer, 写真", ""):
        assert str(error(message)) == message
    assert str(error()) == ""


@pytest.mark.parametrize("error", ALL)
def test_errors_cross_processes(error):
    there = pickle.loads(pickle.dumps(error("what, expected, do")))
    assert type(there) is error
    assert str(there) == "what, expected, do"


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InputError, ValueError),
        (UnknownIdentityError, KeyError),
        (StorageError, OSError),
        (MissingDependencyError, ImportError),
    ],
)
def test_builtins_catch_theirs(error, builtin):
    with pytest.raises(builtin):
        raise error("x")


def test_mixing_models_is_a_damaged_artefact_and_no_input_error():
    assert issubclass(FingerprintError, ArtefactError)
    assert not issubclass(ArtefactError, InputError)


def test_exit_codes():
    assert {error.exit_code for error in ALL if error is not TrainingInterrupted} == {2}
    assert TrainingInterrupted.exit_code == 130  # 128 + SIGINT, as shells expect
    assert LookalikeError.exit_code == 2
