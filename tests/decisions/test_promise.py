"""Promises: how they are read, and what is said of them."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.decisions.promise import Promise, PromisedRate, PromisedThreshold
from lookalike.errors import InputError


def test_promises_are_read():
    assert Promise.parse("fpir=0.001") == Promise("fpir", 0.001)
    assert Promise.parse("FMR=1e-6") == Promise("fmr", 1e-6)
    for text, message in (
        ("fpir", "is no promise"),
        ("0.01", "is no promise"),
        ("fnmr=0.1", r"expected fpir \(searches\) or fmr \(comparisons\)"),
        ("fpr=0.1", "a promise of 'fpr' was asked for; expected fpir"),
        ("fpir=0", "above 0"),
        ("fpir=1", "below 1"),
        ("fpir=nan", "above 0"),
    ):
        with pytest.raises(InputError, match=message):
            Promise.parse(text)


def test_a_promise_about_photos_without_a_landmark():
    assert Promise.parse("fpr = 0.02", ["fpr"]) == Promise("fpr", 0.02)
    for text, message in (
        ("fpir=0.1", r"expected fpr \(photos without a landmark\)"),
        ("fpr=much", "expected fpr=RATE, for example fpr=0.01"),
        ("fpr=2", "fpr is 2.0; expected a rate above 0 and below 1, for example 0.01"),
    ):
        with pytest.raises(InputError, match=message):
            Promise.parse(text, ["fpr"])
    with pytest.raises(InputError, match=r"FPR 0\.02 is a promise about photos without a landmark"):
        Promise("fpr", 0.02).comparison_rate(10)
    with pytest.raises(InputError, match=r"'fnmr' was asked for; expected fmr .* or fpir .* or fpr"):
        Promise("fnmr", 0.1)


@given(st.floats(1e-6, 0.99), st.integers(1, 10**7))
def test_the_rate_per_comparison_gives_the_rate_per_search(rate, templates):
    assert 1 - (1 - Promise("fpir", rate).comparison_rate(1)) == pytest.approx(rate)
    needed = Promise("fpir", rate).comparison_rate(templates)
    assert -math.expm1(templates * math.log1p(-needed)) == pytest.approx(rate)
    assert Promise("fmr", rate).comparison_rate(templates) == rate


def test_words_say_what_is_promised():
    made = PromisedThreshold(Promise("fpir", 0.01), 1000, 0.4, 0.5, 0.005, 0.01, 1234.5, False, 0.1, 0.05, 0.2)
    aim = "at most 0.01 of strangers' searches among 1,000 templates name anybody"
    assert made.source == (f"aimed at: {aim}; measured on too few pairs to promise it, 1.23e+03 times beyond the data")
    within = replace(made, extrapolation=0.5)
    assert within.source == f"aimed at: {aim}; measured on too few pairs to promise it"
    assert replace(made, sufficient=True).source == f"{aim} (95% confidence); 1.23e+03 times beyond the data"
    assert replace(within, sufficient=True).source == f"{aim} (95% confidence)"


@given(st.booleans(), st.sampled_from(["counted", "tail"]), st.floats(1e-3, 1e4))
def test_no_words_promise_with_a_confidence_what_they_say_cannot_be_promised(sufficient, basis, beyond):
    pairs = PromisedThreshold(Promise("fmr", 0.01), 1, 0.4, 0.5, 0.005, 0.01, beyond, sufficient, 0.1, 0.05, 0.2)
    photos = PromisedRate(0.4, 0.01, 0.95, 600, 1, 1 / 600, 0.01, basis, sufficient)
    for text, kept in ((pairs.source, sufficient), (photos.source, basis == "counted")):
        assert ("95% confidence" in text) == kept
        assert text.startswith("aimed at: ") == ("too few" in text) == (not kept)


def test_reading_a_promise_takes_neither_scipy_nor_the_evaluation():
    code = (
        "import sys; import lookalike.decisions.promise, lookalike.decisions.calibration; "
        "print([m for m in ('scipy', 'torch', 'sklearn', 'lookalike.evaluation') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
