"""An ONNX file embeds as its card says: known graphs, known vectors."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import helper
from PIL import Image
from tests.onnx_files import linear_onnx, save_onnx, write_card

from lookalike import Embedder
from lookalike.decisions.calibration import Calibration
from lookalike.embedder.preprocessing import Preprocessing
from lookalike.errors import FingerprintError, InputError, NoFaceError, VectorError

RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((48, 5)).astype(np.float32)


@pytest.fixture
def pictures():
    return [RNG.integers(0, 256, (4, 4, 3), np.uint8) for _ in range(5)]


def expected(pictures, matrix=MATRIX, mean=127.5, std=127.5, bgr=False, nhwc=False):
    """The oracle: pixels to numbers, one picture at a time."""
    rows = []
    for picture in pictures:
        numbers = ((picture[..., ::-1] if bgr else picture).astype(float) - mean) / std
        vector = (numbers if nhwc else numbers.transpose(2, 0, 1)).ravel() @ matrix
        rows.append(vector / np.linalg.norm(vector))
    return np.array(rows)


@pytest.mark.parametrize("batch", ["n", 1, 2])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_vectors_are_those_of_the_graph_whatever_batch_layout_and_order_it_wants(
    tmp_path, pictures, batch, layout, channels
):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX, batch=batch, layout=layout)
    write_card(net, mean=127.5, std=127.5, channels=channels)
    found = Embedder.load(net).embed(pictures)
    assert found.dtype == np.float32
    want = expected(pictures, bgr=channels == "BGR", nhwc=layout == "NHWC")
    assert found == pytest.approx(want, abs=1e-5)


def test_a_grey_network_gets_grey_pictures(tmp_path, pictures):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX[:16], channels=1)
    write_card(net, std=255.0)
    grey = [np.asarray(Image.fromarray(one).convert("L"))[..., None] for one in pictures]
    assert Embedder.load(net).embed(pictures) == pytest.approx(expected(grey, MATRIX[:16], 0, 255), abs=1e-5)


def test_three_means_for_a_grey_network_are_refused(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX[:16], channels=1)
    write_card(net, mean=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="takes grey pictures, and its card gives three channels"):
        Embedder.load(net)


def test_other_metrics_keep_the_length(tmp_path, pictures):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, metric="euclidean")
    embedder = Embedder.load(net)
    raw = np.array([one.transpose(2, 0, 1).ravel() @ MATRIX for one in pictures])
    assert embedder.metric == "euclidean"
    assert embedder.embed(pictures) == pytest.approx(raw, rel=1e-4, abs=1e-2)


def test_the_mirror_image_is_added_where_the_card_says_so(tmp_path, pictures):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, flip_average=True, metric="euclidean")
    both = [np.concatenate([one, one[:, ::-1]]) for one in pictures]
    want = [sum(half.transpose(2, 0, 1).ravel() @ MATRIX for half in np.split(one, 2)) for one in both]
    assert Embedder.load(net).embed(pictures) == pytest.approx(np.array(want), rel=1e-4, abs=1e-2)


def test_whole_pictures_are_cut_and_resized_as_for_other_models(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net)
    wide = RNG.integers(0, 256, (40, 90, 3), np.uint8)
    assert (Embedder.load(net).prepare(wide).pixels == Preprocessing(image_size=(4, 4)).prepare(wide).pixels).all()


def pooled(path, outputs=("y",), size=("h", "w")):
    """The mean colour; as further outputs, pictures."""
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["mean"]), helper.make_node("Flatten", ["mean"], ["y"])]
    nodes.append(helper.make_node("Relu", ["x"], ["map"]))
    described = {"y": ["n", 3], "mean": ["n", "c", 1, 1], "map": ["n", 3, *size]}
    return save_onnx(path, nodes, [("x", ["n", 3, *size])], [(name, described[name]) for name in outputs])


def test_a_size_that_the_file_leaves_open_is_the_cards(tmp_path):
    net = pooled(tmp_path / "net.onnx")
    write_card(net)
    with pytest.raises(InputError, match=r"leaves the size of its pictures open; say image_size = \[112, 112\]"):
        Embedder.load(net)
    write_card(net, image_size=[6, 8])
    embedder = Embedder.load(net)
    assert embedder.prepare(np.zeros((30, 30, 3), np.uint8)).pixels.shape == (6, 8, 3)
    assert embedder.dimension == 3


def test_a_size_that_contradicts_the_file(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, image_size=[5, 5])
    with pytest.raises(
        InputError, match=r"takes pictures of 4×4, 3 channels, NCHW; its card says image_size = \(5, 5\)"
    ):
        Embedder.load(net)


def test_of_several_outputs_the_card_names_one(tmp_path):
    net = pooled(tmp_path / "net.onnx", ("map", "y"), (4, 4))
    write_card(net)
    with pytest.raises(InputError, match=r'has the outputs map \(n×3×4×4\), y \(n×3\); say .* output = "map"'):
        Embedder.load(net)
    write_card(net, output="y")
    assert Embedder.load(net).dimension == 3


def test_an_output_that_is_no_vector_is_refused_and_one_with_empty_sides_is_taken(tmp_path):
    net = pooled(tmp_path / "net.onnx", ("map", "mean"), (4, 4))
    write_card(net, output="map")
    with pytest.raises(InputError, match=r"output map of .* is 1×3×4×4 for 1 picture; expected one vector a picture"):
        Embedder.load(net)
    write_card(net, output="mean")
    assert Embedder.load(net).embed([np.full((4, 4, 3), 9, np.uint8)]) == pytest.approx(np.full((1, 3), 3**-0.5))


def test_nan_is_refused(tmp_path, pictures):
    net = linear_onnx(tmp_path / "net.onnx", np.full((48, 5), np.nan))
    write_card(net)
    with pytest.raises(VectorError, match="model net gave NaN or infinity for a picture; check mean, std"):
        Embedder.load(net).embed(pictures)


def test_the_fingerprint_changes_with_weights_and_with_what_decides_a_vector(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)

    def fingerprint(**fields):
        write_card(net, **fields)
        return Embedder.load(net).fingerprint

    plain = fingerprint()
    assert len(plain) == 16
    assert fingerprint(licence="MIT", threshold=0.4, name="other") == plain
    others = [fingerprint(mean=1.0), fingerprint(channels="BGR"), fingerprint(metric="euclidean")]
    linear_onnx(net, 2 * MATRIX)
    assert len({plain, *others, fingerprint()}) == 5


def test_a_documented_threshold_is_used_where_nothing_was_measured(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, threshold=0.72, threshold_source="the authors' page", name="AuraFace")
    found = Embedder.load(net)
    assert found.name == "AuraFace"
    assert (found.threshold().distance, found.threshold().source) == (
        0.72,
        "the authors' page, not measured on your pictures",
    )
    write_card(net)
    with pytest.raises(InputError, match="model net has no measured threshold"):
        Embedder.load(net).threshold()


def test_thresholds_beside_the_file_are_used_and_belong_to_it(tmp_path, tiny_model):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net)
    measured = Calibration.load(tiny_model / "calibration.json")
    own = measured.model_copy(update={"fingerprint": Embedder.load(net).fingerprint})
    own.save(tmp_path / "net.calibration.json")
    assert Embedder.load(net).threshold().distance == measured.threshold()
    measured.save(tmp_path / "net.calibration.json")
    with pytest.raises(FingerprintError, match=r"net\.calibration\.json was measured with model"):
        Embedder.load(net)


def test_a_precision_is_the_files(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net)
    with pytest.raises(InputError, match="computes in the precision it was exported in; leave out --precision float16"):
        Embedder.load(net, precision="float16")


def test_whole_pictures_need_no_detector(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, detector="det.onnx")
    with pytest.raises(InputError, match=r"takes whole pictures .* leave the detector out"):
        Embedder.load(net)
    write_card(net)
    embedder = Embedder.load(net)
    assert not embedder.finds_faces
    with pytest.raises(InputError, match="looks for no faces"):
        embedder.faces(np.zeros((9, 9, 3), np.uint8))


def test_faces_are_aligned_to_squares(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", np.eye(96, 5), size=(4, 8))
    write_card(net, alignment="arcface-112")
    with pytest.raises(InputError, match=r"takes 4×8, .* and arcface-112 gives squares"):
        Embedder.load(net)


def test_a_face_is_found_by_dlib_and_aligned(tmp_path, shared_data):
    pytest.importorskip("dlib")
    net = linear_onnx(tmp_path / "net.onnx", np.zeros((3 * 112 * 112, 2)) + 1e-3, size=(112, 112))
    write_card(net, alignment="arcface-112")
    embedder = Embedder.load(net)
    photo = sorted((shared_data / "lfw_10x10").rglob("*.jpg"))[0]
    assert embedder.prepare(photo).pixels.shape == (112, 112, 3)
    (face, prepared), *_ = embedder.prepare_faces(photo)
    assert face.box == embedder.faces(photo)[0].box
    assert (prepared.pixels == embedder.prepare(photo).pixels).all()
    assert embedder.embed([photo]).shape == (1, 2)


def test_without_a_face_a_picture_is_refused_or_taken_whole(tmp_path):
    pytest.importorskip("dlib")
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net, alignment="arcface-112")
    blank = np.full((90, 60, 3), 200, np.uint8)
    with pytest.raises(NoFaceError, match="no face was found in a picture of 60×90 pixels"):
        Embedder.load(net).prepare(blank)
    assert Embedder.load(net).prepare_faces(blank) == []
    taken = Embedder.load(net, cropped=True)
    assert taken.prepare(blank).notes == ("no face was found; the whole picture is taken for one",)
    (face, prepared) = taken.prepare_faces(blank)[0]
    assert (face.box.right, face.box.bottom, face.score) == (60, 90, 0.0)
    assert prepared.pixels.shape == (4, 4, 3)


def test_serving_an_onnx_model_imports_no_torch(tmp_path):
    net = linear_onnx(tmp_path / "net.onnx", MATRIX)
    write_card(net)
    code = (
        "import sys, numpy as np; from lookalike import Embedder; "
        f"Embedder.load({str(net)!r}).embed([np.ones((5, 5, 3), np.uint8)]); "
        "print([name for name in ('torch', 'faiss', 'dlib', 'onnx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
