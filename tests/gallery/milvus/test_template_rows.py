"""Tags and names as Milvus finds them."""

import numpy as np

from lookalike.gallery.identity_tags import checked_filter
from lookalike.gallery.milvus.template_rows import TemplateRow, TemplateRows, marks_of, owner_number, tags_condition


def test_a_condition_asks_for_the_marks_of_the_tags():
    marks = marks_of({'a"b': "x\\y", "site": "Berlin"})
    asked = tags_condition(checked_filter({'a"b': ["x\\y", "z"], "site": "Berlin"}))
    for key, value in marks.items():
        assert f'marks["{key}"] in [' in asked
        assert f'"{value}"' in asked
    assert "Berlin" not in asked
    assert tags_condition(()) == ""


def test_names_are_numbers_that_milvus_can_hold():
    numbers = {owner_number(f"p{n}") for n in range(1000)}
    assert len(numbers) == 1000
    assert 0 <= min(numbers) <= max(numbers) < 2**63


class Sent:
    """Keeps what is sent."""

    def __init__(self):
        self.rows, self.deleted, self.beats = [], [], 0

    def change(self, request, collection, rows=None, ids=()):
        self.rows += rows or []
        self.deleted += ids

    def beat(self):
        self.beats += 1


def test_keys_are_of_a_tenant_and_in_the_order_of_numbers():
    sent = Sent()
    row = TemplateRow(1, 7, 3, "Ada", "00", "a.jpg", "2025", None, np.ones(2, np.float32))
    rows = [row, TemplateRow(200, 8, 3, "Ada", "00", "", "2025", 0.0, np.ones(2, np.float32))]
    TemplateRows(sent, "c", 5).insert(rows, {"Ada": {"t": "v"}}, sent.beat)
    TemplateRows(sent, "c", 6).insert(rows, {}, sent.beat)
    keys = [one["key"] for one in sent.rows]
    assert len(set(keys)) == 4
    assert keys == sorted(keys)
    assert [one["quality"] for one in sent.rows[:2]] == [-1.0, 0.0]
    assert sent.rows[0]["marks"] == {"t": "v"}
    assert sent.beats == 2
    TemplateRows(sent, "c", 5).delete([200], sent.beat)
    assert sent.deleted == keys[1:2]
