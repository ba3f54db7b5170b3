"""Acts over HTTP that are sent twice under one idempotency key."""

import pytest

from lookalike.errors import ServiceError


@pytest.fixture
def people(client, faces):
    for name in ("s01", "s02", "s03"):
        client.enroll(name, faces[name][:2])
    return client


def test_every_act_is_done_once_under_a_key(people):
    first = people.rename("s01", "Ada", key="a")
    assert people.rename("s01", "Ada", key="a") == first
    merged = people.merge(["Ada", "s02"], "Ada", key="b")
    assert people.merge(["Ada", "s02"], "Ada", key="b") == merged
    moved = [one.id for one in people.person("Ada").enrolled[:1]]
    split = people.split("Ada", moved, "Eve", key="c")
    assert people.split("Ada", moved, "Eve", key="c") == split
    undone = people.undo(split.id, key="d")
    assert people.undo(split.id, key="d") == undone
    assert undone.undone
    with pytest.raises(ServiceError, match="another key"):
        people.rename("s03", "Bob", key="a")
    assert len(people.acts().acts) == 3
    gone = people.forget("s03", key="e")
    assert people.forget("s03", key="e") == gone
    assert gone.templates == 2
    one = people.person("Ada").enrolled[0].id
    assert people.forget_template(one, key="f") == people.forget_template(one, key="f")
    with pytest.raises(ServiceError) as refused:
        people.forget("s03", key="g")
    assert refused.value.status == 404


def test_an_act_whose_people_were_forgotten_is_told(people):
    people.rename("s01", "Ada", key="a")
    people.forget("Ada")
    with pytest.raises(ServiceError, match="forgotten") as refused:
        people.rename("s01", "Ada", key="a")
    assert refused.value.status == 404


def test_keys_of_two_callers_are_two(service, people):
    people.rename("s01", "Ada", key="a")
    with service.client("operator") as other:
        assert other.rename("s02", "Bob", key="a").identities == {"s02": "Bob"}
