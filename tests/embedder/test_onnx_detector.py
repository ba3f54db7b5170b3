"""A detector in an ONNX file: graphs whose faces are known, in pictures of every size."""

import numpy as np
import pytest
from onnx import helper
from tests.onnx_files import BOX, POINTS, SIDE, constant_onnx, faces_of_scrfd, linear_onnx, save_onnx, write_card

from lookalike import Embedder
from lookalike.embedder.face_templates import align_to_template
from lookalike.embedder.onnx_detector import OnnxDetector
from lookalike.errors import InputError, VectorError


def test_faces_are_found_suppressed_and_sorted(tmp_path):
    """The better of two that overlap; another one; none below the score."""
    small = np.array([40.0, 2.0, 52.0, 14.0])
    faces = [(0.9, BOX, 40), (0.8, BOX + 2, 41), (0.7, small, 10), (0.4, small + 30, 12)]
    path = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd(faces))
    found = OnnxDetector(path).find_faces(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert [str(face.box) for face in found] == ["30×34 pixels at 16,14", "12×12 pixels at 40,2"]
    assert [face.score for face in found] == pytest.approx([0.9, 0.7])
    assert np.array(found[0].landmarks) == pytest.approx(POINTS, abs=1e-4)
    assert (found[0].scheme, found[0].cut_off) == ("eye-centres", False)
    assert found[0].quality is not None


def test_a_face_over_the_edge_is_cut_off(tmp_path):
    path = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.9, np.array([-9.0, 4.0, 20.0, 40.0]), 40)]))
    (face,) = OnnxDetector(path).find_faces(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert face.box.left == -9
    assert face.cut_off


@pytest.mark.parametrize(("picture", "scale"), [((32, 32), 2), ((16, 10), 2), ((48, 64), 1)])
def test_boxes_are_in_pixels_of_the_picture(tmp_path, picture, scale):
    path = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.9, BOX, 40)]))
    (face,) = OnnxDetector(path).find_faces(np.zeros((*picture, 3), np.uint8))
    assert (face.box.left, face.box.bottom) == (16 / scale, 48 / scale)
    assert np.array(face.landmarks) == pytest.approx(POINTS / scale, abs=1e-4)


def bright_spot_detector(path, size=(SIDE, SIDE)):
    """A graph of SCRFD's kind that finds what is bright: of every cell of 8 pixels, the mean is the score.

    A box reaches 8 pixels from the middle of its cell to every side.
    """
    nodes, outputs, weights = [], [], {"start": np.array([0]), "end": np.array([1]), "axis": np.array([1])}
    nodes.append(helper.make_node("Slice", ["x", "start", "end", "axis"], ["red"]))
    for stride in (8, 16, 32):
        cells = [length // stride for length in size]
        count = 2 * cells[0] * cells[1]
        first = np.zeros((1, 1, 1, 2), np.float32)
        first[..., 0] = float(stride == 8)  # the first of two anchors, of the finest stride
        weights |= {
            f"first{stride}": first,
            f"flat{stride}": np.array([1, 1, -1, 1]),
            f"rows{stride}": np.array([-1, 1]),
        }
        nodes += [
            helper.make_node(
                "AveragePool", ["red"], [f"mean{stride}"], kernel_shape=[stride] * 2, strides=[stride] * 2
            ),
            helper.make_node("Reshape", [f"mean{stride}", f"flat{stride}"], [f"one{stride}"]),
            helper.make_node("Mul", [f"one{stride}", f"first{stride}"], [f"two{stride}"]),
            helper.make_node("Reshape", [f"two{stride}", f"rows{stride}"], [f"score{stride}"]),
        ]
        outputs.append((f"score{stride}", [count, 1]))
    for stride in (8, 16, 32):
        count = 2 * (size[0] // stride) * (size[1] // stride)
        for name, values in (("bbox", [4, 4, 12, 12]), ("kps", [0, 0, 8, 0, 4, 4, 0, 8, 8, 8])):
            weights[f"{name}{stride}"] = np.tile(np.float32(values) / 8, (count, 1))
            nodes.append(helper.make_node("Identity", [f"{name}{stride}"], [f"{name}_{stride}"]))
            outputs.append((f"{name}_{stride}", [count, len(values)]))
    weights = {k: v if v.dtype == np.float32 else v.astype(np.int64) for k, v in weights.items()}
    save_onnx(path, nodes, [("x", [1, 3, *size])], outputs, weights)
    path.with_suffix(".toml").write_text("mean = 0\nstd = 255\nscore = 0.9\n")
    return path


@pytest.mark.parametrize("size", [(200, 200), (70, 300), (256, 512), (97, 64)])
def test_small_faces_of_a_large_picture_are_found_where_they_are(tmp_path, size):
    """At the size that fits, a spot of 8 pixels is no longer bright: only parts at full resolution show it."""
    detector = OnnxDetector(bright_spot_detector(tmp_path / "det.onnx"))
    rng = np.random.default_rng(0)
    for _ in range(4):
        row, column = (int(rng.integers(0, length - 24)) for length in size)
        picture = np.zeros((*size, 3), np.uint8)
        picture[row : row + 24, column : column + 24] = 255
        found = detector.find_faces(picture)
        assert found
        for face in found:
            middle = ((face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2)
            assert middle == pytest.approx((column + 12, row + 12), abs=14)


def test_nothing_is_found_where_nothing_is(tmp_path):
    detector = OnnxDetector(bright_spot_detector(tmp_path / "det.onnx"))
    for size in ((20, 20), (64, 64), (300, 100)):
        assert detector.find_faces(np.zeros((*size, 3), np.uint8)) == []


def test_an_open_size_is_640_pixels(tmp_path):
    path = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.9, BOX, 40)], 640), dynamic=True)
    (face,) = OnnxDetector(path).find_faces(np.zeros((320, 320, 3), np.uint8))
    assert face.box.left == 8


def test_a_card_says_otherwise(tmp_path):
    path = constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.45, BOX, 40)]))
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    before = OnnxDetector(path)
    assert before.find_faces(picture) == []
    path.with_suffix(".toml").write_text('kind = "scrfd"\nscore = 0.4\nlicence = "MIT"\n')
    after = OnnxDetector(path)
    assert len(after.find_faces(picture)) == 1
    assert after.licence == "MIT"
    assert after.identity != before.identity


def test_what_is_no_detector_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"the outputs of .*net\.onnx \(1×5\) are of no face detector that is known: yunet"
    ):
        OnnxDetector(linear_onnx(tmp_path / "net.onnx", np.eye(48, 5)))
    boxes = constant_onnx(tmp_path / "boxes.onnx", faces_of_scrfd([], landmarks=False))
    with pytest.raises(InputError, match="gives boxes without landmarks, so faces cannot be aligned"):
        OnnxDetector(boxes)
    other = constant_onnx(tmp_path / "other.onnx", faces_of_scrfd([], 96))
    with pytest.raises(InputError, match=r"the outputs of .* are not those of scrfd for 64×64 pixels"):
        OnnxDetector(other)
    (tmp_path / "other.toml").write_text('kind = "ssd"')
    with pytest.raises(InputError, match="says kind = 'ssd'; choose yunet, scrfd, retinaface, retinaface-mxnet"):
        OnnxDetector(other)


def test_nan_and_batches_of_several_are_refused(tmp_path):
    broken = faces_of_scrfd([])
    broken["score_8"][0] = np.nan
    with pytest.raises(VectorError, match="detector det gave NaN for a picture"):
        OnnxDetector(constant_onnx(tmp_path / "det.onnx", broken)).find_faces(np.zeros((SIDE, SIDE, 3), np.uint8))
    with pytest.raises(InputError, match="takes 2 pictures at once; export it for a batch of 1"):
        OnnxDetector(linear_onnx(tmp_path / "two.onnx", np.eye(48, 5), batch=2))


@pytest.fixture
def net(tmp_path):
    """A network that gives the mean colour of three rows of an aligned face, beside a detector."""
    constant_onnx(tmp_path / "det.onnx", faces_of_scrfd([(0.9, BOX, 40)]))
    matrix = np.zeros((3, 112, 112, 3), np.float32)
    for row in range(3):
        matrix[:, 20 + 30 * row, :, row] = 1
    path = linear_onnx(tmp_path / "net.onnx", matrix.reshape(-1, 3), size=(112, 112))
    write_card(path, alignment="arcface-112", detector="det.onnx")
    return path


def test_a_model_aligns_the_faces_that_its_detector_finds(net, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    embedder = Embedder.load(net)
    (face,) = embedder.faces(picture)
    assert np.array(face.landmarks) == pytest.approx(POINTS, abs=1e-4)
    chip = align_to_template(picture, face, "arcface-112", 112)
    assert (embedder.prepare(picture).pixels == chip).all()
    want = chip[[20, 50, 80]].astype(float).sum(axis=(1, 2))
    assert embedder.embed([picture])[0] == pytest.approx(want / np.linalg.norm(want), abs=1e-5)


def test_another_detector_makes_another_model(net, tmp_path):
    """Its landmarks decide what the network sees, so its vectors are not to be mixed with the first's."""
    other = constant_onnx(tmp_path / "other.onnx", faces_of_scrfd([(0.9, BOX + 1, 40)]))
    first, second = Embedder.load(net), Embedder.load(net, detector=other)
    assert first.fingerprint != second.fingerprint
    assert second.faces(np.zeros((SIDE, SIDE, 3), np.uint8))[0].box.left == 17


def test_a_detector_is_refused_where_it_would_not_be_used(net, tiny_model):
    with pytest.raises(InputError, match=r"keeps the detector it was made with; leave out --detector"):
        Embedder.load(tiny_model, detector=net.with_name("det.onnx"))
