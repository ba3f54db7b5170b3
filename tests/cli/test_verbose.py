"""--verbose before a verb or after it: debug lines with times on stderr, nothing else changes."""

import logging
import re

import pytest

LINE = re.compile(r"debug \d\d:\d\d:\d\d\.\d{3}  [\w.]+: \S.*")


@pytest.mark.parametrize("place", ["before", "after", "both"])
def test_debug_lines_go_to_stderr_and_end_with_the_verb(lookalike, gallery, place):
    quiet = lookalike("people", "--gallery", gallery, "--json")
    assert quiet.err == ""
    before, after = ["-v"] * (place != "after"), ["--verbose"] * (place != "before")
    told = lookalike(*before, "people", "--gallery", gallery, "--json", *after)
    assert (told.code, told.out) == (0, quiet.out)
    lines = told.err.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert "lookalike 0." in lines[0]
    assert "numpy " in lines[0]
    assert sum("opened gallery" in line for line in lines) == 1
    assert "s in all" in lines[-1]
    assert lookalike("people", "--gallery", gallery).err == ""
    assert logging.getLogger("lookalike").level == logging.NOTSET


def test_every_verb_takes_it_and_says_so(lookalike):
    for verb in (["train"], ["index"], ["index", "build"], []):
        assert "--verbose" in lookalike(*verb, "--help").out


def test_an_error_stays_one_line_after_the_debug_lines(lookalike, tmp_path):
    outcome = lookalike("people", "-v", "--gallery", tmp_path / "none")
    *debug, last = outcome.err.splitlines()
    assert outcome.code == 2
    assert last.startswith("lookalike: ")
    assert all(LINE.fullmatch(line) for line in debug)


def test_what_a_job_does_is_logged(lookalike, some_people, tiny_model, tmp_path):
    photos = some_people(2, 2)
    embedded = lookalike("embed", photos, "--model", tiny_model, "--output", tmp_path / "v", "-v", "--json")
    assert embedded.document["count"] == 4
    for said in (f"loaded model {tiny_model} in", "Embedding: 4 done in", f"wrote folder {tmp_path / 'v'}"):
        assert said in embedded.err
