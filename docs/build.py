"""Build the documentation site: the pages of this folder and the API reference, without network access.

python docs/build.py docs/_site
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import markdown
import pdoc
import pdoc.render

ROOT = Path(__file__).resolve().parents[1]
#: Page -> its file, in the order of the navigation.
PAGES = {
    "index": ROOT / "README.md",
    "tutorial": ROOT / "docs" / "tutorial.md",
    "how-to": ROOT / "docs" / "how-to.md",
    "reference": ROOT / "docs" / "reference.md",
    "evaluation": ROOT / "docs" / "evaluation.md",
    "losses": ROOT / "docs" / "losses" / "README.md",
    "indexes": ROOT / "docs" / "indexes.md",
    "galleries": ROOT / "docs" / "galleries.md",
    "milvus": ROOT / "docs" / "milvus.md",
    "privacy": ROOT / "docs" / "privacy.md",
    "service": ROOT / "docs" / "service.md",
    "faces": ROOT / "docs" / "faces.md",
    "landmarks": ROOT / "docs" / "landmarks.md",
    "models": ROOT / "docs" / "models.md",
    "small-data": ROOT / "docs" / "small-data.md",
    "dependencies": ROOT / "docs" / "dependencies.md",
    "architecture": ROOT / "ARCHITECTURE.md",
    "contributing": ROOT / "CONTRIBUTING.md",
    "changelog": ROOT / "CHANGELOG.md",
}
#: Page -> its file, of those that the navigation leaves to their overview.
FURTHER = {
    f"losses/{path.stem}": path
    for path in sorted((ROOT / "docs" / "losses").glob("*.md"))
    if path not in PAGES.values()
}
PACKAGES = (
    "datasets", "distances", "embedder", "errors", "evaluation", "faces", "gallery", "images", "index", "landmarks",
    "losses", "recognizer", "training", "workflows", "service", "client",
)  # fmt: skip
STYLE = """
:root { color-scheme: light dark; --ink: #1d2127; --muted: #69727d; --line: #dde2e8; --page: #fefefe; --soft: #f1f3f6; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7eaee; --muted: #97a1ad; --line: #30363e; --page: #15181c; --soft: #20242a; } }
body { margin: 0 auto; max-width: 860px; padding: 20px 20px 80px; background: var(--page); color: var(--ink);
  font: 16px/1.6 ui-sans-serif, system-ui, sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; padding-bottom: 14px; border-bottom: 1px solid var(--line); }
nav a[aria-current] { font-weight: 650; color: inherit; }
a { color: #0072b2; text-decoration: none; } a:hover { text-decoration: underline; }
pre { background: var(--soft); padding: 12px 14px; border-radius: 8px; overflow-x: auto; font-size: .86rem; }
code { font-size: .9em; } table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border-bottom: 1px solid var(--line); padding: 6px 12px 6px 0; text-align: left; vertical-align: top; }
img { max-width: 100%; border: 1px solid var(--line); border-radius: 8px; }
"""


def page(name: str, source: Path) -> str:
    """One page as HTML; links to other pages of the set lead to their HTML."""
    text = source.read_text("utf-8")
    home = "../" * name.count("/")
    places = {path: f"{home}{other}.html" for other, path in (PAGES | FURTHER).items()}
    text = re.sub(
        r"\]\(([\w./-]+\.md)(#[\w-]+)?\)",
        lambda found: f"]({places[(source.parent / found[1]).resolve()]}{found[2] or ''})",
        text,
    )
    text = text.replace("](docs/images/", "](images/")
    text = re.sub(r"\]\((?:\.\./)?(notebooks/)", rf"]({home}\1", text)
    body = markdown.markdown(text, extensions=["tables", "fenced_code", "toc", "sane_lists"])
    part = name.split("/")[0]
    links = "".join(
        f'<a href="{home}{other}.html"{" aria-current" if other == part else ""}>{other.replace("-", " ")}</a>'
        for other in PAGES
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>Lookalike: {name}</title><style>{STYLE}</style></head>'
        f'<body><nav>{links}<a href="{home}api/lookalike.html">API</a></nav><main>{body}</main></body></html>\n'
    )


def build(site: Path) -> None:
    """Write the whole site to a fresh folder."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    (site / "losses").mkdir()
    for name, source in (PAGES | FURTHER).items():
        (site / f"{name}.html").write_text(page(name, source), "utf-8")
    for folder in (ROOT / "docs" / "images", ROOT / "notebooks"):
        shutil.copytree(folder, site / folder.name)
    pdoc.render.configure(docformat="google", footer_text="Lookalike")
    pdoc.pdoc("lookalike", *(f"lookalike.{name}" for name in PACKAGES), output_directory=site / "api")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    build(Path(sys.argv[1]))
    print(f"wrote {sys.argv[1]}/index.html")
