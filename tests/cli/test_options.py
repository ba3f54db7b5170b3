"""Options are refused where they do nothing, also when their default value is given."""

import pytest

from lookalike.cli import evaluate as verb

#: Options of evaluations of people, each with its default where it has one.
FOR_PEOPLE = {
    "enrolled": ("--enrolled", "1"),
    "trials": ("--trials", "20"),
    "calibrate": ("--calibrate",),
    "promise": ("--promise", "fpir=0.01"),
    "distractors": ("--distractors", "x"),
    "groups": ("--groups", "x"),
    "against": ("--against", "x"),
    "pairs": ("--pairs", "x"),
    "existing_pairs": ("--existing-pairs",),
    "trained_on": ("--trained-on", "x"),
    "template_scoring": ("--template-scoring", "mean"),
}
FOR_LANDMARKS = {"non_landmarks": ("--non-landmarks", "x"), "rerank": ("--rerank",)}
#: With what `evaluate` is asked about places; nothing of it is read before options are refused.
PLACES = ("evaluate", "photos", "--model", "m", "--recipe", "landmarks", "--gallery", "g")


def test_every_option_of_one_kind_is_tested_here():
    assert set(FOR_PEOPLE) == set(verb._PEOPLE)
    assert set(FOR_LANDMARKS) == set(verb._LANDMARKS)


@pytest.mark.parametrize("option", FOR_PEOPLE.values(), ids=FOR_PEOPLE)
def test_options_for_people_are_refused_for_places(lookalike, refused, option):
    refused(lookalike(*PLACES, *option), f"{option[0]} is for people")


@pytest.mark.parametrize("option", [*FOR_LANDMARKS.values(), ("--no-rerank",)])
def test_options_for_places_are_refused_for_people(lookalike, refused, option):
    name = "--rerank" if option == ("--no-rerank",) else option[0]
    refused(lookalike("evaluate", "photos", "--model", "m", *option), f"{name} is for landmarks")


@pytest.mark.parametrize(
    "option",
    [
        *FOR_PEOPLE.values(),
        *FOR_LANDMARKS.values(),
        ("--output", "evaluation"),
        ("--gallery", "g"),
        ("--scales", "1"),
        ("--cropped",),
        ("--skip-bad",),
    ],
)
def test_options_that_do_nothing_to_a_submission_are_refused(lookalike, refused, option):
    refused(lookalike("evaluate", "photos", "--submission", "s.csv", *option), f"{option[0]} does nothing")


def test_without_them_the_same_command_goes_on(lookalike, refused):
    refused(lookalike(*PLACES), "m")
    refused(lookalike("evaluate", "photos", "--model", "m"), "photos does not exist")
    refused(lookalike("evaluate", "photos", "--submission", "s.csv", "--model", "m", "--seed", "0"), "s.csv")


def test_a_default_that_is_given_is_used(lookalike, refused):
    # Of people, all their options are read: a wrong value is named, so a right one was taken.
    refused(lookalike("evaluate", "photos", "--model", "m", "--trials", "0"), "'--trials'")
    refused(lookalike("evaluate", "photos", "--model", "m", "--trials", "20", "--enrolled", "1"), "photos does not")
