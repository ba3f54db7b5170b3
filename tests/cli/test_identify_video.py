"""`lookalike identify` of a video: routed, printed, refused. Who is seen when is tested with the workflow."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.video_files import write_video


@pytest.fixture(scope="module")
def empty_video(tmp_path_factory):
    """Two seconds without a face."""
    grey = np.full((120, 160, 3), 128, np.uint8)
    return write_video(tmp_path_factory.mktemp("video") / "empty.mp4", [grey] * 20)


@pytest.fixture(scope="module")
def gallery_of_faces(tmp_path_factory):
    """A gallery of dlib's, with one person whose vector is given."""
    from lookalike import Embedder, Recognizer, open_gallery

    path = tmp_path_factory.mktemp("gallery") / "people.gallery"
    with open_gallery(path) as gallery:
        Recognizer(Embedder.load("dlib"), gallery)
        gallery.enroll("Ada", np.ones((1, 128), np.float32), ["ada.jpg"])
    return path


@pytest.mark.network
def test_a_video_without_faces(lookalike, empty_video, gallery_of_faces):
    asked = ("identify", empty_video, "--model", "dlib", "--gallery", gallery_of_faces)
    said = lookalike(*asked)
    assert said.code == 0, said.err
    assert said.out.splitlines()[0].startswith(f"{empty_video}: 0:01.9 of 0:02.0 seen, 2 frames looked at, 0 faces (")
    assert said.out.splitlines()[1:] == ["nobody was seen"]
    document = lookalike(*asked, "--every", "0.5s", "--for", "1s", "--json").document
    assert (document["frames"], document["faces"], document["sightings"]) == (3, 0, [])
    assert document["identities"] == 1
    table = lookalike(*asked, "--csv", "-").out
    assert table.startswith("who,identity,decision,from,to,looks,agreement,distance,threshold,probability,still")


def test_what_is_refused(lookalike, refused, empty_video, gallery, tiny_model, people_folder, tmp_path):
    picture = people_folder / "s01" / "0.png"
    (tmp_path / "text.mp4").write_text("hello")
    of = ("--model", tiny_model, "--gallery", gallery)
    refused(lookalike("identify", empty_video, picture, *of), "is a video, and 2 inputs were given")
    refused(lookalike("identify", empty_video, *of, "--cropped"), "--cropped is for pictures")
    refused(lookalike("identify", empty_video, *of, "--skip-bad"), "--skip-bad is for pictures")
    refused(lookalike("identify", empty_video, *of, "--every", "often"), "--every is 'often'")
    refused(lookalike("identify", empty_video, *of), "looks for no faces", "--model dlib")
    refused(lookalike("identify", picture, *of, "--every", "1s"), "--every is for a video or a camera")
    refused(lookalike("identify", picture, *of, "--for", "1s"), "--for is for a video or a camera")
    refused(lookalike("identify", tmp_path / "text.mp4", *of), "text.mp4 is not a video that is read")
    refused(lookalike("identify", "webcam:9", *of), "camera webcam:9 cannot be opened")


@pytest.mark.slow
@pytest.mark.network
def test_ctrl_c_prints_what_was_found_and_ends_with_130(tmp_path, gallery_of_faces, child_environment):
    grey = np.full((120, 160, 3), 128, np.uint8)
    long = write_video(tmp_path / "long.mp4", [grey] * 3000)
    asked = ["identify", str(long), "--model", "dlib", "--gallery", str(gallery_of_faces), "--every", "0", "--json"]
    code = (
        # Interrupts itself when the first faces have been looked for: a real signal, at a known place.
        "import os, signal\n"
        "from lookalike.workflows import identify_video as module\n"
        "really = module._Search.add\n"
        "def add(self, *given):\n"
        "    really(self, *given)\n"
        "    if self.frames == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "module._Search.add = add\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from lookalike.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, *asked]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment, timeout=120, check=False)
    assert done.returncode == 130, done.stderr
    document = json.loads(done.stdout)
    assert document["interrupted"] is True
    assert 3 <= document["frames"] < 20
    assert "interrupted: this is what was found in the first" in done.stderr
