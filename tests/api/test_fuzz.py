"""Every operation that the API describes, with what fits its description and with what does not.

Schemathesis makes the requests from the description that the gateway serves: every boundary of every schema
one by one, random bodies that fit and that do not, methods that are not there, missing keys, and sequences
that use what earlier answers said. The same requests every time. Hostile bytes, to which no description
leads, are in `tests/e2e/test_hostile_input.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import requests

from tests.api.fuzzing import Findings, load, prepare, run
from tests.harness import GatewayProcess

pytestmark = pytest.mark.timeout(300)
"""Seconds: all requests are made before the first test, about a minute on an idle machine."""

MAX_EXAMPLES = 12
NOT_REACHED = {
    "GET /openapi.json",  # where the fuzzer reads what there is
    "DELETE /v1/instances/{instance_id}/sources/{id}/keys/{key_id}",  # needs a key of that very source
    "POST /callbacks/{destination_id}/{delivery_id}",  # needs a vendor's signature
    "GET /unsubscribe/{token}",  # needs a link that only a mail has
    "POST /unsubscribe/{token}",
    "GET /acknowledge/{token}",
    "POST /acknowledge/{token}",
    "POST /v1/instances/{instance_id}/explain",  # needs a CloudEvent: tests/e2e/test_explain.py
    "POST /v1/instances/{instance_id}/presets/{name}/apply",  # needs targets: test_applied_presets.py
}


@pytest.fixture(scope="module")
def found(running: GatewayProcess) -> Iterator[Findings]:
    known = asyncio.run(prepare(running.url))
    yield run(load(running.url, known, max_examples=MAX_EXAMPLES))


def test_every_answer_is_as_described(found: Findings):
    told = [f"{what}\n  {sample[:1000]}" for what, sample in sorted(found.failures.items())]
    assert not told, "\n\n".join(told)


def test_every_operation_was_reached(found: Findings, running: GatewayProcess):
    described = requests.get(f"{running.url}/openapi.json", timeout=10).json()
    operations = {f"{method.upper()} {path}" for path, item in described["paths"].items() for method in item}
    assert found.cases > 3000
    never = {one for one in operations if not any(status < 300 for status in found.statuses(one))}
    assert never <= NOT_REACHED


def test_the_gateway_is_none_the_worse(found: Findings, running: GatewayProcess):
    assert found.cases and not running.exited
    assert requests.get(f"{running.url}/readyz", timeout=10).status_code == 200
    log = running.log_path.read_text()
    assert '"level":"error"' not in log and "Traceback" not in log
