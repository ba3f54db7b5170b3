"""Models come from the hub, or from its cache: real requests to a local server that answers as the hub does."""

import os
import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from tests.hub_server import commit_of, hub_server
from tests.onnx_files import linear_onnx, write_card

from lookalike import Embedder
from lookalike.embedder.hub import HubAddress, model_from_hub, model_in
from lookalike.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no hub until a test serves one."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "cache"


@pytest.fixture
def serve(monkeypatch):
    """Serve repositories as the hub, until `stop` is called."""
    from huggingface_hub import constants

    with ExitStack() as running:

        def start(repositories, status=200):
            endpoint, requests = running.enter_context(hub_server(repositories, status))
            monkeypatch.setattr(constants, "ENDPOINT", endpoint)
            monkeypatch.setattr(
                constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
            )
            return requests

        start.stop = running.close
        yield start


@pytest.fixture
def network(tmp_path):
    """An ONNX file and its card, as bytes by name."""
    path = linear_onnx(tmp_path / "net.onnx", np.random.default_rng(0).standard_normal((48, 5)))
    return {one.name: one.read_bytes() for one in (path, write_card(path))}


PICTURES = [np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8)]


def test_an_onnx_file_with_its_card(serve, network, tmp_path):
    requests = serve({"ada/faces": {"main": network | {"README.md": b"#", "pytorch_model.bin": b"pickled"}}})
    found = Embedder.load("hf://ada/faces")
    assert found.fingerprint == Embedder.load(tmp_path / "net.onnx").fingerprint
    assert (found.embed(PICTURES) == Embedder.load(tmp_path / "net.onnx").embed(PICTURES)).all()
    assert not any("pytorch_model.bin" in one or "README" in one for one in requests)


def test_what_was_fetched_is_used_without_the_hub(serve, network):
    serve({"ada/faces": {"main": network}})
    before = Embedder.load("hf://ada/faces").fingerprint
    serve.stop()
    assert Embedder.load("hf://ada/faces").fingerprint == before


def test_without_the_hub_and_without_a_copy(serve):
    with pytest.raises(InputError, match="the hub cannot be reached, and hf://ada/faces is not in its cache; connect"):
        Embedder.load("hf://ada/faces")


def test_a_model_folder(serve, tiny_model):
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir() if path.is_file()}
    serve({"ada/orl": {"main": files}})
    found, here = Embedder.load("hf://ada/orl"), Embedder.load(tiny_model)
    assert found.fingerprint == here.fingerprint
    assert found.calibration == here.calibration


def test_a_revision(serve, network):
    other = network | {"net.toml": network["net.toml"] + b'licence = "MIT"\n'}
    serve({"ada/faces": {"main": network, "v2": other}})
    assert Embedder.load("hf://ada/faces@v2").card.licence == "MIT"
    assert Embedder.load("hf://ada/faces").card.licence is None
    assert Embedder.load(f"hf://ada/faces@{commit_of('main')}").card.licence is None
    with pytest.raises(InputError, match="ada/faces has no revision v9; leave out @v9"):
        Embedder.load("hf://ada/faces@v9")


def test_weights_and_detector_come_along(serve, network):
    card = b'alignment = "none"\nmean = 0\nstd = 1\ndetector = "det.onnx"\n'
    files = {f"small/{name}": content for name, content in (network | {"net.toml": card, "det.onnx": b"d"}).items()}
    serve({"ada/faces": {"main": files | {"large.onnx": b"", "small/net.onnx.data": b"w", "small/det.toml": b""}}})
    path = model_from_hub("hf://ada/faces/small/net.onnx")
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "det.onnx",
        "det.toml",
        "net.onnx",
        "net.onnx.data",
        "net.toml",
    ]
    assert not (path.parents[1] / "large.onnx").exists()


def test_a_detector_that_is_not_there(serve, network):
    serve({"ada/faces": {"main": network | {"net.toml": network["net.toml"] + b'detector = "det.onnx"\n'}}})
    with pytest.raises(InputError, match="ada/faces lacks a file that its card names"):
        model_from_hub("hf://ada/faces")


def test_no_such_model(serve):
    serve({})
    with pytest.raises(InputError, match="the hub has no model ada/faces, or it is private; check the name, or log in"):
        Embedder.load("hf://ada/faces")


def test_a_gated_model(serve):
    serve({"ada/faces": {"main": {}}}, status=403)
    with pytest.raises(InputError, match="ada/faces is gated: ask for access on its page on the hub, then log in"):
        Embedder.load("hf://ada/faces")


def test_a_hub_that_fails_is_one_that_cannot_be_reached(serve):
    serve({"ada/faces": {"main": {}}}, status=500)
    with pytest.raises(InputError, match="the hub cannot be reached, and hf://ada/faces is not in its cache"):
        Embedder.load("hf://ada/faces")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["pytorch_model.bin", "config.json"], "holds neither a model folder of Lookalike .* never loaded"),
        ([], "it holds nothing"),
        (["a.onnx", "b.onnx"], r"holds a\.onnx, b\.onnx; name one, such as hf://ada/faces/a\.onnx"),
        (["a.onnx", "a.toml", "b.onnx", "b.toml"], "name one"),
        ([f"{number}.bin" for number in range(9)], "and 3 more"),
    ],
)
def test_what_is_no_model(files, message):
    with pytest.raises(InputError, match=message):
        model_in(files, HubAddress("ada/faces"))


def test_which_file_is_the_model():
    address = HubAddress("ada/faces")
    assert model_in(["model.toml", "weights.safetensors", "extra.onnx"], address) == ""
    assert model_in(["det.onnx", "net.onnx", "net.toml"], address) == "net.onnx"
    assert model_in(["a.onnx", "b.onnx"], HubAddress("ada/faces", "b.onnx")) == "b.onnx"
    with pytest.raises(InputError, match=r"ada/faces has no file c\.onnx; it holds a\.onnx"):
        model_in(["a.onnx"], HubAddress("ada/faces", "c.onnx"))


@pytest.mark.parametrize("text", ["hf://ada", "hf://", "hf://ada/faces@", "hf://ada/faces/weights.bin", "hf:///faces"])
def test_what_is_no_address(text):
    with pytest.raises(InputError, match="is no model of the hub; give hf://user/model"):
        HubAddress.parse(text)


def test_a_name_that_the_hub_does_not_allow(serve):
    serve({})
    with pytest.raises(InputError, match="is no model of the hub") as caught:
        Embedder.load("hf://ada/fa ces")
    assert "\n" not in str(caught.value)


def test_the_hub_needs_no_torch():
    code = (
        "import sys; from lookalike.embedder.hub import model_from_hub\n"
        "try: model_from_hub('hf://ada/faces')\n"
        "except Exception as error: print(error, 'torch' in sys.modules)"
    )
    env = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert (
        done.stdout
        == "HF_HUB_OFFLINE is set, and hf://ada/faces is not in its cache; connect once (it is kept) False\n"
    )
