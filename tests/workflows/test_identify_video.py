"""Who was seen when, where it is known: videos of coloured faces for a model that sees colours, and of real faces."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.video_files import write_video

from lookalike import Embedder, Recognizer, open_gallery
from lookalike.embedder import Prepared, Threshold
from lookalike.embedder.face import Face, FaceBox, FaceQuality
from lookalike.errors import InputError, StorageError, VideoError
from lookalike.images import read_picture
from lookalike.video_frames import Frame, VideoFile
from lookalike.workflows.identify_video import VideoOptions, identify_frames, identify_video

ADA, BEN, CLEO, DORA = (230, 40, 40), (40, 200, 40), (40, 40, 230), (200, 200, 40)
LEFT, RIGHT = 10, 90


class Colours(Embedder):
    """A model by construction: a face is a square of one colour on black, its vector the colour."""

    name, fingerprint, metric, dimension = "colours", "0" * 16, "euclidean", 3
    documented_threshold = Threshold(0.2, "colours are as far apart")
    finds_faces = True

    def prepare(self, picture):
        return self.prepare_faces(picture)[0][1]

    def prepare_faces(self, picture, smallest=0):
        rgb = read_picture(picture)
        found = []
        for left in (LEFT, RIGHT):
            if rgb[30, left + 20].max() > 100:
                face = Face(
                    FaceBox(left, 10, left + 40, 50), 1.0, ((0.0, 0.0),) * 5, False, FaceQuality(9, 99, 30, 0, 0, 1)
                )
                found.append((face, Prepared(rgb[20:40, left + 10 : left + 30])))
        return found

    def embed_prepared(self, pixels):
        return (pixels.mean(axis=(1, 2)) / 255).astype(np.float32)


def scene(seconds, left=None, right=None, rate=10):
    rgb = np.zeros((64, 160, 3), np.uint8)
    for at, colour in ((LEFT, left), (RIGHT, right)):
        if colour is not None:
            rgb[10:50, at : at + 40] = colour
    return [rgb] * round(seconds * rate)


STORY = [
    *scene(2, left=ADA), *scene(2), *scene(2, BEN, CLEO), *scene(1, left=DORA), *scene(2), *scene(1, right=CLEO),
]  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "story.mp4", STORY)


@pytest.fixture
def recognizer(tmp_path):
    with open_gallery(tmp_path / "people.gallery") as gallery:
        recognizer = Recognizer(Colours(), gallery)
        recognizer.enroll("Ada", scene(0.1, left=ADA)[0])
        recognizer.enroll("Ben", scene(0.1, left=BEN)[0])
        yield recognizer


def rows(found):
    return [(one.label, round(one.start, 1), round(one.end, 1), one.looks) for one in found.sightings]


def ask(recognizer, path, **more):
    with VideoFile(path) as source:
        return identify_frames(recognizer, source, **({"every": 0.5} | more))


def test_who_was_seen_when(recognizer, video):
    events = []
    found = ask(recognizer, video, progress=events.append)
    assert rows(found) == [
        ("Ada", 0.0, 1.5, 4), ("Ben", 4.0, 5.5, 4), ("nobody 1", 4.0, 5.5, 4), ("nobody 2", 6.0, 6.5, 2),
        ("nobody 1", 9.0, 9.5, 2),
    ]  # fmt: skip
    assert [one.decision for one in found.sightings] == ["match", "match", "unknown", "unknown", "unknown"]
    assert all(one.agreement == 1 for one in found.sightings)
    assert found.sightings[0].distance < 0.03
    assert (found.frames, found.faces, found.identities, found.interrupted) == (20, 16, 2, False)
    assert (found.duration, found.notes, found.stills) == (pytest.approx(10.0), (), ())
    assert (events[0].done, events[0].total, events[-1].done) == (0, 20, 20)


def test_other_distances_of_looks_see_the_same_story(recognizer, video):
    every = ask(recognizer, video, every=0.0, until=5.0)
    assert rows(every)[:2] == [("Ada", 0.0, 1.9, 20), ("Ben", 4.0, 5.0, 11)]
    seldom = ask(recognizer, video, every=2.0)
    # Two seconds apart, at most two looks without the person lie between two tracks that are put together.
    assert rows(seldom) == [
        ("Ada", 0.0, 0.0, 1),
        ("Ben", 4.0, 4.0, 1),
        ("nobody 1", 4.0, 4.0, 1),
        ("nobody 2", 6.0, 6.0, 1),
    ]


def test_stills_and_a_table(recognizer, video, tmp_path):
    found = ask(recognizer, video, draw=tmp_path / "stills")
    assert [path.name for path in found.stills] == [
        "001-Ada.jpg", "002-Ben.jpg", "003-nobody_1.jpg", "004-nobody_2.jpg", "005-nobody_1.jpg",
    ]  # fmt: skip
    assert sorted(found.stills) == sorted((tmp_path / "stills").iterdir())
    with Image.open(found.stills[0]) as still:
        assert still.size == (480, 192)  # three times as large, for the letters
        red, green, _ = still.getpixel((30 * 3, 40 * 3))
        assert red > 200
        assert green < 80


class Interrupted:
    """Frames, and Ctrl-C when the third is asked for."""

    name, live, duration, seen_to = "frames", True, None, 0.0

    def __init__(self):
        self.remarks = []

    def count(self, every, until=None):
        return None

    def frames(self, every, until=None):
        for number in range(2):
            self.seen_to = number * 0.5
            yield Frame(number, self.seen_to, scene(0.1, left=ADA)[0])
        raise KeyboardInterrupt


def test_ctrl_c_gives_what_was_found_so_far(recognizer):
    found = identify_frames(recognizer, Interrupted())
    assert (rows(found), found.interrupted, found.frames) == ([("Ada", 0.0, 0.5, 2)], True, 2)


def test_damage_is_remarked_and_what_came_before_it_is_answered(recognizer, tmp_path):
    random = np.random.default_rng(0)
    noisy = [np.maximum(rgb, random.integers(0, 60, rgb.shape, dtype=np.uint8)) for rgb in scene(10, left=ADA)]
    whole = write_video(tmp_path / "whole.mp4", noisy, movflags="faststart").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    found = ask(recognizer, tmp_path / "cut.mp4")
    assert rows(found)[0][:2] == ("Ada", 0.0)
    assert any("cut off or damaged" in note for note in found.notes)


# --- the whole job ----------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(tmp_path, gallery, tiny_model, video):
    def check(error, words, **options):
        with pytest.raises(error, match=words):
            identify_video(VideoOptions(**({"video": video, "model": tiny_model, "gallery": gallery} | options)))

    return check


def test_what_cannot_be_asked_is_refused_at_once(refused, tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "file").touch()
    refused(InputError, "looks for no faces.*--model dlib")
    refused(InputError, "--every is 'x'", every="x")
    refused(InputError, "--for is '-1'", duration="-1")
    refused(VideoError, "text.mp4 is not a video", video=tmp_path / "text.mp4")
    refused(VideoError, "webcam:9 cannot be opened", video="webcam:9")
    refused(StorageError, "--draw", draw=tmp_path / "file" / "stills")
    refused(InputError, "--csv", csv=tmp_path)


@pytest.mark.slow
@pytest.mark.network
def test_real_faces_are_named_when_they_are_there(orl, tmp_path):
    """Enrolled photos themselves are shown, so their distances are nearly 0, and strangers' as measured.

    Measured between any two of the four: at least 0.79, and the threshold is 0.6.
    """
    paths = {name: Path(orl.of([name]).paths[0]) for name in ("s01", "s08", "s11", "s13")}

    def frames(seconds, *names):
        canvas = Image.new("RGB", (960, 400), (90, 100, 110))
        for at, name in enumerate(names):
            with Image.open(paths[name]) as face:
                canvas.paste(face.convert("RGB").resize((276, 336)), (60 + 480 * at, 32))
        return [np.asarray(canvas)] * round(seconds * 4)

    story = [*frames(2, "s01"), *frames(1), *frames(2, "s08", "s11"), *frames(1, "s13")]
    clip = write_video(tmp_path / "clip.mp4", story, rate=4)
    pictures = {}
    for name in ("s01", "s08", "s11"):
        pictures[name] = tmp_path / f"{name}.png"
        Image.fromarray(frames(1, name)[0]).save(pictures[name])
    with open_gallery(tmp_path / "people.gallery") as gallery:
        recognizer = Recognizer(Embedder.load("dlib"), gallery)
        for name, picture in pictures.items():
            recognizer.enroll(name, picture)
    table = tmp_path / "seen.csv"
    options = VideoOptions(video=clip, model="dlib", gallery=tmp_path / "people.gallery", every="0.5s", csv=table)
    found = identify_video(options)
    seen = [(one.identity, one.start, one.end, one.looks) for one in found.sightings]
    assert sorted(seen, key=str) == sorted(
        [("s01", 0.0, 1.5, 4), ("s08", 3.0, 4.5, 4), ("s11", 3.0, 4.5, 4), (None, 5.0, 5.5, 2)], key=str
    )
    assert found.sightings[-1].label == "nobody 1"
    with table.open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(row["who"], row["from"], row["to"]) for row in listed] == [
        (one.label, str(one.start), str(one.end)) for one in found.sightings
    ]
