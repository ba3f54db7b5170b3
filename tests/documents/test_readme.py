"""README's and the docs' commands run as they are written, and show what they say."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.video_files import write_video

from lookalike.embedder.face_detection import find_faces
from lookalike.images import read_picture
from lookalike.index.generated_vectors import generated_vectors

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands(text):
    """The lines of all sh blocks, without comments."""
    lines = "\n".join(blocks(text, "sh")).splitlines()
    return [line for line in (part.split(" #")[0].strip() for part in lines) if line]


def environment():
    """`lookalike` is this environment's, and colours do not get in the way."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | {"PATH": path, "NO_COLOR": "1"}


@pytest.fixture(scope="session")
def desk(tmp_path_factory, orl, group_photo):
    """What the commands speak of: photos/, more-photos/, pictures of Ada and of somebody, and a group photo."""
    desk = tmp_path_factory.mktemp("desk")

    def save(paths, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(paths, start=1):
            with Image.open(path) as image:
                image.save(folder / f"{number}.png")

    def in_a_photograph(name):
        """Pictures in which a face is found, as it would be in a photograph; ORL's are tight crops."""
        return (path for path in orl.of([name]).paths if find_faces(read_picture(path)))

    for name in orl.names[1:9]:
        save(islice(in_a_photograph(name), 5), desk / "photos" / name)
    for name in orl.names[9:15]:
        save(islice(in_a_photograph(name), 3), desk / "more-photos" / name)
    save(islice(in_a_photograph(orl.names[0]), 3), desk)
    for number, name in enumerate(("ada-1", "ada-2", "who"), start=1):
        (desk / f"{number}.png").rename(desk / f"{name}.png")
    shutil.copy(group_photo, desk / "group.png")
    with Image.open(desk / "group.png") as image:
        even = image.convert("RGB").crop((0, 0, image.width // 2 * 2, image.height // 2 * 2))
    write_video(desk / "party.mp4", [np.asarray(even)] * 15)
    return desk


def run(command, folder):
    return subprocess.run(
        shlex.split(command), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def test_there_are_two_commands_and_make_knows_them():
    makes = [line for line in commands(README) if line.startswith("make")]
    assert makes == ["make demo", "make test"]
    for line in makes:
        planned = run(f"{line} --dry-run --always-make", ROOT)
        assert planned.returncode == 0, planned.stderr
    assert "lookalike demo --output demo" in run("make demo --dry-run", ROOT).stdout
    assert "pytest" in run("make test --dry-run", ROOT).stdout


@pytest.fixture(scope="session")
def toured(desk):
    """What each `lookalike` line of the README printed, run in order; the desk then holds what they made."""
    printed = {}
    for line in commands(README):
        if line.startswith("lookalike"):
            done = run(line, desk)
            assert done.returncode == 0, f"{line}: {done.stderr}"
            printed[line] = done.stdout
    return printed


@pytest.mark.slow
@pytest.mark.network
def test_the_tour_and_what_builds_on_it(desk, toured, forking_interpreter, subtests):
    """One test: workers of pytest-xdist share nothing, and each would make the tour again."""
    for part in (the_tour_runs, the_losses_look_as_the_literature_says):
        with subtests.test(part.__name__):
            part(desk, toured)
    for part in (the_python_runs, the_recipes_of_how_to_run):
        with subtests.test(part.__name__):
            part(desk, lambda program: forking_interpreter.run(program, folder=desk, env=environment()))


def the_tour_runs(desk, toured):
    assert {line.split()[1] for line in toured} == {
        "verify", "enroll", "identify", "detect", "train", "evaluate", "people", "forget", "embed", "figures", "index"
    }  # fmt: skip
    assert "same person" in toured["lookalike verify ada-1.png ada-2.png --model dlib"]
    assert "who.png: Ada" in toured["lookalike identify who.png --model dlib --gallery friends.gallery"]
    group = toured["lookalike identify group.png --all-faces --draw drawn/ --model dlib --gallery friends.gallery"]
    assert len(re.findall(r"^group.png, face \d", group, re.MULTILINE)) == 5
    assert (desk / "drawn" / "group-faces.png").is_file()
    assert len((desk / "faces.csv").read_text("utf-8").splitlines()) == 6
    assert "held out of photos/" in toured["lookalike identify who.png --model model/ --gallery people.gallery"]
    assert "people in people.gallery" in toured["lookalike people --gallery people.gallery"]
    assert (desk / "evaluation" / "report.html").is_file()
    assert (desk / "vectors" / "vectors.toml").is_file()
    assert (desk / "figures" / "losses.html").is_file()


def the_losses_look_as_the_literature_says(desk, toured):
    """What the losses are made for, with room; checked here, where the whole page is made once.

    Triplets of hard negatives alone collapse, semi-hard ones do not: over seeds 0 to 2, with torch's plainest
    instructions and with AVX-512, every figure of that was ten times clear or more (1 - similarity of 2e-8 at most,
    spread of 1.3e-4 of the other's, loss within 1.3e-4 of the margin; similarity of 0.016, accuracy of 0.965, loss of
    0.4 of it).

    Over seeds 0 to 2 the share of the spread within classes was 0.38 to 0.48 of the softmax's for the strongest center
    loss and 0.27 to 0.52 of it for the angular ones; their classes were 26° apart or more, their accuracy 0.04 to 0.09
    higher, and no accuracy was below 0.9. Median angles have no order to rely on.
    """
    panels = json.loads((desk / "figures" / "losses.json").read_text("utf-8"))["panels"]
    for panel in panels:
        panel["share_within"] = panel["within"] / max(panel["between"], 1e-300)
    by_name = {panel["name"]: panel for panel in panels}
    softmax = by_name["Softmax"]
    center = [panel["share_within"] for name, panel in by_name.items() if name.startswith("Center")]
    assert softmax["share_within"] > 0.2
    assert center[-1] < 0.7 * softmax["share_within"]
    assert center[-1] < center[0]
    for name in ("SphereFace", "CosFace", "ArcFace"):
        assert by_name[name]["share_within"] < 0.7 * softmax["share_within"]
        assert by_name[name]["closest"] > 18  # of 36°
        assert by_name[name]["accuracy"] > softmax["accuracy"]
    assert [name for name, panel in by_name.items() if panel["collapsed"]] == ["Triplet, hard negatives only"]
    assert all(panel["accuracy"] > 0.8 for panel in panels if not panel["collapsed"])
    hard, semihard = (panel for panel in panels if panel["family"] == "triplet")
    assert hard["collapsed"]
    assert hard["mean_similarity"] > 0.999
    assert hard["between"] < 0.01 * semihard["between"]
    assert hard["loss"] == pytest.approx(hard["settings"]["m"], rel=0.01)  # what a hard triplet costs on one point
    assert abs(semihard["mean_similarity"]) < 0.2
    assert semihard["loss"] < 0.7 * hard["loss"]


def the_python_runs(desk, execute):
    program = next(block for block in blocks(README, "python") if "Recognizer" in block)
    done = execute(program)
    assert done.returncode == 0, done.stderr
    # Who it is, so small a network may get wrong; that it says what its answer rests on, it may not.
    assert re.fullmatch(r"\w+ \d\.\d+ \d\.\d+ (aimed at: )?at most .* held out of photos/.*\)\n", done.stdout)


def test_the_python_of_the_losses_runs():
    program = next(block for block in blocks(README, "python") if "TripletLoss" in block)
    names = {}
    exec(program, names)
    assert names["embeddings"].grad.abs().sum() > 0


def the_recipes_of_how_to_run(desk, execute):
    text = (ROOT / "docs" / "how-to.md").read_text("utf-8")
    programs = [*blocks(text, "python"), *blocks((ROOT / "docs" / "tutorial.md").read_text("utf-8"), "python")]
    # Those of tune and build have a test of their own, below, and so has watching, which ends only by Ctrl-C; thirty
    # epochs show no more than one does.
    programs = [one for one in programs if "workflows.index_" not in one or "index_accuracy" in one]
    programs = [one for one in programs if "import WatchOptions, watch" not in one]
    programs = [one.replace("epochs=30", "epochs=1") for one in programs]
    people = sorted(path.name for path in (desk / "more-photos").iterdir())
    rows = [f"{person},{'ab'[number % 2]}\n" for number, person in enumerate(people)]
    (desk / "groups.csv").write_text("identity,group\n" + "".join(rows), "utf-8")
    said = []
    for program in programs:
        done = execute(program)
        assert done.returncode == 0, program + done.stderr
        said.append(done.stdout)
    assert any(text.startswith("[[0 ") for text in said)  # a vector is nearest to itself
    done = run("lookalike identify who.png --model model/ --gallery people.gallery --json", desk)
    assert json.loads(done.stdout)["identities"] >= 8
    # Python has compared with dlib above.
    options = "--promise fpir=0.01 --distractors strangers/ --trained-on photos/"
    assert all(option in text for option in re.findall("--[a-z-]+", options))
    (desk / "strangers").symlink_to(desk / "photos", target_is_directory=True)
    done = run(f"lookalike evaluate more-photos/ --model model/ --output compared/ --cropped --json {options}", desk)
    assert done.returncode == 0, done.stderr
    assert {"promise", "distractors", "findings"} <= set(json.loads(done.stdout))
    (recipe,) = blocks(text, "toml")
    (desk / "recipe.toml").write_text(recipe.replace("epochs = 60", "epochs = 1"), "utf-8")
    done = run("lookalike train photos/ --recipe recipe.toml --output aligned/ --skip-bad --validation 0", desk)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_index_workflows_of_how_to_run(tmp_path):
    vectors, _ = generated_vectors(2000, 32)
    np.save(tmp_path / "faces.npy", vectors)
    np.save(tmp_path / "queries.npy", vectors[[7, 1500]])
    programs = blocks((ROOT / "docs" / "how-to.md").read_text("utf-8"), "python")
    chosen = [one for one in programs if "workflows.index_" in one and "index_accuracy" not in one]
    assert len(chosen) == 2
    program = "\n".join(chosen)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ivfpq fastscan float16 lookalike index build VECTORS -o INDEX --kind ivfpq")
    assert any(line.startswith("Progress(stage='Building over all 2,000 vectors'") for line in lines)
    assert re.search(r"^\w+ (0\.9\d+|1\.0)$", done.stdout, re.MULTILINE)  # the kind that was chosen, its recall
    assert lines[-2].startswith("[[   7 ")
    assert lines[-1].startswith(" [1500 ")


def test_links_lead_somewhere():
    pages = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    missing = [
        f"{page.name}: {target}"
        for page in [*pages, *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
