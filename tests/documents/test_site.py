"""`make docs`: every page and the API reference are built, and no link within the site leads nowhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_site_is_whole(tmp_path):
    site = tmp_path / "site"
    subprocess.run([sys.executable, ROOT / "docs" / "build.py", site], check=True, capture_output=True)
    pages = sorted([*site.glob("*.html"), *site.glob("losses/*.html")])
    assert {p.stem for p in pages} >= {"index", "tutorial", "how-to", "reference", "evaluation", "small-data", "losses"}
    written = {p.stem for p in (ROOT / "docs" / "losses").glob("*.md")} - {"README"}
    assert {p.stem for p in site.glob("losses/*.html")} == written
    assert (site / "api" / "lookalike" / "losses.html").is_file()
    missing = [
        f"{page.relative_to(site)}: {target}"
        for page in pages
        for target in re.findall(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"', page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
