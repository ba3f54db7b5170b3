"""A camera's frames, from FFmpeg's own test pictures at their real pace: machines that test have no camera."""

import time
from itertools import pairwise

import numpy as np
import pytest
from tests.video_files import write_video

from lookalike.camera_frames import Camera, is_camera
from lookalike.errors import VideoError

pytest.importorskip("av")


def pictures(seconds=60, rate=50):
    return Camera("test", (f"testsrc=size=64x48:rate={rate}:duration={seconds},realtime", "lavfi"))


def test_names_of_cameras(tmp_path):
    assert [is_camera(one) for one in ("webcam:0", "WEBCAM:1", "webcam:x", "/dev/video7")] == [True] * 4
    assert [is_camera(one) for one in ("webcam.jpg", "/dev/null", str(tmp_path), "a\0b")] == [False] * 4


def test_whoever_is_slow_gets_the_newest_frame_and_not_those_in_between():
    with pictures() as camera:
        times = []
        for frame in camera.frames(0.05, until=0.6):
            assert frame.rgb.shape == (48, 64, 3)
            assert frame.number == len(times)
            times.append(frame.time)
            time.sleep(0.2)
    assert times[0] == 0
    assert times == sorted(times)
    # A reader that takes 0.2 s gets at most four frames of 0.6 s, where the camera gave thirty.
    assert 1 <= len(times) <= 4
    assert (camera.live, camera.duration, camera.remarks) == (True, None, [])


def test_frames_come_no_faster_than_asked():
    with pictures() as camera:
        times = [frame.time for frame in camera.frames(0.2, until=0.5)]
        assert camera.count(0.2, 0.5) == 3
        assert camera.count(0.2) is None
    assert len(times) <= 3
    assert all(later // 0.2 > earlier // 0.2 for earlier, later in pairwise(times))


def test_a_camera_that_is_pulled_out_ends_it_with_a_remark():
    with pictures(seconds=0.3) as camera:
        assert list(camera.frames(0.0))
    assert camera.remarks == ["camera test gives no more frames (it ended)"]


def test_a_camera_without_a_frame_is_an_error(tmp_path):
    path = write_video(tmp_path / "clip.avi", [np.zeros((48, 64, 3), np.uint8)] * 3, codec="mpeg4")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"movi") + 4])  # a driver that announces pictures and sends none
    with Camera("test", (str(path), "avi")) as camera, pytest.raises(VideoError, match="camera test gives no frames"):
        list(camera.frames(0.0))


@pytest.mark.parametrize(("name", "words"), [("webcam:9", "cannot be opened"), ("webcam:x", "is no camera")])
def test_a_camera_that_is_not_there(name, words):
    with pytest.raises(VideoError, match=f"{name} {words}.*webcam:0"):
        Camera(name)
