import numpy as np
import pytest

from lookalike.errors import InputError
from lookalike.evaluation.report import figure_style, figures
from lookalike.evaluation.verification.all_pairs import from_scores


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(0.4, 0.1, 40), rng.normal(0.9, 0.2, 300)])
    return from_scores(scores, np.arange(340) < 40)


def test_svg_is_self_contained_and_follows_the_page(result):
    svg = figure_style.inline_svg(figures.roc({"a": result, "b": result}))
    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert "http" not in svg
    assert "<style" not in svg, "a rule in it would reach the whole page"
    assert "var(--ink" in svg
    assert "var(--blue" in svg
    assert "var(--sans" in svg
    assert "DejaVu" not in svg
    opening = svg[: svg.index(">")]
    assert "viewBox" in opening
    assert "width" not in opening


def test_equal_figures_are_equal_to_the_byte(result):
    assert figure_style.inline_svg(figures.det({"a": result})) == figure_style.inline_svg(figures.det({"a": result}))


@pytest.mark.parametrize("name", ["_hidden", "a $x^2 broken", "<script>alert(1)</script>", "名前", "a & b"])
def test_any_name_is_shown_as_it_is(result, name):
    svg = figure_style.inline_svg(figures.roc({name: result, "other": result}))
    escaped = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert escaped in svg
    assert "<script" not in svg


def test_png(result):
    assert figure_style.png(figures.roc({"a": result}), dpi=50).startswith(b"\x89PNG")


def test_colours_are_given_out_once_and_in_order():
    names = [f"method {i}" for i in range(7)]
    assert tuple(figure_style.method_colours(names).values()) == figure_style.PALETTE
    chosen = figure_style.method_colours(["a", "b"], {"b": figure_style.PALETTE[0].upper()})
    assert chosen == {"b": figure_style.PALETTE[0], "a": figure_style.PALETTE[1]}
    with pytest.raises(InputError, match="expected #rrggbb"):
        figure_style.method_colours(["a"], {"a": "red; background: url(x)"})
