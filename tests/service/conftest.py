"""Services for tests: one that is only asked, one for each test that changes its gallery."""

import signal

import pytest
from tests.service_server import Serving, running_service


@pytest.fixture(scope="session")
def faces(people_folder):
    """Picture files of eight people, by name."""
    return {person.name: sorted(person.iterdir()) for person in sorted(people_folder.iterdir())}


@pytest.fixture(scope="module")
def shared_service(tiny_model, faces, tmp_path_factory):
    """A service whose gallery knows s01 to s03; tests ask it, and leave it as it is."""
    with running_service(tmp_path_factory.mktemp("service"), model=str(tiny_model)) as service:
        with service.client() as client:
            for name in ("s01", "s02", "s03"):
                client.enroll(name, faces[name][:3], tags={"number": name[1:]})
        yield service


@pytest.fixture
def service(tiny_model, tmp_path):
    """A service with an empty gallery of its own."""
    with running_service(tmp_path, model=str(tiny_model)) as running:
        yield running


@pytest.fixture
def client(service):
    with service.client() as made:
        yield made


@pytest.fixture
def serving():
    """Start services as processes; those that still run are killed after the test."""
    started = []

    def start(*arguments):
        started.append(Serving(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.end(signal.SIGKILL)
