"""docs/losses: a page for every loss, all built alike; what they say in Python and TOML runs."""

import re
import tomllib
from pathlib import Path

import pytest
import torch

from lookalike import losses
from lookalike.datasets import PictureSet
from lookalike.training import Recipe
from lookalike.training.named_losses import LOSSES

FOLDER = Path(__file__).parents[2] / "docs" / "losses"
OVERVIEW = (FOLDER / "README.md").read_text("utf-8")
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
HEADINGS = ["Formula", "Source", "In Lookalike", "When to use it", "Defaults", "What goes wrong", "Cost"]
#: Page -> its row in the overview's table: `--loss`, name in Python, kind.
ROWS = dict(re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\) \| (.*)\|$", OVERVIEW, re.MULTILINE))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def anchors(text):
    """Headings as GitHub and the site make them link targets."""
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", text, re.M)}


def test_the_overview_has_a_row_for_every_page():
    assert sorted(ROWS) == [page.name for page in PAGES]


def test_every_public_loss_has_a_page_that_names_it():
    named = {name: page for page, cells in ROWS.items() for name in re.findall(r"`([A-Z]\w+)`", cells)}
    assert set(losses.__all__) <= set(named)
    assert [n for n, page in named.items() if f"`{n}`" not in (FOLDER / page).read_text("utf-8").split("## ")[0]] == []


def test_every_name_of_the_command_line_has_a_page():
    of_row = {name: page for page, cells in ROWS.items() for name in re.findall(r"`(\w+)`", cells.split("|")[0])}
    assert set(of_row) == set(LOSSES)
    assert [n for n, page in of_row.items() if f"--loss {n} " not in (FOLDER / page).read_text("utf-8")] == []


@each_page
def test_pages_are_built_alike(page):
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert blocks(text.split("## Source")[0], "text")  # the formula
    assert blocks(text, "python")
    defaults = text.split("## Defaults")[1].split("## ")[0]
    assert "| setting | faces at scale | landmarks | small data | why |" in defaults
    columns = {line.count("|") for line in defaults.splitlines() if line.startswith("|")}
    assert columns == {6}


@each_page
def test_the_python_runs(page):
    torch.manual_seed(0)
    for program in blocks(page.read_text("utf-8"), "python"):
        assert len(program.splitlines()) <= 12
        exec(compile(program, str(page), "exec"), {"__name__": page.stem})


@each_page
def test_the_toml_is_a_recipe_whose_loss_can_be_made(page):
    people = PictureSet(tuple(map(Path, "abcd")), ("a", "a", "b", "b"))
    for text in blocks(page.read_text("utf-8"), "toml"):
        loss = Recipe.of(tomllib.loads(text), page.name).build_loss(people)
        assert type(loss).__module__.startswith("lookalike.losses")


@pytest.mark.parametrize("page", [FOLDER / "README.md", *PAGES], ids=lambda page: page.stem)
def test_links_lead_to_pages_and_headings(page):
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        there = (page.parent / target) if target else page
        assert there.is_file(), target
        assert not heading or heading in anchors(there.read_text("utf-8")), f"{target}#{heading}"
