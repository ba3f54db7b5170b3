"""`make docs`: every page and the API reference are built, and no link within the site leads nowhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_site_is_whole(tmp_path, forking_interpreter):
    site = tmp_path / "site"
    build = str(ROOT / "docs" / "build.py")
    done = forking_interpreter.run(
        f"import runpy, sys\nsys.argv = [{build!r}, {str(site)!r}]\nrunpy.run_path({build!r}, run_name='__main__')"
    )
    assert done.returncode == 0, done.stderr
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
