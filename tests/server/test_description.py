"""The description of the service, held against the service by schemathesis, and its examples asked."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.conftest import Running
from weighbridge.server.examples import EXAMPLES
from weighbridge.server.openapi import description

EXAMPLES_EACH = int(os.environ.get("SERVICE_EXAMPLES", "12"))

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

schema = schemathesis.openapi.from_dict(description())


@schema.parametrize()
@settings(max_examples=EXAMPLES_EACH, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_its_description(case: Any, service: Running) -> None:
    case.call_and_validate(base_url=f"http://127.0.0.1:{service.port}", checks=CHECKS)


@pytest.mark.parametrize(("ask", "name"), [(ask, name) for ask, of in EXAMPLES.items() for name in of])
def test_every_example_is_answered_in_its_shape(ask: str, name: str, service: Running) -> None:
    answer = service.ask(ask, EXAMPLES[ask][name])
    assert answer.status == 200, answer.body
    import jsonschema_rs

    responses = description()["paths"][f"/api/v1/{ask}"]["post"]["responses"]
    shape = responses["200"]["content"]["application/json"]["schema"] | {"components": description()["components"]}
    jsonschema_rs.validator_for(shape).validate(answer.data)
    asked = description()["components"]["schemas"][f"Question_{ask}"]
    jsonschema_rs.validator_for(asked | {"components": description()["components"]}).validate(EXAMPLES[ask][name])


def test_it_is_served(service: Running) -> None:
    assert service.get("/api/v1/openapi.json").data == description()
