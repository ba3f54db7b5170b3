"""`lookalike watch`: lines as pictures arrive, and its end."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest


def test_a_folder_that_is_not_there(lookalike, refused, tiny_model, gallery, tmp_path):
    of = ("--model", tiny_model, "--gallery", gallery)
    refused(lookalike("watch", tmp_path / "missing", *of), "missing cannot be watched", "No such file")


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_lines_come_while_it_runs_and_ctrl_c_ends_it_with_130(
    people_folder, tiny_model, gallery, tmp_path, child_environment, bad_picture, as_json
):
    shutil.copy(people_folder / "s02" / "4.png", tmp_path / "a.png")
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from lookalike.cli import main; main()"
    asked = ["--model", str(tiny_model), "--gallery", str(gallery), "--existing", "--settle", "0"]
    command = [sys.executable, "-c", code, "watch", str(tmp_path), *asked]
    watching = subprocess.Popen(
        command + ["--json"] * as_json, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=child_environment
    )
    try:
        first = watching.stdout.readline()
        bad_picture("text", tmp_path / ".b.png")
        (tmp_path / ".b.png").rename(tmp_path / "b.png")
        second = watching.stdout.readline()
        time.sleep(0.1)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=60)
    finally:
        watching.kill()
    assert (watching.returncode, out) == (130, ""), err
    assert "interrupted; 2 pictures were answered" in err
    if as_json:
        assert (json.loads(first)["picture"], json.loads(first)["identity"]) == (str(tmp_path / "a.png"), "s02")
        assert json.loads(second)["error"] == "ImageError"
    else:
        assert first.startswith(f"{tmp_path / 'a.png'}: s02 (distance ")
        assert second.startswith(f"{tmp_path / 'b.png'}: cannot be used: ")
