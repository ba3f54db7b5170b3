import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.landmarks.photo_position import photo_position
from lookalike.samples.buildings.plan import place_of, plan_non_landmarks, plan_place
from lookalike.samples.buildings.workers import render_units

SIZE = 48


def units():
    return {"a": plan_place(0, 1, 4, (2, 2), 1), "b": plan_non_landmarks(0, "test", 0, 2)}


def working(tmp_path):
    (tmp_path / "done").mkdir()
    return tmp_path


def test_photos_carry_where_and_when_they_were_taken(tmp_path):
    calls = []
    render_units(
        units(), working(tmp_path), SIZE, 0, 1, lambda event: calls.append((event.stage, event.done, event.total))
    )
    assert calls == [("Rendering", done, 5) for done in (0, 3, 5)]
    (path, identity, split, latitude, longitude, azimuth, elevation, distance, hour, _) = json.loads(
        (tmp_path / "done" / "a.json").read_text()
    )[0]
    place = place_of(0, 1)
    assert (identity, split) == (place.id, "train")
    with Image.open(tmp_path / "set" / path) as picture:
        assert picture.size == (SIZE, SIZE)
        told = picture.getexif()
        assert told.get_ifd(0x8769)[0x9003].split()[1][:2] == f"{int(float(hour)):02d}"
    # The camera stands where azimuth and distance say, but for a receiver's error.
    away = float(distance) * np.cos(np.radians(float(elevation)))
    north = (float(latitude) - place.latitude) * 111_320
    east = (float(longitude) - place.longitude) * 111_320 * np.cos(np.radians(place.latitude))
    turn = np.radians(float(azimuth))
    assert np.hypot(north - away * np.cos(turn), east - away * np.sin(turn)) < 40
    read = photo_position(tmp_path / "set" / path)
    assert read == pytest.approx((float(latitude), float(longitude)), abs=2e-6)


def test_units_that_are_done_are_not_done_again(tmp_path):
    folder = working(tmp_path)
    (folder / "done" / "a.json").write_text("[]")
    render_units(units(), folder, SIZE, 0, 1, None)
    assert not (folder / "set" / "train").exists()
    assert len(list((folder / "set").rglob("*.jpg"))) == 2


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's /proc")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import sys\nfrom lookalike.samples.buildings import PhotoSetOptions, render_landmarks\n"
        "if __name__ == '__main__':\n"
        "    options = PhotoSetOptions(landmarks=40, photos=(6, 6), size=64)\n"
        f"    render_landmarks(options, {str(tmp_path / 'set')!r}, workers=2,\n"
        "                     progress=lambda event: print(event.done, flush=True))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        while int(parent.stdout.readline()) == 0:
            pass
        children = [int(p) for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    left = children
    for _ in range(200):
        left = [child for child in left if _alive(child)]
        if not left:
            break
        time.sleep(0.1)
    assert len(children) >= 2
    assert left == []
    assert not (tmp_path / "set").exists()


def _alive(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
