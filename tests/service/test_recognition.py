"""What the service answers is what the library answers."""

import base64
import json

import httpx2
import numpy as np
import pytest
from tests.service_server import running_service

from lookalike import Embedder, LandmarkRecognizer, Recognizer
from lookalike.client import ServiceError


@pytest.fixture(scope="module")
def library(shared_service, tiny_model):
    with Recognizer(Embedder.load(tiny_model), shared_service.settings.gallery) as recognizer:
        yield recognizer


@pytest.fixture(scope="module")
def reader(shared_service):
    with shared_service.client("reader") as client:
        yield client


def test_verify_is_the_librarys_answer(reader, library, faces):
    for pair in ([faces["s01"][0], faces["s01"][4]], [faces["s01"][0], faces["s05"][0]]):
        told, own = reader.verify(*pair), library.verify(*pair)
        assert told.distance == pytest.approx(own.distance, abs=1e-6)
        assert (told.match, told.decision, told.threshold_source) == (own.match, own.decision, own.threshold_source)


def test_identify_is_the_librarys_answer(reader, library, faces):
    probes = [faces["s02"][5], faces["s08"][0], faces["s03"][4]]
    told = reader.identify(probes, top=2)
    own = library.identify_many(probes, k=2)
    assert told.kind == "people"
    assert len(told.pictures) == len(own)
    for picture, expected in zip(told.pictures, own, strict=True):
        (answer,) = picture.answers
        assert (answer.decision, answer.identity) == (expected.decision, expected.identity)
        assert [one.identity for one in answer.candidates] == [one.identity for one in expected.candidates]
        assert [one.distance for one in answer.candidates] == pytest.approx(
            [one.distance for one in expected.candidates], abs=1e-6
        )
        assert answer.identities == 3
    assert [one.answers[0].identity for one in told.pictures] == ["s02", None, "s03"]


def test_a_filter_leaves_others_out(reader, faces):
    (found,) = reader.identify(faces["s02"][4], where={"number": ["01", "03"]}).pictures
    assert {one.identity for one in found.answers[0].candidates} == {"s01", "s03"}
    assert found.answers[0].identities == 2


def test_vectors_are_the_embedders_and_are_identified(reader, library, faces):
    told = reader.embed([faces["s01"][3], faces["s02"][3]])
    vectors = np.array([one.vector for one in told.pictures], np.float32)
    np.testing.assert_allclose(vectors, library.embedder.embed([faces["s01"][3], faces["s02"][3]]), atol=1e-6)
    assert (told.fingerprint, told.metric) == (library.embedder.fingerprint, "cosine")
    found = reader.identify_vectors(vectors)
    assert [one.answers[0].identity for one in found.pictures] == ["s01", "s02"]


def test_a_form_and_base64_are_one_question(shared_service, faces):
    content = faces["s01"][5].read_bytes()
    headers = shared_service.headers("reader")
    form = httpx2.post(
        f"{shared_service.address}/v1/identify",
        headers=headers,
        files=[("pictures", ("a", content))],
        data={"top": "2", "where": json.dumps({"number": ["01", "02"]})},
    )
    coded = base64.b64encode(content).decode()
    body = httpx2.post(
        f"{shared_service.address}/v1/identify",
        headers=headers,
        json={"pictures": [f"data:image/png;base64,{coded}"], "top": 2, "where": {"number": ["01", "02"]}},
    )
    assert form.status_code == body.status_code == 200
    assert form.json() == body.json()


def test_faces_are_refused_of_a_model_that_looks_for_none(reader, faces):
    with pytest.raises(ServiceError, match="looks for no faces") as refused:
        reader.detect(faces["s01"][0])
    assert (refused.value.status, refused.value.code) == (422, "unusable_input")
    with pytest.raises(ServiceError, match="looks for no faces"):
        reader.identify(faces["s01"][0], all_faces=True)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, 0.0]], "32"),
        ([[0.0] * 32], "zero|length"),
        ([[1.0] * 32, [1.0] * 31], "vector 2"),
        ([[1e300] * 32], "finite|large|long"),
    ],
)
def test_unusable_vectors_are_refused(reader, vectors, message):
    with pytest.raises(ServiceError, match=message) as refused:
        reader.identify_vectors(vectors)
    assert refused.value.status == 422


def test_no_path_is_read(shared_service, faces):
    for field in (str(faces["s01"][0]), "http://127.0.0.1/a.png", "file:///etc/passwd"):
        answer = httpx2.post(
            f"{shared_service.address}/v1/embed", headers=shared_service.headers(), json={"pictures": [field]}
        )
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] in ("invalid_request", "unusable_picture")
    form = {"pictures": str(faces["s01"][0])}
    answer = httpx2.post(f"{shared_service.address}/v1/embed", headers=shared_service.headers(), data=form)
    assert answer.status_code == 415  # without a file, no multipart form is sent


def test_a_gallery_of_places_is_served_in_the_same_way(tiny_model, people_folder, orl, tmp_path):
    names = ("s01", "s02", "s03")
    enrolled = [people_folder / name / f"{number}.png" for name in names for number in range(4)]
    others = orl.of(orl.names[9:29]).paths[::2][:100]
    gallery = tmp_path / "people.gallery"
    with LandmarkRecognizer(Embedder.load(tiny_model), str(gallery)) as recognizer:
        recognizer.enroll(enrolled, [path.parent.name for path in enrolled], others, promise_fpr=0.1)
        own = recognizer.identify(people_folder / "s02" / "4.png")
    with running_service(tmp_path, model=str(tiny_model)) as service, service.client() as client:
        told = client.identify(people_folder / "s02" / "4.png")
        (answer,) = told.pictures[0].answers
        assert (told.kind, answer.decision, answer.identity) == ("landmarks", own.decision, own.identity)
        assert answer.identity == "s02"
        assert answer.candidates[0].confidence == pytest.approx(own.confidence, abs=1e-5)
        assert answer.candidates[0].threshold == pytest.approx(own.threshold, abs=1e-5)
        thresholds = client.thresholds()
        assert thresholds.identify is None
        assert thresholds.promised["promise"] == 0.1
        before = client.gallery().templates
        client.enroll("s02", people_folder / "s02" / "3.png")  # it is there already
        assert client.gallery().templates == before
        client.enroll("s04", [people_folder / "s04" / f"{number}.png" for number in range(4)])
        assert client.identify(people_folder / "s04" / "4.png").pictures[0].answers[0].identity == "s04"
        assert client.forget("s04").identities == 1
        with pytest.raises(ServiceError, match="for people"):
            client.enroll("s05", people_folder / "s05" / "0.png", tags={"a": "b"})
        with pytest.raises(ServiceError, match="filter by tags"):
            client.identify(people_folder / "s01" / "4.png", where={"a": "b"})
