"""The audit log as workflows."""

import json

import pytest

from lookalike.errors import ArtefactError, InputError, UnknownIdentityError
from lookalike.gallery import open_gallery
from lookalike.workflows.audit import (
    AuditExportOptions,
    AuditPolicyOptions,
    AuditShowOptions,
    AuditVerifyOptions,
    audit_policy,
    export_audit,
    show_audit,
    verify_audit,
)
from lookalike.workflows.forget import ForgetOptions, forget


@pytest.fixture
def folder(tmp_path):
    with open_gallery(tmp_path / "g", actor="desk") as gallery:
        gallery.bind("f", "net", "euclidean", 2)
        gallery.enroll("Ada", [[1.0, 0.0], [0.0, 1.0]])
        gallery.enroll("Bob", [1.0, 1.0])
    return tmp_path / "g"


def test_entries_are_shown_by_act_time_and_name(folder):
    shown = show_audit(AuditShowOptions(gallery=folder))
    assert (shown.policy, shown.subject, [entry.act for entry in shown.entries]) == ("acts", None, ["enroll"] * 2)
    of_bob = show_audit(AuditShowOptions(gallery=folder, name="Bob"))
    assert [entry.n for entry in of_bob.entries] == [2]
    assert of_bob.entries[0].subjects == (of_bob.subject,)
    assert show_audit(AuditShowOptions(gallery=folder, act="forget")).entries == ()
    assert show_audit(AuditShowOptions(gallery=folder, since="2999-01-01")).entries == ()
    at = shown.entries[1].at
    assert [entry.n for entry in show_audit(AuditShowOptions(gallery=folder, since=at)).entries] in ([1, 2], [2])
    assert len(show_audit(AuditShowOptions(gallery=folder, since="2020-01-01T00:00+14:00")).entries) == 2
    with pytest.raises(InputError, match="the moment is 'yesterday'"):
        show_audit(AuditShowOptions(gallery=folder, since="yesterday"))
    with pytest.raises(UnknownIdentityError, match="'Cyd' is not in"):
        show_audit(AuditShowOptions(gallery=folder, name="Cyd"))


def test_a_log_is_verified_against_a_head_and_a_receipt(folder, tmp_path):
    head = verify_audit(AuditVerifyOptions(gallery=folder)).head
    assert verify_audit(AuditVerifyOptions(gallery=folder, head=head.upper())).fault is None
    done = forget(ForgetOptions(name="Ada", gallery=folder, receipt=tmp_path / "r.json"))
    assert (done.templates, done.found_in) == (2, ())
    receipt = tmp_path / "r.json"
    assert verify_audit(AuditVerifyOptions(gallery=folder, receipt=receipt)).fault is None
    changed = json.loads(receipt.read_text()) | {"templates": 1}
    receipt.write_text(json.dumps(changed))
    verdict = verify_audit(AuditVerifyOptions(gallery=folder, receipt=receipt))
    assert (verdict.first_bad, "tells of another forgetting" in verdict.fault) == (3, True)
    assert "not there" in verify_audit(AuditVerifyOptions(gallery=folder, head="0" * 63 + "1")).fault
    with pytest.raises(InputError, match="give the 64 hexadecimal digits"):
        verify_audit(AuditVerifyOptions(gallery=folder, head="abc"))


def test_no_receipt_is_written_and_nobody_forgotten_where_the_folder_is_missing(folder, tmp_path):
    with pytest.raises(OSError, match="the receipt needs a folder"):
        forget(ForgetOptions(name="Ada", gallery=folder, receipt=tmp_path / "no" / "r.json"))
    with open_gallery(folder) as gallery:
        assert gallery.names() == ["Ada", "Bob"]


def test_the_log_is_exported_as_json_lines(folder, tmp_path):
    done = export_audit(AuditExportOptions(output=tmp_path / "a.jsonl", gallery=folder))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert (done.entries, done.head) == (2, lines[-1]["hash"])
    assert lines[0]["actor"] == "desk"
    assert set(lines[0]) == {"n", "at", "actor", "act", "subjects", "details", "previous", "hash"}


def test_a_policy_is_asked_and_set(folder):
    assert audit_policy(AuditPolicyOptions(gallery=folder)).policy == "acts"
    assert audit_policy(AuditPolicyOptions(policy="searches", gallery=folder)).policy == "searches"
    with pytest.raises(InputError, match="expected acts or searches"):
        audit_policy(AuditPolicyOptions(policy="none", gallery=folder))


def test_no_gallery_is_made(tmp_path):
    with pytest.raises(ArtefactError, match="none is not there"):
        verify_audit(AuditVerifyOptions(gallery=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
