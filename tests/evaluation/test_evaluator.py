"""Evaluators of a list measure one after the other; what several need is measured once."""

from dataclasses import dataclass, field

import pytest

from lookalike.errors import InputError
from lookalike.evaluation.evaluator import Measurement, measure_all, measured_once
from lookalike.evaluation.report.page import Section


@dataclass
class Numbers:
    values: list
    measured: dict = field(default_factory=dict)


class Total:
    def measure(self, context):
        return Measurement(Section("Total"), {"total": sum(context.values)})


class Largest:
    def measure(self, context):
        return Measurement(metrics={"largest": max(context.values)}) if context.values else None


class Frame:
    def measure(self, context):
        return Measurement(Section("Frame"))


def test_sections_and_metrics_in_the_order_of_the_list():
    found = measure_all([Frame(), Largest(), Total()], Numbers([1, 3]))
    assert [section.heading for section in found.sections] == ["Frame", "Total"]
    assert list(found.metrics.items()) == [("largest", 3), ("total", 4)]


def test_what_cannot_be_measured_leaves_no_trace():
    found = measure_all([Largest()], Numbers([]))
    assert (found.sections, found.metrics) == ((), {})


def test_one_entry_is_measured_by_one_evaluator():
    with pytest.raises(InputError, match="two evaluators measure 'total'; give Total a name of its own"):
        measure_all([Total(), Total()], Numbers([1]))


def test_what_several_need_is_measured_once_for_each_context():
    calls = []

    @measured_once
    def half(context):
        calls.append(context)
        return None if not context.values else context.values[0] / 2

    one, other = Numbers([4]), Numbers([])
    assert [half(one), half(one), half(other), half(other)] == [2, 2, None, None]
    assert calls == [one, other]
