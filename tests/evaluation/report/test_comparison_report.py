import re
import shutil
import subprocess

import numpy as np
import pytest

from lookalike.errors import InputError, VectorError
from lookalike.evaluation.calibration.thresholds import calibrate
from lookalike.evaluation.identification.enrolment_trials import identify_trials
from lookalike.evaluation.report.compared_methods import ComparedMethods
from lookalike.evaluation.report.comparison_report import comparison_report
from lookalike.evaluation.report.page import Fact, PicturePairs, Section, Table, render, write_report
from lookalike.evaluation.report.summary import MethodResult
from lookalike.evaluation.verification.all_pairs import from_scores, verify_all_pairs


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = [f"person <{i}>" for i in np.repeat(np.arange(6), 5)]
    x = rng.normal(size=(6, 8)).repeat(5, axis=0) + 0.9 * rng.normal(size=(30, 8))
    pictures = [rng.integers(0, 255, (24, 20)).astype(np.uint8) for _ in labels]
    return x, labels, pictures


@pytest.fixture(scope="module")
def methods(data):
    x, labels, _ = data
    return {
        name: MethodResult(
            verify_all_pairs(x[:, :d], labels),
            identify_trials(x[:, :d], labels, trials=3, threshold=0.3),
            threshold=0.3,
            description=f"{d} dimensions",
        )
        for name, d in (("worse", 2), ("better", 8))
    }


@pytest.fixture(scope="module")
def whole(data, methods):
    x, _, pictures = data
    calibration = calibrate(methods["better"].verification, fingerprint="f", metric="cosine", source="6 people")
    return comparison_report(
        ComparedMethods(methods, featured="better", replicates=100),
        title="Test",
        thumbnails=pictures,
        maps={"before": x[:, :2], "after": x},
        calibration=calibration,
        sections=(Section("Mine"),),
    )


def table(report, section, number=0):
    blocks = next(s for s in report.sections if s.heading.startswith(section)).blocks
    return [block for block in blocks if isinstance(block, Table)][number]


def test_the_sections_in_order(whole):
    assert [section.heading.split(" (")[0] for section in whole.sections] == [
        "Side by side", "Same or different?", "Who is it, if anybody?", "Thresholds", "A map of the pictures",
        "Look-alikes", "Mine", "How this was measured",
    ]  # fmt: skip


def test_the_first_table_says_what_was_measured(whole, methods):
    first = table(whole, "Side by side")
    assert first.columns == ("method", "EER", "AUC", "TAR at FAR 1%", "rank-1", "DIR at FPIR 1%", "DIR at FPIR 10%")
    for row, (name, method) in zip(first.cells, methods.items(), strict=True):
        assert (row[0].text, row[0].note) == (name, method.description)
        assert row[1].text == f"{100 * method.verification.eer:.1f}%"
        interval = method.verification.intervals((0.01,), replicates=100).eer
        assert row[1].note == f"{100 * interval.low:.1f}% – {100 * interval.high:.1f}%"
        assert row[2].text == f"{method.verification.auc:.4f}"
        assert row[3].text == f"{100 * method.verification.tar_at_far(0.01).tar:.1f}% †", "375 pairs are too few"
        assert row[4].text == f"{100 * method.identification.rank_1.mean:.1f}%"
    assert [cell.best for cell in first.cells[1][1:3]] == [True, True]
    assert [cell.best for cell in first.cells[0][1:3]] == [False, False]
    assert "75 genuine" not in first.caption
    assert "60 genuine and 375 impostor pairs, 30 pictures of 6 identities" in first.caption
    assert "too few trials" in first.caption


def test_the_facts_are_of_the_featured_method(whole, methods):
    assert whole.facts[0] == Fact(
        "equal error rate of better",
        f"{100 * methods['better'].verification.eer:.1f}%",
        table(whole, "Side by side").cells[1][1].note,
    )


def test_rates_at_the_threshold(whole, methods):
    at = methods["better"].identification.at_threshold
    row = [cell.text for cell in table(whole, "Who").cells[1]]
    assert row[2:] == [
        f"{100 * share:.1f}%"
        for share in (
            at.right / at.mated,
            at.wrong_name / at.mated,
            at.missed / at.mated,
            at.false_alarms / at.non_mated,
        )
    ]


def test_look_alikes_are_marked_where_the_threshold_errs(whole, methods, data):
    alike, different = next(s for s in whole.sections if s.heading == "Look-alikes").blocks
    assert isinstance(alike, PicturePairs)
    hard = methods["better"].verification.hardest_impostors(8, one_per_identities=True)
    for pair, a, distance in zip(alike.items, hard.first, hard.distances, strict=True):
        assert pair.left is data[2][a]
        assert pair.left_name == data[1][a]
        assert pair.left_name != pair.right_name
        assert pair.good == (distance > 0.3)
    for pair in different.items:
        assert pair.left_name == pair.right_name


def test_the_page_is_escaped_and_self_contained(whole):
    text = render(whole)
    assert "person &lt;0&gt;" in text or "person &lt;1&gt;" in text
    assert not re.search(r"https?://", text)
    assert "person <" not in text
    assert len(text) < 3_000_000


def test_every_reference_inside_the_page_is_met(whole):
    text = render(whole)
    used = set(re.findall(r'href="#([^"]+)"', text)) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert used <= set(re.findall(r'\sid="([^"]+)"', text))


def test_one_method_from_scores_alone():
    result = MethodResult(from_scores([0.1, 0.5, 0.3, 0.9], [True, True, False, False]))
    report = comparison_report(ComparedMethods({"only": result}), title="Scores")
    assert report.sections[0].heading == "In short"
    first = table(report, "In short")
    assert first.columns == ("method", "EER", "AUC", "TAR at FAR 1%")
    assert first.cells[0][1].note == ""
    assert not any(cell.best for cell in first.cells[0])
    assert "Bold" not in first.caption
    assert "on these very pairs" in " ".join(report.sections[-1].prose)


def test_without_thumbnails_the_look_alikes_are_named(methods):
    report = comparison_report(ComparedMethods(methods, replicates=20), title="t")
    names = table(report, "Look-alikes")
    hard = methods["worse"].verification.hardest_impostors(8, one_per_identities=True)
    assert names.cells[0][1].text == f"{hard.first[0]} · {hard.second[0]}"
    assert "person <" in names.cells[0][0].text


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"thumbnails": []}, InputError, "0 thumbnails were given for 30 pictures"),
        ({"maps": {"x": np.zeros((3, 2))}}, VectorError, r"30 labels were given for 3"),
    ],
)
def test_bad_input(methods, keywords, error, message):
    with pytest.raises(error, match=message):
        comparison_report(ComparedMethods(methods, replicates=20), title="t", **keywords)


def test_methods_that_were_not_measured(methods):
    with pytest.raises(InputError, match="'nobody' was not measured; choose one of 'worse', 'better'"):
        ComparedMethods(methods, featured="nobody")
    with pytest.raises(InputError, match="no methods"):
        ComparedMethods({})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_shows_it(whole, tmp_path):
    """Chromium lays the page out without a console error: nothing is blocked, no picture is broken."""
    write_report(tmp_path / "report.html", whole)
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr", "--v=0", "--window-size=1200,3000",
            f"--screenshot={tmp_path / 'page.png'}", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    from PIL import Image

    shot = np.asarray(Image.open(tmp_path / "page.png").convert("L"))
    assert shot.shape == (3000, 1200)
    assert shot.std() > 10, "not an empty page"
