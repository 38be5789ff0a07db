"""The description of the API that a gateway serves: valid, whole, committed, and true of what goes out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import requests
from aiohttp import web
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

import schemas
from gateway.api.endpoint import IBM_PREFIX
from gateway.api.routes import build_application
from gateway.app import open_gateway
from gateway.settings import Settings
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until

COMMITTED = Path(schemas.__file__).with_name("openapi.json")


@pytest.fixture(scope="module")
def served(running: GatewayProcess) -> dict:
    answer = requests.get(f"{running.url}/openapi.json", timeout=10)
    assert answer.headers["Content-Type"].startswith("application/json")
    return answer.json()


@pytest.fixture
async def application(tmp_path: Path):
    gateway = await open_gateway(Settings(data_dir=tmp_path))
    yield build_application(gateway.services)
    await gateway.stop()


def test_it_is_valid_openapi(served):
    validate(served)


def test_the_committed_copy_is_what_is_served(served):
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == served


def places(described: dict) -> set[tuple[str, str]]:
    """Methods and paths, under every server that an operation names."""
    return {
        (method.upper(), server["url"].rstrip("/") + path)
        for path, item in described["paths"].items()
        for method, operation in item.items()
        for server in operation.get("servers", described["servers"])
    }


def test_every_route_is_described_and_nothing_else(served, application: web.Application):
    mounted = {
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert mounted == places(served)
    assert any(path.startswith(IBM_PREFIX) for _, path in mounted)


def test_every_operation_says_what_it_is_for_and_answers_with_described_bodies(served):
    for path, item in served["paths"].items():
        for method, operation in item.items():
            assert operation["summary"] and operation["tags"], (method, path)
            success = [status for status in operation["responses"] if status.startswith("2")]
            assert success, (method, path)
            for status in success:
                told = operation["responses"][status]
                silent = status == "204" or method == "options"
                assert silent or told["content"], (method, path, status)


def test_every_field_of_ours_that_needs_words_has_them(served):
    for item in served["paths"].values():
        for operation in item.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "header":
                    assert parameter["description"]
    problem = served["components"]["schemas"]["ProblemBody"]["properties"]
    assert all(field["description"] for field in problem.values())


def judge(described: dict, reference: dict) -> Draft202012Validator:
    """A validator by one component of the description."""
    registry = Registry().with_resource("urn:described", Resource(described, DRAFT202012))
    return Draft202012Validator({"$ref": "urn:described" + reference["$ref"]}, registry=registry)


async def test_a_delivered_webhook_is_as_described(served, running: GatewayProcess):
    described = served["webhooks"]["event"]["post"]
    async with running.client() as client, HttpSink() as sink:
        route = await client.webhook_route(sink.url("/hook"))
        await client.send(cloudevent("1", data={"a": [1, None]}, subject="ü"), route["source"])
        await until(lambda: bool(sink.requests))
    received = sink.requests[0]
    for parameter in described["parameters"]:
        assert parameter["in"] == "header" and parameter["required"]
        assert received.headers[parameter["name"]]
    content = described["requestBody"]["content"][received.headers["Content-Type"].partition(";")[0]]
    judge(served, content["schema"]).validate(json.loads(received.body))
    assert {"2XX", "3XX", "410", "429", "5XX"} <= set(described["responses"])


async def test_an_error_has_the_described_body(served, running: GatewayProcess):
    async with Client(running.url) as client:
        _, told = await client.call("POST", "topics", {"name": "", "sources": [{"id": 1}]})
    judge(served, {"$ref": "#/components/schemas/ProblemBody"}).validate(told)
    pointers = {one["pointer"] for one in told["problems"]}
    assert pointers == {"/name", "/sources/0/id", "/sources/0/rules"}
    assert all(re.fullmatch(r"[a-z_]+", one["code"]) for one in told["problems"])
