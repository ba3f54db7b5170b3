"""Settings: given before the environment, the environment before the file; what is wrong is named."""

from pathlib import Path

import pytest

from lookalike.errors import InputError
from lookalike.service import ServiceSettings


def test_given_goes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    file = tmp_path / "service.toml"
    file.write_text('model = "m"\nport = 1\nthreads = 7\nqueue = 5\n')
    monkeypatch.setenv("LOOKALIKE_SERVICE_PORT", "2")
    monkeypatch.setenv("LOOKALIKE_SERVICE_THREADS", "8")
    read = ServiceSettings.load(file, port=3, host=None)
    assert (read.model, read.port, read.threads, read.queue, read.host) == ("m", 3, 8, 5, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prot = 1", "no setting 'prot'"),
        ("port = 70000", "port is 70000"),
        ("port = 'x'", "port is 'x'"),
        ("fpir = nan", "fpir"),
        ("port =", "no TOML"),
        ("threads = 0\nqueue = -1", "and 1 more"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    file = tmp_path / "service.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        ServiceSettings.load(file)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        ServiceSettings.load(tmp_path / "none.toml")


def test_the_state_lies_beside_the_gallery():
    assert ServiceSettings(gallery="a/people.gallery").keys_file == Path("a/people.service/api-keys.json")
    assert ServiceSettings(gallery="milvus://h:1/n").state_folder == Path("lookalike.service")
    assert ServiceSettings(state=Path("s"), keys=Path("k.json")).keys_file == Path("k.json")


def test_on_loopback_only_its_own_names_are_answered():
    assert "localhost" in ServiceSettings().hosts
    assert ServiceSettings(host="0.0.0.0").hosts == ("*",)
    assert ServiceSettings(host="0.0.0.0", allowed_hosts=("a.example",)).hosts == ("a.example",)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        (None, ""),
        ("https://tiles.example.org/{z}/{x}/{y}.png", "https://tiles.example.org"),
        ("https://{s}.tiles.example.org/{z}/{x}/{y}.png?key=1", "https://*.tiles.example.org"),
        ("http://127.0.0.1:8080/{z}/{y}/{x}", "http://127.0.0.1:8080"),
    ],
)
def test_pages_may_take_pictures_from_the_host_of_map_tiles(given, host):
    assert ServiceSettings(map_tiles=given).map_tiles_from == host


@pytest.mark.parametrize(
    "given",
    [
        "tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org/{z}/{x}.png",
        "https://a.example; script-src */{z}/{x}/{y}",
        "https://{z}.example.org/{x}/{y}.png",
        "javascript:alert(1)//{z}/{x}/{y}",
        "",
    ],
)
def test_other_addresses_of_map_tiles_are_refused(given):
    with pytest.raises(InputError, match=r"map_tiles is .*expected an address with") as refused:
        ServiceSettings.load(map_tiles=given)
    assert "Value error" not in str(refused.value)
