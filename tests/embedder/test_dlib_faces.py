"""The pretrained dlib embedder."""

import numpy as np
import pytest

from lookalike import Embedder
from lookalike.datasets import read_pictures
from lookalike.errors import ImageError, InputError
from lookalike.evaluation.retrieval.ranking_metrics import self_retrieval
from lookalike.evaluation.verification.all_pairs import verify_all_pairs
from lookalike.images import read_picture

pytest.importorskip("dlib", reason="the extra faces is not installed")


@pytest.fixture(scope="module")
def dlib_faces():
    return Embedder.load("dlib", cropped=True)


def test_the_same_person_is_near_and_another_far(dlib_faces, orl):
    vectors = dlib_faces.embed([orl.paths[0], orl.paths[1], orl.paths[10]])
    assert vectors.shape == (3, 128)
    assert vectors.dtype == np.float32
    threshold = dlib_faces.threshold().distance
    assert np.linalg.norm(vectors[0] - vectors[1]) < threshold < np.linalg.norm(vectors[0] - vectors[2])


def test_it_says_where_its_threshold_comes_from(dlib_faces):
    assert dlib_faces.threshold().distance == 0.6
    assert "not measured on your pictures" in dlib_faces.threshold().source
    with pytest.raises(InputError, match=r"has one threshold, .*leave out --fmr"):
        dlib_faces.threshold(0.001)


def test_embedding_is_repeatable_in_any_batch(dlib_faces, orl):
    together = dlib_faces.embed(orl.paths[:3])
    alone = np.concatenate([dlib_faces.embed([path]) for path in orl.paths[:3]])
    assert np.array_equal(together, alone)  # a gallery knows a picture again by its bits


def test_every_face_is_embedded_as_it_is_alone(dlib_faces, orl):
    scene = np.full((400, 500, 3), 127, np.uint8)
    scene[200:312, 30:122] = read_picture(orl.paths[0])
    scene[100:324, 250:434] = np.repeat(np.repeat(read_picture(orl.paths[10]), 2, axis=0), 2, axis=1)
    assert dlib_faces.finds_faces
    faces, prepared = zip(*dlib_faces.prepare_faces(scene), strict=True)
    assert list(faces) == dlib_faces.faces(scene)
    vectors = dlib_faces.embed_prepared(np.stack([one.pixels for one in prepared]))
    assert vectors.shape == (2, 128)
    assert np.allclose(vectors[:1], dlib_faces.embed([scene]), atol=1e-5)
    alone = dlib_faces.embed([orl.paths[10], orl.paths[0]])
    threshold = dlib_faces.threshold().distance
    assert (np.linalg.norm(vectors - alone, axis=1) < threshold).all()


def test_a_photograph_without_a_face(dlib_faces):
    with pytest.raises(ImageError, match="no face was found"):
        Embedder.load("dlib").embed([np.zeros((200, 200, 3), np.uint8)])


@pytest.mark.slow
def test_labelled_faces_in_the_wild(shared_data):
    """100 photographs of 10 people as they come: rank-1 leave-one-out 0.99 and EER 0.022 were measured.

    One photograph more or less that is found, another crop by a pixel, must not decide: hence the room.
    """
    pictures = read_pictures(shared_data / "lfw_10x10")
    embedder = Embedder.load("dlib")
    vectors = embedder.embed(pictures.paths)
    assert self_retrieval(vectors, pictures.identities, embedder.metric).recall[1] >= 0.95
    assert verify_all_pairs(vectors, pictures.identities, embedder.metric).eer <= 0.05
