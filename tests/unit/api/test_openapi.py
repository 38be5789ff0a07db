"""The OpenAPI document of a few small endpoints."""

import json
from enum import StrEnum

import pytest
from openapi_spec_validator import validate
from pydantic import BaseModel, Field

import schemas
from gateway.api.endpoint import Access, Endpoint, RawEndpoint
from gateway.api.openapi import document
from gateway.api.webhook_docs import webhooks
from gateway.domain.errors import Conflict, Invalid


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Widget(BaseModel):
    """A thing."""

    name: str
    colour: Colour = Colour.RED


class Query(BaseModel):
    limit: int = Field(10, ge=1, le=100, description="Rows in a page.")
    colour: Colour | None = Field(None, description="Only of this colour.")
    since: str


async def handler(call):
    return None


WIDGETS = "/v1/instances/{instance_id}/widgets"
GADGETS = "/v1/instances/{instance_id}/gadgets"
ENDPOINTS = [
    RawEndpoint(
        method="POST",
        path="/v1/instances/{instance_id}/events",
        handler=handler,
        summary="Take events",
        tag="ingest",
        access=Access.SENDER,
        status=202,
        answer=Widget,
        content={
            "application/cloudevents+json": schemas.load("cloudevents/cloudevents"),
            "application/cloudevents-batch+json": {
                "type": "array",
                "items": schemas.load("cloudevents/cloudevents"),
            },
        },
    ),
    Endpoint(
        method="POST",
        path=WIDGETS,
        handler=handler,
        summary="Create",
        tag="widgets",
        body=Widget,
        answer=Widget,
        status=201,
        also=(202,),
        multipart=True,
        ibm=True,
        raises=(Conflict, Invalid),
    ),
    Endpoint(
        method="GET", path=WIDGETS, handler=handler, summary="List", tag="widgets", query=Query, answer=Widget
    ),
    Endpoint(
        method="PATCH",
        path=WIDGETS + "/{id}",
        handler=handler,
        summary="Change",
        tag="widgets",
        body=Widget,
        description="What is not given stays.",
    ),
    Endpoint(
        method="DELETE", path=GADGETS + "/{id}", handler=handler, summary="Remove", tag="widgets", status=204
    ),
    Endpoint(
        method="GET",
        path="/healthz",
        handler=handler,
        summary="Alive",
        tag="operations",
        access=Access.PUBLIC,
    ),
    RawEndpoint(
        method="GET",
        path="/metrics",
        handler=handler,
        summary="Metrics",
        tag="operations",
        answer={"type": "string"},
        answer_type="text/plain",
    ),
]


@pytest.fixture(scope="module")
def described():
    return document(ENDPOINTS, version="1.2.3", webhooks=webhooks())


def test_the_document_is_valid_openapi(described):
    validate(described)
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == "1.2.3"


def test_the_document_is_the_same_every_time(described):
    assert json.dumps(described) == json.dumps(document(ENDPOINTS, version="1.2.3", webhooks=webhooks()))


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    for inside in value if isinstance(value, list) else []:
        yield from references(inside)


def test_every_reference_leads_somewhere(described):
    found = set(references(described))
    assert len(found) > 10
    for reference in found:
        at = described
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_operations_have_ids_of_their_own(described):
    ids = [operation["operationId"] for item in described["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids)) == len(ENDPOINTS)
    assert "patch_widgets_by_id" in ids


def test_query_parameters_come_from_the_model(described):
    parameters = {one["name"]: one for one in described["paths"][WIDGETS]["get"]["parameters"]}
    assert parameters["instance_id"]["in"] == "path"
    assert parameters["limit"] == {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "Rows in a page.",
        "schema": {"default": 10, "maximum": 100, "minimum": 1, "type": "integer"},
    }
    assert parameters["colour"]["schema"] == {"$ref": "#/components/schemas/Colour"}
    assert parameters["since"]["required"] is True
    assert "Query" not in described["components"]["schemas"]


def test_errors_follow_from_the_declaration(described):
    created = described["paths"][WIDGETS]["post"]["responses"]
    assert list(created) == [
        "201",
        "202",
        "400",
        "401",
        "403",
        "404",
        "408",
        "409",
        "413",
        "415",
        "422",
        "431",
        "503",
        "507",
    ]
    assert created["409"] == {"$ref": "#/components/responses/ConflictPlain"}
    assert list(described["components"]["responses"]["ConflictPlain"]["content"]) == ["application/json"]
    assert list(described["components"]["responses"]["NotFound"]["content"]) == ["application/problem+json"]
    assert list(described["paths"]["/healthz"]["get"]["responses"]) == ["200", "400", "431", "503"]


def test_errors_are_plain_wherever_a_noun_is_ibm_s_and_problems_elsewhere(described):
    changed = described["paths"][WIDGETS + "/{id}"]["patch"]["responses"]
    removed = described["paths"][GADGETS + "/{id}"]["delete"]["responses"]
    assert changed["404"] == {"$ref": "#/components/responses/NotFoundPlain"}
    assert removed["404"] == {"$ref": "#/components/responses/NotFound"}


def test_what_goes_wrong_before_the_path_is_known_may_be_a_problem_anywhere(described):
    responses = described["components"]["responses"]
    assert list(responses["MalformedPlain"]["content"]) == ["application/json", "application/problem+json"]
    assert list(responses["UnauthorizedPlain"]["content"]) == ["application/json"]


def test_a_change_may_come_without_a_body(described):
    assert described["paths"][WIDGETS + "/{id}"]["patch"]["requestBody"]["required"] is False
    assert described["paths"][WIDGETS]["post"]["requestBody"]["required"] is True
    assert set(described["paths"][WIDGETS]["post"]["requestBody"]["content"]) == {
        "application/json",
        "multipart/form-data",
    }


def test_public_operations_need_no_key(described):
    assert described["security"] == [{"bearer": []}]
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in described["paths"][WIDGETS]["get"]
    assert "admin, operator" in described["paths"][WIDGETS]["get"]["description"]


def test_operations_of_ibm_are_below_two_prefixes(described):
    assert described["paths"][WIDGETS]["post"]["servers"] == [{"url": "/"}, {"url": "/event-notifications"}]


def test_shipped_schemas_become_components_with_their_definitions(described):
    components = described["components"]["schemas"]
    assert components["CloudEvent"]["properties"]["id"]["$ref"] == "#/components/schemas/CloudEvent.name"
    content = described["paths"]["/v1/instances/{instance_id}/events"]["post"]["requestBody"]["content"]
    assert content["application/cloudevents-batch+json"]["schema"]["items"] == {
        "$ref": "#/components/schemas/CloudEvent"
    }
    assert "$id" not in json.dumps(described)


def test_the_outgoing_webhook_is_described(described):
    delivery = described["webhooks"]["event"]["post"]
    assert [one["name"] for one in delivery["parameters"]] == [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
    content = delivery["requestBody"]["content"]["application/cloudevents+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/CloudEvent"}
