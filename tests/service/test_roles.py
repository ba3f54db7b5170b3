"""Every route with every role: who may not, is refused; who may, is let in."""

import httpx2
import pytest
from fastapi.routing import APIRoute

from lookalike.service.api_keys import ROLES, allows
from lookalike.service.routes import ROUTERS

#: Routes that need no key: they tell nothing.
OPEN = {"/health/live", "/health/ready"}


def routes():
    """Method, path and role of every route of the API."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            roles = [one.call.role for one in route.dependant.dependencies if hasattr(one.call, "role")]
            assert len(roles) == (0 if route.path in OPEN else 1), f"{route.path} says not who may ask"
            found += [(method, route.path, roles[0] if roles else None) for method in sorted(route.methods)]
    return found


def asked(service, method, path, headers):
    address = path.replace("{name:path}", "Nobody").replace("{act_id}", "1").replace("{template_id}", "1")
    return httpx2.request(method, service.address + address, headers=headers)


def test_there_are_routes_for_every_role():
    assert {role for _, _, role in routes()} == {None, *ROLES}


@pytest.mark.parametrize(("method", "path", "role"), routes())
def test_without_a_key_only_health_answers(shared_service, method, path, role):
    for headers in ({}, {"Authorization": "Bearer lk-000000000000-0"}, {"Authorization": "Basic YTpi"}):
        answer = asked(shared_service, method, path, headers)
        if role is None:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path", "wanted"), [one for one in routes() if one[2] is not None])
def test_a_lesser_role_is_refused_and_a_higher_one_let_in(shared_service, method, path, wanted, role):
    answer = asked(shared_service, method, path, shared_service.headers(role))
    if allows(role, wanted):
        assert answer.status_code not in (401, 403)
        assert answer.status_code < 500
    else:
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"


def test_what_is_no_route_is_refused_in_the_same_form(shared_service):
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/v1/detect", 405), ("GET", "/", 404)):
        answer = httpx2.request(method, shared_service.address + path)
        assert answer.status_code == status
        told = answer.json()["error"]
        assert told["request_id"] == answer.headers["X-Request-ID"]
        assert told["code"] in ("not_found", "method_not_allowed")
