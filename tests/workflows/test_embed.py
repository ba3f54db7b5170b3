"""The job itself: what is on the disk is what is returned, and nothing is printed."""

import numpy as np
import pytest

from lookalike.embedder.vectors_folder import read_vectors
from lookalike.errors import LookalikeError
from lookalike.workflows.embed import EmbedOptions, embed


def test_the_result_says_what_was_written(people_folder, tiny_model, tmp_path, capsys):
    events = []
    done = embed(EmbedOptions(data=people_folder, model=tiny_model, output=tmp_path / "v"), events.append)
    stored = read_vectors(done.vectors)
    assert (done.count, done.dimension) == stored.vectors.shape
    assert (done.fingerprint, done.left_out, done.notes) == (stored.fingerprint, 0, ())
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("Embedding", 48, 48)
    assert capsys.readouterr() == ("", "")


def test_what_is_left_out_is_in_the_notes(some_people, tiny_model, tmp_path):
    photos = some_people(2, 2)
    (photos / "s01" / "0.png").write_bytes(b"no picture")
    options = EmbedOptions(data=photos, model=tiny_model, output=tmp_path / "v")
    with pytest.raises(LookalikeError):
        embed(options)
    assert not options.output.exists()
    done = embed(EmbedOptions(data=photos, model=tiny_model, output=tmp_path / "v", skip_bad=True))
    assert (done.count, done.left_out, len(done.notes)) == (3, 1, 1)
    assert np.isfinite(read_vectors(done.vectors).vectors).all()
