"""`lookalike figures`: a page and its numbers, and nobody's files lost. At full length the README's tour runs it."""

import json

import pytest


@pytest.fixture
def brief(monkeypatch):
    """One epoch a panel, which shows everything but what the losses can do."""
    from functools import partial

    from lookalike.samples.loss_page import page as loss_page

    monkeypatch.setattr(loss_page, "train_losses", partial(loss_page.train_losses, epochs=1))


def test_the_page_and_its_numbers(lookalike, brief, tmp_path):
    folder = tmp_path / "new" / "figures"
    done = lookalike("figures", "losses", "--output", folder, "--seed", "1", "--json")
    assert done.code == 0, done.err
    assert sorted(path.name for path in folder.iterdir()) == ["losses.html", "losses.json"]
    document = json.loads((folder / "losses.json").read_text("utf-8"))
    assert document == {key: value for key, value in done.document.items() if key not in ("html", "json", "seconds")}
    assert document["seed"] == 1
    assert len(document["panels"]) == 10
    text = (folder / "losses.html").read_text("utf-8")
    for panel in document["panels"]:
        assert f"<h3>{panel['name']}</h3>" in text
        assert 0 <= panel["accuracy"] <= 1
        assert -1 <= panel["mean_similarity"] <= 1 + 1e-9
        assert panel["within"] > 0
        assert panel["between"] > 0
        assert isinstance(panel["collapsed"], bool)


def test_people_get_a_line_a_panel_and_a_second_run_replaces_the_first(lookalike, brief, tmp_path):
    told = lookalike("figures", "losses", "--output", tmp_path)
    assert len(told.out.splitlines()) == 10
    assert told.out.startswith("Softmax: ")
    assert "losses.html" in told.err
    first = (tmp_path / "losses.json").read_bytes()
    assert lookalike("figures", "losses", "--output", tmp_path).code == 0
    assert (tmp_path / "losses.json").read_bytes() == first
    assert lookalike("figures", "losses", "--output", tmp_path, "--seed", "1").code == 0
    assert (tmp_path / "losses.json").read_bytes() != first


def test_a_page_that_does_not_exist(lookalike, refused, tmp_path):
    refused(lookalike("figures", "gains", "--output", tmp_path / "f"), "there is no page 'gains'", "choose losses")
    assert not (tmp_path / "f").exists()
    refused(lookalike("figures"), "Missing argument 'PAGE'")
    refused(lookalike("figures", "losses", "--seed", "-1"), "'--seed'")


@pytest.mark.parametrize("name", ["losses.html", "losses.json"])
def test_somebody_elses_files_are_left_alone(lookalike, refused, snapshot, tmp_path, name):
    (tmp_path / name).write_text("my gains and losses")
    before = snapshot(tmp_path)
    refused(lookalike("figures", "losses", "--output", tmp_path), name, "was not made by", "--output")
    assert snapshot(tmp_path) == before
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    refused(lookalike("figures", "losses", "--output", tmp_path), name, "was not made by")


def test_other_files_in_the_folder_stay(lookalike, brief, tmp_path):
    (tmp_path / "holiday.txt").write_text("x")
    assert lookalike("figures", "losses", "--output", tmp_path).code == 0
    assert (tmp_path / "holiday.txt").read_text() == "x"


def test_an_output_that_cannot_be_made(lookalike, refused, tmp_path):
    (tmp_path / "file").write_text("x")
    refused(lookalike("figures", "losses", "--output", tmp_path / "file"), "cannot be made", "--output")


def test_an_interrupted_run_leaves_nothing(lookalike, monkeypatch, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("lookalike.samples.loss_page.page.train_losses", stopped)
    assert lookalike("figures", "losses", "--output", tmp_path / "f").code == 130
    assert list(tmp_path.iterdir()) == []
