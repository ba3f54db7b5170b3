"""Frames and their times from files as cameras write them, as they are cut off, and as nobody should write them."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.video_files import write_video

from lookalike import video_frames
from lookalike.errors import MissingDependencyError, VideoError
from lookalike.video_frames import VideoFile, is_video


def numbered(count=20, height=48, width=64):
    """Frames that get brighter: 10 grey levels each."""
    for number in range(count):
        yield np.full((height, width, 3), (10 * number + 20) % 256, np.uint8)


def read(path, every=0.0, until=None):
    with VideoFile(path) as video:
        frames = list(video.frames(every, until))
        return video, frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds at ten frames a second, its table of contents first."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, numbered(), movflags="faststart")


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "libx264"), ("a.avi", "mpeg4"), ("a.webm", "vp8")],
)
def test_every_container_gives_the_frames_and_their_times(tmp_path, name, codec):
    path = write_video(tmp_path / name, numbered(), codec=codec)
    assert is_video(path)
    video, frames = read(path)
    assert [frame.number for frame in frames] == list(range(20))
    assert [frame.time for frame in frames] == pytest.approx([n / 10 for n in range(20)], abs=0.002)
    assert [frame.rgb.mean() for frame in frames] == pytest.approx([10 * n + 20 for n in range(20)], abs=4)
    assert frames[0].rgb.shape == (48, 64, 3)
    assert video.duration == pytest.approx(2.0, abs=0.11)
    assert (video.remarks, video.live) == ([], False)


def test_frames_at_even_distances_and_no_further_than_asked(clip):
    for every, until, times in (
        (0.5, None, [0, 0.5, 1.0, 1.5]),
        (0.25, 1.0, [0, 0.3, 0.5, 0.8, 1.0]),
        (5.0, None, [0]),
        (0.0, 0.3, [0, 0.1, 0.2, 0.3]),
    ):
        video, frames = read(clip, every, until)
        assert [frame.time for frame in frames] == pytest.approx(times)
        assert [frame.number for frame in frames] == list(range(len(times)))
        assert video.count(every, until) in (len(times), len(times) - (until is not None))
        assert video.remarks == []


def with_matrix(path, a, b, c, d):
    """The file with another display matrix in its track header (ISO/IEC 14496-12: x' = ax + cy, y' = bx + dy)."""
    content = bytearray(path.read_bytes())
    unit = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    at = content.rindex(unit)  # the first is the movie's
    content[at : at + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    turned = path.with_name("turned.mp4")
    turned.write_bytes(content)
    return turned


@pytest.mark.parametrize(
    ("matrix", "quarters"), [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)], ids=["90°", "180°", "270°"]
)
def test_a_phone_that_is_held_upright_gives_upright_frames(tmp_path, matrix, quarters):
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:24, :32] = 255  # the corner at the left and top
    path = with_matrix(write_video(tmp_path / "clip.mp4", [rgb] * 3), *matrix)
    _, frames = read(path)
    assert np.abs(frames[0].rgb.astype(int) - np.rot90(rgb, quarters)).max() < 40


def test_pixels_that_are_not_square_are_made_so(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "dv.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        for rgb in numbered(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    assert read(tmp_path / "dv.mp4")[1][0].rgb.shape == (48, 128, 3)


def test_times_begin_with_zero_and_go_on_where_two_recordings_were_joined(tmp_path):
    write_video(tmp_path / "a.ts", numbered(10))
    joined = tmp_path / "joined.ts"
    joined.write_bytes((tmp_path / "a.ts").read_bytes() * 3)  # what a camera's parts become by `cat`
    _, frames = read(joined)
    times = [frame.time for frame in frames]
    assert len(times) == 30
    assert times[0] == 0
    assert times == sorted(times)
    assert times[-1] == pytest.approx(2.9, abs=0.3)
    assert len(read(joined, 0.5)[1]) in (6, 7)


@pytest.mark.parametrize("name", ["caf\udce9.mp4", "http:one.mp4", "-", "a b#?.mp4"])
def test_names_that_look_like_something_else(clip, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    assert len(read(name)[1]) == 20


# --- what is no video, or none that is read ---------------------------------------------------------------------------


def refused(path, *words):
    with pytest.raises(VideoError) as told:
        read(path)
    message = str(told.value)
    assert "\n" not in message
    for word in (Path(path).name, *words):
        assert word in message


def test_content_tells_a_video_and_the_ending_only_where_it_does_not(clip, tmp_path):
    def put(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    Image.new("RGB", (4, 4)).save(tmp_path / "picture.png")
    picture = (tmp_path / "picture.png").read_bytes()
    assert is_video(put("no-ending", clip.read_bytes()))
    assert is_video(put("clip.jpg", clip.read_bytes()))
    assert not is_video(put("picture.mp4", picture))
    assert not is_video(put("photo.heic", b"\0\0\0\x18ftypheic" + bytes(20)))
    assert is_video(put("text.mp4", b"hello"))
    assert not is_video(put("text.txt", b"hello"))
    assert not is_video(tmp_path)
    assert not is_video(tmp_path / "missing.mp4")
    assert not is_video("null\0byte.mp4")


def test_what_is_no_video_is_refused_with_its_name(tmp_path, clip):
    (tmp_path / "text.mp4").write_bytes(b"hello, world" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    slow = write_video(tmp_path / "slow.mp4", numbered())
    (tmp_path / "half.mp4").write_bytes(slow.read_bytes()[: slow.stat().st_size // 2])  # its contents stand at the end
    refused(tmp_path / "text.mp4", "not a video that is read", "MP4")
    refused(tmp_path / "half.mp4", "damaged or cut off")
    refused(tmp_path / "empty.mp4", "empty.mp4 is empty (0 bytes)")
    refused(tmp_path / "missing.mp4", "No such file")
    refused(tmp_path, "is not a regular file; expected a video file")


def test_a_playlist_is_not_followed(tmp_path, clip):
    (tmp_path / "part.ts").write_bytes(write_video(tmp_path / "a.ts", numbered()).read_bytes())
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\npart.ts\n#EXT-X-ENDLIST\n"
    for name in ("list.m3u8", "list.mp4"):
        (tmp_path / name).write_text(playlist)
        refused(tmp_path / name, "not a video that is read")


def test_sound_alone_is_refused(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.rate = 16000
        for number in range(20):
            silence.pts = 1024 * number
            container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    refused(tmp_path / "sound.mp4", "only sound")


def test_frames_that_are_too_large_are_refused_before_they_are_decoded(clip, monkeypatch):
    monkeypatch.setattr(video_frames, "MAX_PIXELS", 64 * 48 - 1)
    refused(clip, "64×48 pixels", "at most 3,071")


def test_without_pyav_the_message_names_the_extra(clip, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lookalike\[video\]'"):
        VideoFile(clip)


# --- damage -----------------------------------------------------------------------------------------------------------


def test_what_is_cut_off_is_read_as_far_as_it_goes(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", numbered(100, 96, 128), movflags="faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(len(whole) * 0.7)])
    video, frames = read(tmp_path / "cut.mp4", 0.5)
    assert 1 < len(frames) < 20
    assert f"read up to {video.seen_to:.1f} s, and says that it is 10.0 s long" in video.remarks[-1]


def test_damage_in_the_middle_is_passed_over_and_said(tmp_path):
    random = np.random.default_rng(0)
    noise = (random.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(40))
    path = write_video(tmp_path / "damaged.mp4", noise, movflags="faststart")
    content = bytearray(path.read_bytes())
    middle, end = len(content) // 2, int(len(content) * 0.6)
    content[middle:end] = random.integers(0, 255, end - middle, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    video, frames = read(path, 0.1)
    assert 10 < len(frames) <= 40
    assert video.seen_to == pytest.approx(3.9)
    assert any("is damaged" in remark for remark in video.remarks)


def test_a_file_none_of_whose_frames_can_be_decoded(clip, tmp_path):
    content = bytearray(clip.read_bytes())
    at = content.index(b"mdat") + 4
    content[at:] = bytes(len(content) - at)
    (tmp_path / "zeros.mp4").write_bytes(content)
    refused(tmp_path / "zeros.mp4", "none of its frames can be decoded")
