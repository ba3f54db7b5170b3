"""What is in the way of a training is told without torch, and nothing is changed."""

import subprocess
import sys
from pathlib import Path

import pytest

from lookalike.errors import ArtefactError, StorageError
from lookalike.training.interrupted_training import state_to_resume, training_folder_of


def test_where_a_training_keeps_its_checkpoint():
    assert training_folder_of(Path("a/model")) == Path("a/model.training")
    for none in ("..", "", "/"):
        with pytest.raises(StorageError, match="give it a name of its own"):
            training_folder_of(Path(none))


def test_a_checkpoint_in_the_way(tmp_path, snapshot):
    (tmp_path / "state.json").write_text('{"format_version": 2, "step": 3}')
    before = snapshot(tmp_path)
    with pytest.raises(ArtefactError, match=r"step 3.*--resume.*--restart"):
        state_to_resume(tmp_path, resume=False, restart=False)
    assert state_to_resume(tmp_path, resume=True, restart=False)["step"] == 3
    assert state_to_resume(tmp_path, resume=False, restart=True) is None
    assert state_to_resume(tmp_path / "none", resume=True, restart=False) is None
    (tmp_path / "training.jsonl").touch()  # of ours
    (tmp_path / "letter.txt").touch()
    with pytest.raises(StorageError, match=r"letter\.txt is in it"):
        state_to_resume(tmp_path, resume=True, restart=True)
    assert set(snapshot(tmp_path)) - set(before) == {Path("training.jsonl"), Path("letter.txt")}


def test_it_needs_no_torch():
    code = "import sys, lookalike.training.interrupted_training, lookalike.workflows.training_recipes\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
