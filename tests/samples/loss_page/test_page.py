"""The page: every panel is on it, and its sentences follow the numbers."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from lookalike.samples.loss_page.page import LossPage, degrees, train_losses
from lookalike.samples.loss_page.panels import PANELS

pytestmark = pytest.mark.network


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "data", "action")]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def brief():
    """All panels after one epoch: the machinery."""
    return train_losses(2, epochs=1)


def with_measures(page, name, loss=None, **measures):
    """A page where one panel was measured otherwise."""
    return LossPage(
        tuple(
            dataclasses.replace(
                one,
                loss=one.loss if loss is None else loss,
                measures=dataclasses.replace(one.measures, **measures),
            )
            if one.panel.name.startswith(name)
            else one
            for one in page.trained
        ),
        page.seed,
        page.epochs,
        page.learned,
    )


def sentence(page, name):
    return page.sentence(next(one for one in page.trained if one.panel.name.startswith(name)))


def test_every_panel_is_on_the_page_with_its_numbers(brief):
    text = brief.html()
    page = Page(text)
    words = " ".join("".join(page.words).split())
    for panel in PANELS:
        assert f"<h3>{panel.name}</h3>" in text
        assert " ".join(panel.formula.split()) in words
    assert page.tags.count("figure") == 10
    assert page.tags.count("tr") == 11
    assert len(re.findall(r'<circle cx="[^"]+" cy="[^"]+" r="2.2"/>', text)) == 10 * 599
    for one in brief.trained:
        assert f"<b>{100 * one.measures.accuracy:.1f}%</b>" in text
        assert brief.sentence(one) in words


def test_the_page_is_self_contained(brief):
    text = brief.html()
    page = Page(text)
    assert page.addresses == []
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 400_000


def test_the_document_is_json_and_the_same_for_the_same_seed(brief):
    document = brief.document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert train_losses(2, epochs=1).document() == document
    assert train_losses(3, epochs=1).document() != document
    assert document["held_out"] + document["learned_from"] == 1797


def test_sentences_follow_what_was_measured(brief):
    assert "Long petals" in sentence(with_measures(brief, "Softmax", within=3, between=10), "Softmax")
    assert "Compact" in sentence(with_measures(brief, "Softmax", within=1, between=10), "Softmax")
    wide = with_measures(brief, "Softmax", within=3, between=10, degrees=2.0)
    first = "Center loss, λ = 0.0001"
    assert "falls from 30% → 20%" in sentence(with_measures(wide, first, within=1, between=5), first)
    assert "No tighter" in sentence(with_measures(wide, first, within=2, between=5), first)
    for angle, said in ((1.0, "sharper"), (2.1, "about as sharp"), (4.0, "blunter")):
        assert sentence(with_measures(wide, "CosFace", degrees=angle, closest=12, collapsed=False), "CosFace").endswith(
            f"2.0°: {said}. The two nearest classes are 12° apart."
        )


def test_a_collapse_is_told_where_there_is_one_and_only_there(brief):
    hard, semihard = "Triplet, hard", "Triplet, semi"
    gone = with_measures(brief, hard, loss=0.2, collapsed=True, mean_similarity=1.0, accuracy=0.1)
    told = sentence(gone, hard)
    assert told.startswith("Collapsed")
    assert "0.200, the margin" in told
    assert "magnifying" not in told
    assert "magnifying" in sentence(with_measures(gone, hard, accuracy=0.7), hard)
    fine = with_measures(brief, "Triplet", loss=0.05, collapsed=False, mean_similarity=0.01, accuracy=0.98)
    assert sentence(fine, hard).startswith("Not collapsed: cosine similarity is 0.01")
    assert fine.html().count("collapsed</span>") == sum(one.measures.collapsed for one in fine.trained)
    # Where everything is on one point, no angle is a merit.
    assert sentence(with_measures(brief, "ArcFace", collapsed=True, degrees=0.1), "ArcFace").startswith("Collapsed")
    both = with_measures(gone, semihard, collapsed=True)
    lessons = [
        next(line for line in Page(page.html()).words if said in line)
        for page, said in (
            (with_measures(gone, semihard, collapsed=False), "the network has collapsed"),
            (fine, "did not collapse"),
            (both, "both triplet losses collapsed"),
        )
    ]
    assert len(set(lessons)) == 3


def test_angles_have_two_figures():
    assert [degrees(angle) for angle in (12.3, 1.0, 0.96, 0.00062)] == ["12°", "1.0°", "0.96°", "0.00062°"]
