"""Outputs of detectors mean the faces that were put into them: each kind encoded by its authors' formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.embedder.detector_outputs import KINDS, kept_by_suppression

SIZE = (64, 96)
#: Box and landmarks of a face in the pixels of the network's input.
BOX = np.array([18.0, 10.5, 44.0, 41.0])
POINTS = np.array([[25.0, 20.0], [37.0, 20.5], [31.0, 27.0], [26.0, 34.0], [36.0, 33.0]])


def cells(stride):
    return SIZE[0] // stride, SIZE[1] // stride


def planted(widths, strides=(8, 16, 32), anchors=1):
    """Arrays of zeros, `(cells · anchors, width)`, by (width, stride)."""
    return {
        (key, stride): np.zeros((cells(stride)[0] * cells(stride)[1] * anchors, width))
        for key, width in widths.items()
        for stride in strides
    }


def yunet(stride, row, column, score):
    out = planted({"cls": 1, "obj": 1, "bbox": 4, "kps": 10})
    at = row * cells(stride)[1] + column
    out["cls", stride][at], out["obj", stride][at] = score**2, 1.0
    centre, length = (BOX[:2] + BOX[2:]) / 2, BOX[2:] - BOX[:2]
    out["bbox", stride][at] = [*(centre / stride - [column, row]), *np.log(length / stride)]
    out["kps", stride][at] = (POINTS / stride - [column, row]).ravel()
    return [one[None] for one in out.values()]


def scrfd(stride, row, column, score, strides=(8, 16, 32), anchors=2):
    out = planted({"score": 1, "bbox": 4, "kps": 10}, strides, anchors)
    at = (row * cells(stride)[1] + column) * anchors + anchors - 1
    centre = np.array([column, row]) * stride
    out["score", stride][at] = score
    out["bbox", stride][at] = np.concatenate([centre - BOX[:2], BOX[2:] - centre]) / stride
    out["kps", stride][at] = ((POINTS - centre) / stride).ravel()
    return list(out.values())


def retinaface(stride, row, column, score):
    lengths = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
    before = sum(2 * np.prod(cells(one)) for one in (8, 16, 32) if one < stride)
    at, side = before + 2 * (row * cells(stride)[1] + column) + 1, lengths[stride][1]
    total = sum(2 * np.prod(cells(one)) for one in (8, 16, 32))
    loc, conf, landms = np.zeros((total, 4)), np.zeros((total, 2)), np.zeros((total, 10))
    prior = (np.array([column, row]) + 0.5) * stride
    conf[at] = [1 - score, score]
    loc[at] = [*(((BOX[:2] + BOX[2:]) / 2 - prior) / side / 0.1), *(np.log((BOX[2:] - BOX[:2]) / side) / 0.2)]
    landms[at] = ((POINTS - prior) / side / 0.1).ravel()
    return [loc[None], conf[None], landms[None]]


def retinaface_mxnet(stride, row, column, score):
    scores, boxes, points = ({one: np.zeros((1, c, *cells(one))) for one in (32, 16, 8)} for c in (4, 8, 20))
    side = {8: 16, 16: 64, 32: 256}[stride]  # the second, smaller anchor
    centre = np.array([column, row]) * stride + 7.5
    scores[stride][0, 3, row, column] = score
    length = BOX[2:] - BOX[:2] + 1
    boxes[stride][0, 4:, row, column] = [*(((BOX[:2] + BOX[2:]) / 2 - centre) / side), *np.log(length / side)]
    points[stride][0, 10:, row, column] = ((POINTS - centre) / side).ravel()
    return [one[stride] for stride in (32, 16, 8) for one in (scores, boxes, points)]


@pytest.mark.parametrize("where", [(8, 3, 4), (16, 1, 2), (32, 0, 1)])
@pytest.mark.parametrize(
    ("name", "encode"),
    [("yunet", yunet), ("scrfd", scrfd), ("retinaface", retinaface), ("retinaface-mxnet", retinaface_mxnet)],
)
def test_a_planted_face_is_found(name, encode, where):
    outputs = encode(*where, 0.81)
    shapes = [one.shape for one in outputs]
    assert [kind.name for kind in KINDS.values() if kind.matches(shapes)] == [name]
    found = KINDS[name].decode(outputs, SIZE)
    (at,) = np.flatnonzero(found.scores > 0.5)
    assert found.scores[at] == pytest.approx(0.81)
    assert found.boxes[at] == pytest.approx(BOX, abs=1e-6)
    assert found.landmarks[at] == pytest.approx(POINTS, abs=1e-6)


def test_the_order_of_outputs_in_the_file_does_not_matter():
    outputs = scrfd(16, 1, 2, 0.7)
    shuffled = [outputs[at] for at in np.random.default_rng(0).permutation(9)]
    assert (KINDS["scrfd"].decode(shuffled, SIZE).boxes == KINDS["scrfd"].decode(outputs, SIZE).boxes).all()


def test_scrfd_with_five_strides_and_one_anchor(monkeypatch):
    import sys

    monkeypatch.setattr(sys.modules[__name__], "SIZE", (128, 256))
    outputs = scrfd(64, 1, 2, 0.7, (8, 16, 32, 64, 128), 1)
    assert KINDS["scrfd"].matches([one.shape for one in outputs])
    found = KINDS["scrfd"].decode(outputs, (128, 256))
    assert found.boxes[found.scores.argmax()] == pytest.approx(BOX)


def test_scrfd_without_landmarks_has_none():
    outputs = [one for one in scrfd(8, 3, 4, 0.9) if one.shape[1] != 10]
    assert KINDS["scrfd"].matches([one.shape for one in outputs])
    found = KINDS["scrfd"].decode(outputs, SIZE)
    assert found.landmarks.shape[1] == 0
    assert found.boxes[found.scores.argmax()] == pytest.approx(BOX)


def test_other_outputs_are_of_no_kind():
    for shapes in ([(1, 512)], [(1, 100, 4), (1, 100, 81)], [(4,)] * 12, [(1, 1, 1, 1, 1, 1, 200, 7)]):
        assert not any(kind.matches(shapes) for kind in KINDS.values())


def test_a_part_of_an_enlarged_picture_is_moved_back():
    found = KINDS["scrfd"].decode(scrfd(8, 3, 4, 0.9), SIZE).moved(2.0, 100, 40)
    at = found.scores.argmax()
    corner = np.array([100, 40])
    assert found.boxes[at] == pytest.approx((BOX + np.tile(corner, 2)) / 2)
    assert found.landmarks[at] == pytest.approx((POINTS + corner) / 2)


def overlap_of(a, b):
    across = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    down = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (a, b)]
    return across * down / (sum(areas) - across * down)


box = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))


@given(st.lists(st.tuples(box, st.floats(0, 1)), max_size=25), st.floats(0.05, 0.95))
def test_suppression_keeps_the_best_of_those_that_overlap(found, most):
    boxes = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in found], float).reshape(-1, 4)
    scores = np.array([score for _, score in found])
    kept = []
    for at in sorted(range(len(found)), key=lambda at: -scores[at]):  # the oracle: one after the other
        if all(overlap_of(boxes[at], boxes[other]) <= most for other in kept):
            kept.append(at)
    assert kept_by_suppression(boxes, scores, most) == kept
