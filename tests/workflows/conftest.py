"""What tests of several workflows need."""

from pathlib import Path

import pytest


@pytest.fixture
def opened(monkeypatch):
    """Paths of the galleries that were opened, in order."""
    from lookalike.gallery.embedded import EmbeddedGallery

    paths = []
    really = EmbeddedGallery.__init__

    def counted(self, path, *arguments, **keywords):
        paths.append(Path(path))
        really(self, path, *arguments, **keywords)

    monkeypatch.setattr(EmbeddedGallery, "__init__", counted)
    return paths


@pytest.fixture
def refuses(snapshot, tmp_path, capsys):
    """Assert that a job is refused by one line that holds all `words`, prints nothing, and changes nothing below."""

    def check(error, job, *words, below=tmp_path):
        before = snapshot(below)
        with pytest.raises(error) as told:
            job()
        message = str(told.value)
        assert "\n" not in message
        for word in words:
            assert word in message
        assert snapshot(below) == before
        assert capsys.readouterr() == ("", "")

    return check


@pytest.fixture(scope="session")
def others(orl, tmp_path_factory):
    """A hundred pictures of nobody among s01 to s08: they show none of the places."""
    from PIL import Image

    root = tmp_path_factory.mktemp("others")
    for number, path in enumerate(orl.of(orl.names[9:34]).paths[::2][:100]):
        with Image.open(path) as image:
            image.save(root / f"{number:03d}.png")
    return root
