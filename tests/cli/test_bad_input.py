"""What a user may get wrong, across verbs: one line, exit code 2, nothing half-written, nothing lost."""

import contextlib
import json
import shutil

import pytest
from PIL import Image

SAID = {
    "text": "is not a picture",
    "empty": "is empty (0 bytes)",
    "truncated": "damaged or truncated",
    "bomb": "is refused unread",
}


@pytest.fixture(params=sorted(SAID))
def bad(request, bad_picture, tmp_path):
    """A picture that cannot be used, and what has to be said of it."""
    return bad_picture(request.param, tmp_path / "bad picture.png"), SAID[request.param]


def test_a_picture_that_cannot_be_used(lookalike, refused, bad, tiny_model, gallery, people_folder, snapshot):
    picture, said = bad
    good = people_folder / "s01" / "0.png"
    before = snapshot(gallery)
    for verb in (
        ["verify", good, picture],
        ["identify", picture, "--gallery", gallery],
        ["enroll", good, picture, "--name", "Ada", "--gallery", gallery],
    ):
        line = refused(lookalike(*verb, "--model", tiny_model), said, "bad picture.png")
        answer = lookalike(*verb, "--model", tiny_model, "--json")
        assert answer.document == {"error": answer.document["error"], "message": line.removeprefix("lookalike: ")}
    assert snapshot(gallery) == before


def test_a_folder_with_a_picture_that_cannot_be_used(
    lookalike, refused, bad, some_people, tiny_model, tiny_toml, tmp_path, snapshot
):
    picture, said = bad
    photos = some_people(6, 2)
    shutil.move(picture, photos / "s01")
    before = snapshot(tmp_path)
    for verb in (
        ["train", photos, "--recipe", tiny_toml, "--output", tmp_path / "m", "--validation", "0"],
        ["evaluate", photos, "--model", tiny_model, "--output", tmp_path / "e"],
        ["embed", photos, "--model", tiny_model, "--output", tmp_path / "v"],
        ["enroll", photos, "--model", tiny_model, "--gallery", tmp_path / "g"],
    ):
        refused(lookalike(*verb), said, "1 of 13 pictures", "--skip-bad", "bad picture.png")
        assert lookalike(*verb, "--json").document["error"] == "DatasetError"
        assert snapshot(tmp_path) == before
    done = lookalike("embed", photos, "--model", tiny_model, "--output", tmp_path / "v", "--skip-bad", "--json")
    assert (done.code, done.document["count"], done.document["left_out"]) == (0, 12, 1)
    assert "1 of 13 pictures cannot be used and are left out" in done.err


@pytest.mark.parametrize("verb", ["train", "evaluate", "embed", "enroll"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("none", "does not exist"),
        ("vacant", "no subfolder with pictures"),
        ("notes.txt", "has no form that can be read"),
        ("list.csv", "expected a header with path and identity"),
    ],
)
def test_data_that_is_none(lookalike, refused, tmp_path, tiny_model, verb, data, said, snapshot):
    (tmp_path / "vacant").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "list.csv").write_text("file,who\n")
    before = snapshot(tmp_path)
    output = ["--gallery" if verb == "enroll" else "--output", tmp_path / "out"]
    model = [] if verb == "train" else ["--model", tiny_model]
    refused(lookalike(verb, tmp_path / data, *model, *output), said, "expected")
    assert lookalike(verb, tmp_path / data, *model, *output, "--json").document["error"] == "DatasetError"
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("model", ["none", "folder", "file.onnx", ""])
def test_a_model_that_is_none(lookalike, refused, tmp_path, people_folder, gallery, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    picture = people_folder / "s01" / "0.png"
    for verb in (
        ["verify", picture, picture],
        ["identify", picture, "--gallery", gallery],
        ["enroll", picture, "--name", "Ada", "--gallery", "g"],
        ["embed", people_folder, "--output", "v"],
        ["evaluate", people_folder, "--output", "e"],
    ):
        refused(lookalike(*verb, "--model", model), "give a")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_damaged_model(lookalike, refused, tmp_path, people_folder, tiny_model):
    model = shutil.copytree(tiny_model, tmp_path / "m")
    weights = model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    picture = people_folder / "s01" / "0.png"
    refused(lookalike("verify", picture, picture, "--model", model), "does not fit model.toml", "restore")
    (model / "model.toml").write_text("format_version = 1\n")
    refused(lookalike("verify", picture, picture, "--model", model), "damaged at name")


def test_a_damaged_or_missing_gallery(lookalike, refused, tmp_path, people_folder, tiny_model, gallery):
    picture = people_folder / "s01" / "0.png"
    (gallery / "gallery.sqlite3").write_bytes(b"x" * 5000)
    readers = (["people"], ["forget", "s01"], ["identify", picture, "--model", tiny_model])
    for verb in (*readers, ["enroll", picture, "--name", "Ada", "--model", tiny_model]):
        refused(lookalike(*verb, "--gallery", gallery), "damaged")
    for verb in readers:
        refused(lookalike(*verb, "--gallery", tmp_path / "none"), "is not there")
        refused(lookalike(*verb, "--gallery", "milvus://127.0.0.1:1/people"), "no Milvus server answers")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "  ", "a\tb", "x" * 300])
def test_names_that_are_none(lookalike, refused, tmp_path, people_folder, tiny_model, name):
    picture = people_folder / "s01" / "0.png"
    verb = ["enroll", picture, "--name", name, "--model", tiny_model, "--gallery", tmp_path / "g"]
    refused(lookalike(*verb), "identity")
    assert lookalike(*verb, "--json").document["error"] == "InputError"
    assert list(tmp_path.iterdir()) == []


def test_thresholds_that_are_none(lookalike, refused, people_folder, tiny_model, gallery):
    picture = people_folder / "s01" / "0.png"
    for verb in (["verify", picture, picture], ["identify", picture, "--gallery", gallery]):
        for options, said in (
            (["--threshold", "nan"], "threshold is nan"),
            (["--threshold", "inf"], "threshold is inf"),
            (["--fmr", "nan"], "choose one of 0.1, 0.01, 0.001"),
            (["--fmr", "0.05"], "choose one of 0.1, 0.01, 0.001"),
            (["--fmr", "0.1", "--threshold", "1"], "give one of them"),
            (["--threshold", "low"], "--threshold"),
        ):
            refused(lookalike(*verb, "--model", tiny_model, *options), said)


@pytest.mark.slow
def test_photographs_without_a_face_and_with_several(lookalike, refused, shared_data, tmp_path):
    landmark = next((shared_data / "landmarks" / "gldv2_sample").rglob("*.jpg"))
    faces = shared_data / "lfw_10x10"
    small, large = (faces / name / f"{name}_0001.jpg" for name in ("Tony_Blair", "Vladimir_Putin"))
    with Image.open(small) as left, Image.open(large) as right:
        both = Image.new("RGB", (750, 500))
        both.paste(left, (0, 0))
        both.paste(right.resize((500, 500)), (250, 0))
    both.save(tmp_path / "both.jpg", quality=95)

    for verb in (["verify", large, landmark], ["enroll", landmark, "--name", "Ada", "--gallery", tmp_path / "g"]):
        refused(lookalike(*verb, "--model", "dlib"), landmark.name, "no face was found", "--cropped")
    assert not (tmp_path / "g").exists()

    largest = lookalike("verify", tmp_path / "both.jpg", large, "--model", "dlib")
    assert largest.code == 0
    assert "2 faces were found; the largest is used" in largest.err
    assert lookalike("verify", tmp_path / "both.jpg", small, "--model", "dlib").code == 1
    gallery = ["--gallery", tmp_path / "g", "--model", "dlib"]
    enrolled = lookalike("enroll", tmp_path / "both.jpg", "--name", "Vladimir", *gallery)
    assert "several faces were found; the largest is used: 1 picture" in enrolled.err
    named = lookalike("identify", faces / "Vladimir_Putin" / "Vladimir_Putin_0002.jpg", *gallery, "--json").document
    assert named["answers"][0]["identity"] == "Vladimir"


@pytest.fixture
def writers(people_folder, tiny_model, tiny_toml):
    """All that a user can have written into a folder."""

    def into(folder):
        return {
            "train": ["train", people_folder, "--recipe", tiny_toml, "--output", folder / "m"],
            "embed": ["embed", people_folder, "--model", tiny_model, "--output", folder / "v"],
            "evaluate": ["evaluate", people_folder, "--model", tiny_model, "--trials", "1", "--output", folder / "e"],
            "enroll": ["enroll", people_folder, "--model", tiny_model, "--gallery", folder / "g"],
        }

    return into


def fill(path):
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1024)):
            pass


@pytest.mark.parametrize("verb", ["train", "embed", "evaluate"])
def test_a_full_disk_is_left_as_it_was(lookalike, refused, small_disk, writers, verb, snapshot):
    disk = small_disk(64)
    fill(disk / "mine")
    before = snapshot(disk)
    refused(lookalike(*writers(disk)[verb]), "could not be written", "unharmed")
    assert snapshot(disk) == before
    assert lookalike(*writers(disk)[verb], "--json").document["error"] == "StorageError"


def test_a_disk_that_fills_up_loses_nobody(lookalike, refused, small_disk, writers, people_folder, tiny_model):
    disk = small_disk(2048)
    gallery = ["--gallery", disk / "g"]
    picture = people_folder / "s01" / "0.png"
    assert lookalike("enroll", picture, "--name", "Ada", "--model", tiny_model, *gallery).code == 0
    known = lookalike("people", *gallery, "--json").document
    fill(disk / "mine")
    refused(lookalike(*writers(disk)["enroll"]), "what was enrolled before is safe")
    (disk / "mine").unlink()
    assert lookalike("people", *gallery, "--json").document == known
    assert lookalike(*writers(disk)["enroll"]).code == 0
    assert len(lookalike("people", *gallery, "--json").document["people"]) == 9


@pytest.mark.parametrize("verb", ["train", "embed", "evaluate", "enroll"])
def test_a_disk_that_may_not_be_written(lookalike, refused, small_disk, writers, verb):
    disk = small_disk(64, "ro")
    refused(lookalike(*writers(disk)[verb]), "Read-only file system")


@pytest.mark.parametrize("verb", ["train", "embed", "evaluate", "enroll"])
def test_something_else_is_where_the_output_goes(lookalike, refused, writers, tmp_path, verb, snapshot):
    for name in "mveg":
        (tmp_path / name).write_text("my letter")
    before = snapshot(tmp_path)
    refused(lookalike(*writers(tmp_path)[verb]))
    assert json.loads(lookalike(*writers(tmp_path)[verb], "--json").out)["message"]
    assert snapshot(tmp_path) == before
