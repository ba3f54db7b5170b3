"""How often somebody may ask; what wrong keys cost."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.service_server import running_service

from lookalike.service.callers import Rates


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 50))
def test_never_more_than_a_minutes_worth_saved_up_and_what_came_since(pauses, per_minute):
    now, let_in = 0.0, 0
    rates = Rates(per_minute, clock=lambda: now)
    for pause in pauses:
        now += pause
        wait = rates.wait("ada")
        let_in += wait == 0
        assert let_in <= per_minute + now * per_minute / 60 + 1e-6
        if wait:
            before, now = now, now + wait + 1e-9
            assert rates.wait("ada", take=False) == 0  # the wait that was told is enough
            now = before


def test_callers_do_not_share_a_bucket():
    rates = Rates(1, clock=lambda: 0.0)
    assert [rates.wait(who) for who in ("a", "b", "a")] == [0, 0, 60]


def test_no_limit():
    assert not any(Rates(0).wait("a") for _ in range(1000))


@pytest.mark.network
def test_too_many_requests_are_told_when_to_come_again(tiny_model, tmp_path):
    with running_service(tmp_path, model=str(tiny_model), rate=3) as service:
        answers = [httpx2.get(f"{service.address}/v1/service", headers=service.headers()) for _ in range(5)]
        assert [one.status_code for one in answers[:3]] == [200] * 3
        assert answers[4].status_code == 429
        assert answers[4].json()["error"]["code"] == "rate_limited"
        assert 1 <= int(answers[4].headers["Retry-After"]) <= 20
        # Others are not kept waiting.
        other = httpx2.get(f"{service.address}/v1/service", headers=service.headers("reader"))
        assert other.status_code == 200


@pytest.mark.network
def test_guessing_the_secret_of_a_key_is_slowed_down(tiny_model, tmp_path):
    with running_service(tmp_path, model=str(tiny_model)) as service:
        wrong = {"Authorization": f"Bearer {service.keys['admin'][:-1]}x"}
        codes = [httpx2.get(f"{service.address}/v1/service", headers=wrong).status_code for _ in range(25)]
        assert set(codes) == {401, 429}
        # A key that was verified before is not kept out.
        nonsense = {"Authorization": "Bearer nonsense"}
        assert httpx2.get(f"{service.address}/v1/service", headers=nonsense).status_code == 401
