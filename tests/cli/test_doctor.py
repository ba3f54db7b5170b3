"""`lookalike doctor`: a table or JSON, and an exit code that a script can use."""

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:pkg_resources")


@pytest.fixture(autouse=True)
def _any_port(monkeypatch):
    """Who listens at the default port of the machine that tests is no matter of these tests."""
    monkeypatch.setenv("LOOKALIKE_SERVICE_PORT", "0")


def test_findings_are_told_and_a_fault_is_the_exit_code(lookalike, tmp_path):
    gallery = ("--gallery", tmp_path / "people.gallery")
    fine = lookalike("doctor", *gallery)
    assert fine.code == 0
    assert "is not there yet" in fine.out
    wrong = lookalike("doctor", *gallery, "--model", tmp_path / "none", "--json")
    assert (wrong.code, wrong.document["faults"]) == (1, 1)
    (fault,) = (one for one in wrong.document["findings"] if one["verdict"] == "fault")
    assert fault["check"] == "model"
    assert "lookalike train" in fault["advice"]


def test_a_settings_file_is_looked_at_and_a_wrong_one_refused(lookalike, refused, tmp_path):
    settings = tmp_path / "service.toml"
    settings.write_text(f'gallery = "{tmp_path}/people.gallery"\nhost = "0.0.0.0"')
    told = lookalike("doctor", "--config", settings, "--quick", "--json").document
    (address,) = (one for one in told["findings"] if one["check"] == "address")
    assert "can be reached from elsewhere" in address["said"]
    settings.write_text("nonsense = 1")
    refused(lookalike("doctor", "--config", settings), "nonsense")
