"""The whole API, asked at random by schemathesis with every role: no 5xx, no answer that contradicts the schema."""

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import checks as found

from lookalike.service import ServiceSettings, create_app

#: The application is only asked for its schema here; a running one answers.
schema = schemathesis.openapi.from_dict(create_app(ServiceSettings()).openapi())

#: What is sent at random is refused in many ways: that it is refused is tested by hand.
LEFT_OUT = [
    found.positive_data_acceptance,  # pictures made at random are none
    found.negative_data_rejection,
    found.unsupported_method,  # answered as every refusal is, without a route
    found.ignored_auth,  # `test_roles`
]


def asked_as(role):
    """A test that asks every operation with a key of this role."""

    @pytest.mark.slow
    @schema.parametrize()
    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    def test(shared_service, case):
        case.call_and_validate(
            base_url=shared_service.address, headers=shared_service.headers(role), excluded_checks=LEFT_OUT
        )

    return test


test_no_answer_to_a_reader_contradicts_the_schema = asked_as("reader")
test_no_answer_to_an_operator_contradicts_the_schema = asked_as("operator")
test_no_answer_to_an_admin_contradicts_the_schema = asked_as("admin")


def test_the_schema_says_what_is_sent(shared_service):
    told = httpx2.get(f"{shared_service.address}/v1/openapi.json").json()
    for path in ("/v1/detect", "/v1/embed", "/v1/verify", "/v1/identify", "/v1/people"):
        content = told["paths"][path]["post"]["requestBody"]["content"]
        assert content["multipart/form-data"]["schema"]["properties"]["pictures"]["items"]["format"] == "binary"
        assert "pictures" in content["application/json"]["schema"]["required"]
    assert told["components"]["securitySchemes"]
