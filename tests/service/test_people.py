"""People of the gallery over HTTP: enrolled, replaced, tagged, renamed, merged, split, undone, forgotten."""

import httpx2
import pytest

from lookalike.client import ServiceError


def test_a_persons_life(client, service, faces):
    done = client.enroll("Ada / Lovelace", faces["s01"][:2], tags={"site": "Berlin"})
    assert (done.identity, len(done.template_ids)) == ("Ada / Lovelace", 2)
    again = client.enroll("Ada / Lovelace", faces["s01"][1:3])
    assert again.template_ids[0] == done.template_ids[1]  # the same picture is not stored twice
    person = client.person("Ada / Lovelace")
    assert (person.templates, person.tags) == (3, {"site": "Berlin"})
    assert [one.id for one in person.enrolled] == [*done.template_ids, again.template_ids[1]]

    assert client.tag("Ada / Lovelace", {"site": None, "role": "staff"}).tags == {"role": "staff"}
    replaced = client.replace("Ada / Lovelace", faces["s01"][4])
    assert client.person("Ada / Lovelace").templates == len(replaced.template_ids) == 1

    act = client.rename("Ada / Lovelace", "Ada")
    assert act.identities == {"Ada / Lovelace": "Ada"}
    assert client.identify(faces["s01"][5]).pictures[0].answers[0].identity == "Ada"
    assert client.undo(act.id).undone
    assert [one.name for one in client.people()] == ["Ada / Lovelace"]

    assert client.forget("Ada / Lovelace").templates == 1
    with pytest.raises(ServiceError, match="Ada / Lovelace") as unknown:
        client.forget("Ada / Lovelace")
    assert (unknown.value.status, unknown.value.code) == (404, "unknown_identity")
    assert client.gallery().identities == 0


def test_merge_split_and_acts(client, faces):
    one = client.enroll("one", faces["s01"][:2])
    client.enroll("two", faces["s01"][2:4])
    act = client.merge(["two"], "one")
    assert client.person("one").templates == 4
    client.split("one", one.template_ids[:1], "three")
    assert [(who.name, who.templates) for who in client.people()] == [("one", 3), ("three", 1)]
    assert [done.kind for done in client.acts().acts] == ["split", "merge"]
    with pytest.raises(ServiceError) as later:
        client.undo(act.id)
    assert later.value.status == 422
    gone = client.forget_template(one.template_ids[0])
    assert (gone.templates, gone.identities) == (1, 1)
    assert client.forget_template(one.template_ids[0]).templates == 0


def test_pages_hold_everybody_once(client, faces):
    names = [f"person {number:02}" for number in range(7)]
    for name in names:
        client.enroll(name, faces["s01"][0], tags={"even": "yes" if int(name[-1]) % 2 == 0 else "no"})
    page = client.page(3)
    assert [one.name for one in page.people] == names[:3]
    assert page.next == names[2]
    assert [one.name for one in client.page(100, after=names[4]).people] == names[5:]
    assert [one.name for one in client.people(where={"even": "yes"})] == names[::2]
    assert [one.name for one in client.people(prefix="person 06")] == names[6:]


def test_retention(client, faces):
    client.enroll("old", faces["s01"][0])
    assert client.forget_before("2001-01-01").templates == 0
    assert client.forget_before("2999-01-01").identities == 1
    with pytest.raises(ServiceError, match="no date"):
        client.forget_before("yesterday")


def test_a_repeated_enrolment_does_nothing_under_its_key(client, faces):
    first = client.enroll("Ada", faces["s01"][0], key="request-17")
    with pytest.raises(ServiceError, match="request-17"):
        client.enroll("Bob", faces["s02"][0], key="request-17")
    client.forget("Ada")
    assert client.enroll("Ada", faces["s01"][0], key="request-17") == first
    assert client.gallery().identities == 0  # who was forgotten meanwhile stays forgotten


def test_keys_of_two_callers_are_two(service, faces):
    with service.client("admin") as admin, service.client("operator") as operator:
        admin.enroll("Ada", faces["s01"][0], key="1")
        operator.enroll("Bob", faces["s02"][0], key="1")
        assert [one.name for one in admin.people()] == ["Ada", "Bob"]


def test_the_audit_log_names_who_asked(service, faces):
    with service.client("operator") as operator, service.client("admin") as admin:
        operator.enroll("Ada", faces["s01"][0])
        admin.forget("Ada")
        entries = list(admin.audit())
        assert [one.act for one in entries] == ["enroll", "forget"]
        assert [one.actor.split(" (")[0] for one in entries] == ["operator", "admin"]
        assert next(admin.audit(after=1)).n == 2
        verdict = admin.audit_verdict()
        assert (verdict.entries, verdict.fault) == (2, None)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 300, "\u202eAda"])
def test_unusable_names_are_refused_and_nothing_is_stored(client, faces, name):
    with pytest.raises(ServiceError) as refused:
        client.enroll(name, faces["s01"][0])
    assert refused.value.status == 422
    assert client.gallery().templates == 0


def test_names_stay_out_of_the_log(service, client, faces, caplog):
    caplog.set_level("INFO")
    client.enroll("Rumpelstiltskin", faces["s01"][0])
    client.person("Rumpelstiltskin")
    client.forget("Rumpelstiltskin")
    # Ours only: the server's own and the client's are not what `serve` writes, which `test_run` reads.
    lines = "\n".join(
        one.getMessage() + str(one.__dict__) for one in caplog.records if one.name.startswith("lookalike")
    )
    assert "/v1/people/{name:path}" in lines
    assert "Rumpelstiltskin" not in lines
    assert not any(key in lines for key in service.keys.values())


def test_a_field_that_is_not_known_is_refused(service, faces):
    answer = httpx2.post(
        f"{service.address}/v1/people",
        headers=service.headers(),
        files=[("pictures", faces["s01"][0].read_bytes())],
        data={"name": "Ada", "tag": "x"},
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["details"]["fields"][0]["field"] == "tag"
