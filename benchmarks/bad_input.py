"""Kinds of bad input over all verbs: what is given, and words that the one line of the refusal has to hold.

`tests/cli/test_refusals.py` runs each and looks at the line; `refusal_times.py` runs each as a process and measures how
long it takes.
"""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["BAD_INPUTS", "BadInput", "make_inputs"]

#: Identities and pictures of each in `photos/`.
PEOPLE, PICTURES = 6, 2


@dataclass(frozen=True)
class BadInput:
    """One kind of bad input.

    Attributes:
        kind: in a few words; also the test's name.
        arguments: of `lookalike`; `{in}` is the folder of `make_inputs`, `{out}` one that is to stay empty.
        words: that the refusal has to hold: what was given, and what to do.
    """

    kind: str
    arguments: str
    words: tuple[str, ...]

    def command(self, inputs: Path, output: Path) -> list[str]:
        """The arguments, one by one."""
        places = {"in": str(inputs), "out": str(output), "long": "x" * 300, "tab": "a\tb", "empty": ""}
        return [part.format(**places) for part in self.arguments.split()]


def _bad(kind: str, arguments: str, *words: str) -> BadInput:
    return BadInput(kind, arguments, words)


_VERIFY = "verify {in}/photos/p0/0.png"
_MODEL = "--model {in}/model"
_ASK = "identify {in}/photos/p0/0.png --model {in}/model --gallery {in}/people.gallery"
_TRAIN = "train {in}/photos --output {out}/m"
_LANDMARKS = "enroll {in}/photos --recipe landmarks --model {in}/model --gallery {out}/g"

BAD_INPUTS = (
    # Folders, lists and what lies in them
    _bad("no such data", "train {in}/none --output {out}/m", "none does not exist", "expected"),
    _bad("a text as data", f"embed {{in}}/notes.txt {_MODEL} --output {{out}}/v", "has no form that can be read"),
    _bad("an empty folder", f"enroll {{in}}/vacant {_MODEL} --gallery {{out}}/g", "vacant has no subfolder with"),
    _bad("folders of folders", "train {in}/nested --output {out}/m", "depth 2", "--classes-at 2", "--classes-at 1"),
    _bad("a depth without pictures", f"evaluate {{in}}/photos --classes-at 3 {_MODEL} --output {{out}}/e", "depth 3"),
    _bad("a depth of a list", f"embed {{in}}/good.csv --classes-at 2 {_MODEL} --output {{out}}/v", "leave it out"),
    _bad("a depth and a name", f"enroll {{in}}/a.jpg --name A --classes-at 2 {_MODEL} --gallery {{out}}/g", "--name"),
    _bad("a list without a column", "train {in}/columns.csv --output {out}/m", "header with path and identity"),
    _bad("a list of missing files", f"embed {{in}}/missing.csv {_MODEL} --output {{out}}/v", "line 2", "no.png"),
    _bad("one picture of two people", f"evaluate {{in}}/twice.csv {_MODEL} --output {{out}}/e", "one identity"),
    _bad("a list that is no text", "train {in}/bytes.csv --output {out}/m", "UTF-8"),
    _bad("one identity", "train {in}/single --output {out}/m", "of 1 identity", "at least 2"),
    _bad("no second picture of anybody", "train {in}/ones --loss triplet --output {out}/m", "every identity has one"),
    _bad("a web address as data", "train https://example.org/photos --output {out}/m", "does not exist", "expected"),
    # Pictures
    _bad("no such picture", f"{_VERIFY} {{in}}/none.jpg {_MODEL}", "none.jpg does not exist"),
    _bad("a folder as picture", f"{_VERIFY} {{in}}/photos {_MODEL}", "photos is a folder"),
    _bad("an empty file", f"{_VERIFY} {{in}}/empty.jpg {_MODEL}", "empty.jpg is empty (0 bytes)"),
    _bad("a picture cut off", f"{_VERIFY} {{in}}/cut.jpg {_MODEL}", "cut.jpg is damaged or truncated"),
    _bad("a text named jpg", f"{_VERIFY} {{in}}/text.jpg {_MODEL}", "text.jpg is not a picture", "JPEG"),
    _bad("too many pixels", f"{_VERIFY} {{in}}/large.png {_MODEL}", "8200×8000", "64,000,000"),
    _bad("far too many pixels", f"{_VERIFY} {{in}}/bomb.png {_MODEL}", "refused unread"),
    _bad("one pixel", f"{_VERIFY} {{in}}/pixel.png --model dlib", "no face was found", "--cropped"),
    _bad("a web address as picture", f"{_VERIFY} https://example.org/a.jpg {_MODEL}", "download the picture"),
    _bad("a bad picture among many", f"embed {{in}}/mixed {_MODEL} --output {{out}}/v", "1 of 3 pictures",
         "--skip-bad"),
    # Numbers and options
    _bad("a threshold that is no number", f"{_VERIFY} {{in}}/a.jpg {_MODEL} --threshold nan", "threshold is nan"),
    _bad("an infinite threshold", f"{_ASK} --threshold inf", "threshold is inf"),
    _bad("a rate that was not measured", f"{_ASK} --fmr 0.123", "choose one of", "0.1"),
    _bad("no candidates", f"{_ASK} --top 0", "--top"),
    _bad("no trials", f"evaluate {{in}}/photos {_MODEL} --trials 0 --output {{out}}/e", "--trials"),
    _bad("fewer than no epochs", f"{_TRAIN} --epochs -1", "--epochs"),
    _bad("an infinite learning rate", f"{_TRAIN} --learning-rate inf", "learning_rate", "finite"),
    _bad("a threshold and a rate", f"{_VERIFY} {{in}}/a.jpg {_MODEL} --threshold 1 --fmr 0.1", "give one of them"),
    _bad("go on and begin anew", f"{_TRAIN} --resume --restart", "give one"),
    _bad("a promise out of range", f"evaluate {{in}}/photos {_MODEL} --promise fpir=2 --output {{out}}/e", "2"),
    _bad("thresholds for a pretrained model", "evaluate {in}/photos --model dlib --calibrate", "leave out --calibrate"),
    _bad("an option of places", f"{_ASK} --no-rerank", "is for landmarks", "leave it out"),
    _bad("no such verb", "recognise {in}/a.jpg", "No such command", "--help"),
    # Models and galleries
    _bad("no such model", f"{_VERIFY} {{in}}/a.jpg --model {{in}}/none", "there is no model at", "give a"),
    _bad("a folder that is no model", "embed {in}/photos --model {in}/photos --output {out}/v", "not a model"),
    _bad("damaged weights", f"{_VERIFY} {{in}}/a.jpg --model {{in}}/damaged", "does not fit model.toml", "restore"),
    _bad("a model of a newer version", f"{_VERIFY} {{in}}/a.jpg --model {{in}}/newer", "version 99", "update"),
    _bad("a model without thresholds", f"{_VERIFY} {{in}}/a.jpg --model {{in}}/other", "no measured threshold"),
    _bad("a promise without thresholds", _ASK.replace("people", "other").replace("/model", "/other") + " --fpir 0.01",
         "has no calibration"),
    _bad("thresholds of another model", f"{_VERIFY} {{in}}/a.jpg --model {{in}}/other --calibration "
         "{in}/model/calibration.json", "was measured with model"),
    _bad("a gallery of another model", _ASK.replace("people", "other"), "belongs to model"),
    _bad("enrolling with another model", f"enroll {{in}}/photos {_MODEL} --gallery {{in}}/other.gallery", "belongs to"),
    _bad("a damaged gallery", "people --gallery {in}/damaged.gallery", "damaged"),
    _bad("no such gallery", f"identify {{in}}/a.jpg {_MODEL} --gallery {{in}}/none", "is not there"),
    _bad("nobody of that name", "forget Nobody --gallery {in}/people.gallery", "Nobody"),
    # Names
    _bad("an empty name", f"enroll {{in}}/a.jpg --name {{empty}} {_MODEL} --gallery {{out}}/g", "empty name"),
    _bad("a name too long", f"enroll {{in}}/a.jpg --name {{long}} {_MODEL} --gallery {{out}}/g", "at most 200"),
    _bad("a control character", f"enroll {{in}}/a.jpg --name {{tab}} {_MODEL} --gallery {{out}}/g", "U+0009"),
    _bad("a long name in a list", f"enroll {{in}}/long.csv {_MODEL} --gallery {{out}}/g", "at most 200 are allowed"),
    _bad("pictures without a name", f"enroll {{in}}/a.jpg {{in}}/b.jpg {_MODEL} --gallery {{out}}/g", "--name"),
    # Recipes
    _bad("no such recipe", f"{_TRAIN} --recipe magic", "recipe 'magic' is unknown", "choose"),
    _bad("a recipe that is no TOML", f"{_TRAIN} --recipe {{in}}/broken.toml", "broken.toml is not a TOML recipe"),
    _bad("an entry that is none", f"{_TRAIN} --recipe {{in}}/entry.toml", "entry.toml: epoch"),
    _bad("no such loss", f"{_TRAIN} --loss magic", "loss 'magic' is unknown", "choose"),
    # Outputs
    _bad("an output in the data", "train {in}/photos --output {in}/photos/m", "lies in", "choose another"),
    _bad("a file as output", f"embed {{in}}/photos {_MODEL} --output {{in}}/notes.txt", "not replaced", "another"),
    _bad("an output below a file", f"embed {{in}}/photos {_MODEL} --output {{in}}/notes.txt/v", "is no folder"),
    _bad("a folder of something else", "train {in}/photos --output {in}/vacant", "holds no model.toml", "another"),
    _bad("an interrupted training", "train {in}/photos --output {in}/begun", "step 3", "--resume", "--restart"),
    # Further files
    _bad("pairs that are none", f"evaluate {{in}}/photos {_MODEL} --pairs {{in}}/notes.txt --output {{out}}/e",
         "line 1"),
    _bad("pairs without pictures", f"evaluate {{in}}/photos {_MODEL} --pairs {{in}}/pairs.txt --output {{out}}/e",
         "3 of 3 pictures do not exist", "--existing-pairs"),
    _bad("no pair that is there", f"evaluate {{in}}/photos {_MODEL} --pairs {{in}}/pairs.txt --existing-pairs "
         "--output {out}/e", "none of 2 pairs"),
    _bad("existing pairs of none", f"evaluate {{in}}/photos {_MODEL} --existing-pairs --output {{out}}/e", "--pairs"),
    _bad("groups of others", f"evaluate {{in}}/photos {_MODEL} --groups {{in}}/groups.csv --output {{out}}/e",
         "gives no group to 5 of 6", "add a row"),
    _bad("no such strangers", f"evaluate {{in}}/photos {_MODEL} --distractors {{in}}/none --output {{out}}/e", "none"),
    _bad("no photo of no place", _LANDMARKS, "no photos without a landmark were given", "--non-landmarks"),
    _bad("too few photos of no place", f"{_LANDMARKS} --non-landmarks {{in}}/single --promise fpr=0.01", "299"),
    _bad("a promise of another kind", f"{_LANDMARKS} --promise fpir=0.01", "--promise", "fpr=RATE"),
    _bad("a submission without a column", "evaluate {in}/good.csv --submission {in}/columns.csv", "id,landmarks"),
    # Vectors and indexes
    _bad("no such vectors", "index build {in}/none.npy --output {out}/i", "none.npy is not there", ".npy"),
    _bad("vectors with NaN", "index build {in}/nan.npy --kind exact --output {out}/i", "nan.npy: row 7 holds NaN"),
    _bad("pickled vectors", "index build {in}/pickled.npy --kind exact --output {out}/i", "pickled.npy", "numpy.save"),
    _bad("words as vectors", "index build {in}/words.npy --kind exact --output {out}/i", "expected real numbers"),
    _bad("one row of numbers", "index build {in}/row.npy --kind exact --output {out}/i", "expected two dimensions"),
    _bad("vectors cut off", "index build {in}/cut.npy --kind exact --output {out}/i", "cut.npy is not a whole .npy"),
    _bad("no such kind", "index build {in}/good.npy --kind magic --output {out}/i", "'magic'", "choose one of"),
    _bad("no such kind to try", "index tune {in}/good.npy --kinds magic --output {out}/i", "'magic'", "choose one of"),
    _bad("no such setting", "index build {in}/good.npy --kind hnsw --set N=3 --output {out}/i", "no setting N"),
    _bad("a recall above 1", "index tune {in}/good.npy --recall 1.5 --output {out}/i", "recall is 1.5"),
    _bad("a count that is none", "index plan --vectors many --dim 128", "'many'"),
    _bad("vectors generated wrongly", "index compare generated:1M --output {out}/c", "generated:COUNTxDIM"),
    _bad("queries of another dimension", "index search {in}/good.index {in}/wide.npy", "9", "8"),
    _bad("an index that is none", "index show {in}/photos", "photos"),
)  # fmt: skip


def make_inputs(folder: Path) -> None:
    """Write what the bad inputs are made of: pictures, two models and their galleries, lists, vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_pictures(folder)
    _write_lists(folder)
    _write_vectors(folder)
    _write_models(folder)
    _write_galleries(folder)


def _picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def _write_pictures(folder: Path) -> None:
    for person in range(PEOPLE):
        for number in range(PICTURES):
            _picture(folder / "photos" / f"p{person}" / f"{number}.png", PICTURES * person + number)
        _picture(folder / "ones" / f"p{person}" / "0.png", 100 + person)
        _picture(folder / "nested" / f"g{person // 3}" / f"p{person}" / "0.png", 200 + person)
    for number in range(2):
        _picture(folder / "single" / "p0" / f"{number}.png", 300 + number)
        _picture(folder / "mixed" / f"p{number}" / "0.png", 310 + number)
    (folder / "mixed" / "p1" / "1.jpg").write_bytes(b"not a picture")
    for name in ("a", "b"):
        _picture(folder / f"{name}.jpg", ord(name))
    whole = (folder / "a.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not a picture")
    (folder / "large.png").write_bytes(_png_header(8200, 8000))
    (folder / "bomb.png").write_bytes(_png_header(60000, 60000))
    Image.new("L", (1, 1)).save(folder / "pixel.png")
    (folder / "vacant").mkdir()


def _png_header(width: int, height: int) -> bytes:
    """A PNG that announces its size, and holds a thousand pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _write_lists(folder: Path) -> None:
    lists = {
        "good.csv": "path,identity\na.jpg,A\nb.jpg,B\n",
        "columns.csv": "file,who\na.jpg,A\n",
        "missing.csv": "path,identity\nno.png,A\n",
        "twice.csv": "path,identity\na.jpg,A\na.jpg,B\n",
        "long.csv": f"path,identity\na.jpg,{'x' * 300}\n",
        "groups.csv": "identity,group\np0,north\nsomebody,south\n",
        "pairs.txt": "1\nAda\t1\t2\nAda\t1\tBo\t1\n",
        "notes.txt": "a letter\n",
        "broken.toml": "= =\n",
        "entry.toml": "epoch = 3\n",
    }
    for name, text in lists.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "bytes.csv").write_bytes(b"path,identity\na.jpg,Jos\xe9\n")
    (folder / "begun.training").mkdir()
    (folder / "begun.training" / "state.json").write_text(json.dumps({"format_version": 2, "step": 3}))


def _write_vectors(folder: Path) -> None:
    from lookalike.index import build_index

    vectors = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    np.save(folder / "good.npy", vectors)
    np.save(folder / "wide.npy", np.ones((2, 9), np.float32))
    np.save(folder / "row.npy", vectors[0])
    np.save(folder / "words.npy", np.array([["a", "b"]]))
    np.save(folder / "pickled.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (folder / "cut.npy").write_bytes((folder / "good.npy").read_bytes()[:500])
    vectors[7, 3] = np.nan
    np.save(folder / "nan.npy", vectors)
    build_index(np.load(folder / "good.npy"), "exact", "euclidean").save(folder / "good.index")


def _write_models(folder: Path) -> None:
    import torch

    from lookalike.datasets import read_pictures
    from lookalike.embedder import Embedder, Preprocessing
    from lookalike.embedder.model_card import ModelCard
    from lookalike.embedder.model_folder import save_model
    from lookalike.progress import Reporter
    from lookalike.workflows.calibration import calibrate_on

    preprocessing = Preprocessing(image_size=(32, 32), channels=1)
    for seed, name in enumerate(("model", "other")):
        card = ModelCard(name=name, backbone="linear", embedding_size=16, preprocessing=preprocessing)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            save_model(folder / name, card.build(), card)
    pictures = read_pictures(folder / "photos")
    calibration = calibrate_on(Embedder.load(folder / "model"), pictures, Reporter(), source="noise")
    calibration.save(folder / "model" / "calibration.json")
    damaged, newer = (shutil.copytree(folder / "other", folder / name) for name in ("damaged", "newer"))
    weights = damaged / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    toml = newer / "model.toml"
    toml.write_text(toml.read_text("utf-8").replace("format_version = 1", "format_version = 99"), "utf-8")


def _write_galleries(folder: Path) -> None:
    from lookalike import Embedder, Recognizer, open_gallery

    for model, name in (("model", "people"), ("other", "other")):
        with open_gallery(folder / f"{name}.gallery") as gallery:
            Recognizer(Embedder.load(folder / model), gallery).enroll("p0", folder / "photos" / "p0" / "0.png")
    damaged = shutil.copytree(folder / "people.gallery", folder / "damaged.gallery")
    (damaged / "gallery.sqlite3").write_bytes(b"x" * 5000)
