import errno
import os
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from lookalike.errors import ImageError, InputError, StorageError
from lookalike.evaluation.report.page import (
    Cell,
    Drawing,
    Drawings,
    Fact,
    PicturePair,
    PicturePairs,
    Report,
    Section,
    Table,
    breakable,
    data_uri,
    render,
    write_report,
)

EVIL = '<script>alert("x")</script>'


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "data", "action", "poster")]

    def handle_data(self, data):
        self.words.append(data)


def grey(value=0, shape=(24, 20)):
    return np.full(shape, value, np.uint8)


@pytest.fixture
def report():
    pair = PicturePair(grey(), grey(9, (300, 200, 3)), EVIL, "Ada", "distance 0.3", good=False)
    return Report(
        EVIL,
        f"lead {EVIL}",
        (Fact(EVIL, "4.2%", EVIL),),
        (
            Section(
                f"heading {EVIL}",
                (f"prose {EVIL}",),
                (
                    Table(("name", EVIL), ((EVIL, Cell("1.0", EVIL, best=True, colour="#0072b2")),), EVIL),
                    Drawings((Drawing("<svg><path/></svg>", EVIL, EVIL, f'"{EVIL}'),)),
                    PicturePairs((pair,), EVIL),
                ),
            ),
        ),
        EVIL,
    )


def test_everything_is_on_the_page_and_escaped(report):
    text = render(report)
    page = Page(text)
    assert "script" not in page.tags
    # title twice, lead, fact twice, heading, prose, table four times, drawing twice, pairs twice, footer
    assert "".join(page.words).count(EVIL) == 16
    assert page.tags.count("svg") == 1, "a figure is not escaped"
    assert page.tags.count("img") == 2
    assert 'class="best"' in text
    assert 'class="verdict bad"' in text


def test_what_makes_figures_doubtful_is_above_them(report, tmp_path):
    doubted = replace(report, warnings=("12 of 40 <pictures> were trained on",))
    write_report(tmp_path / "r.html", doubted, Section("more"))
    page = (tmp_path / "r.html").read_text("utf-8")
    at = page.index("12 of 40 &lt;pictures&gt; were trained on")
    assert page.index('role="alert"') < at < page.index('<dl class="facts">')
    assert 'role="alert"' not in render(report)


def test_the_page_is_self_contained(report):
    text = render(report)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert all(address.startswith(("data:", "#")) for address in Page(text).addresses)
    assert "default-src 'none'" in text
    assert "link" not in Page(text).tags


def test_writing_adds_sections_and_replaces_the_old_page(report, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, report, Section("one more"))
    text = path.read_text(encoding="utf-8")
    assert "<h2>one more</h2>" in text
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_names_that_are_not_text_are_written_all_the_same(tmp_path):
    write_report(tmp_path / "r.html", Report(os.fsdecode(b"p\xe9re")))
    assert "p?re" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_full_disk_keeps_the_old_page(report, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_report(path, report)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_table_with_a_missing_cell_is_refused():
    with pytest.raises(InputError, match="row 1 of the table has 1 cells for 2 columns"):
        Table(("a", "b"), (("1", "2"), ("1",)))


@pytest.mark.parametrize(
    "picture", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_pictures_that_are_none(picture):
    with pytest.raises(ImageError, match=r"expected \(h, w"):
        data_uri(picture)


def test_large_pictures_are_shrunk():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (2000, 1000, 3)).astype(np.uint8)
    assert len(data_uri(picture)) < 120_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada_Lovelace", "Ada_<wbr>Lovelace"),
        ("/photos/ada\\1.png", "/<wbr>photos/<wbr>ada\\<wbr>1.png"),
        ("0.576", "0.576"),
        ("trailing_", "trailing_"),
        ("<b>_x", "&lt;b&gt;_<wbr>x"),
    ],
)
def test_names_may_be_broken_between_their_parts(text, expected):
    assert str(breakable(text)) == expected


def test_a_name_is_broken_where_its_parts_meet():
    pixels = np.zeros((2, 2), np.uint8)
    pair = PicturePair(pixels, pixels, "Ada_Lovelace", "Bo", "distance 0.5")
    page = render(Report("On photos/ada", sections=(Section("Look-alikes", (), (PicturePairs((pair,)),)),)))
    assert '<span class="name">Ada_<wbr>Lovelace</span>' in page
    assert "<h1>On photos/<wbr>ada</h1>" in page
    assert "word-break" not in page
