"""The typed endpoint layer over real sockets, with small endpoints of its own."""

import gzip

import pytest
from aiohttp import web
from orjson import Fragment
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.endpoint import Access, Api, Endpoint, Reply
from gateway.api.invoke import Invoker
from gateway.domain.errors import Conflict
from gateway.domain.ids import InstanceId, SourceId
from gateway.domain.source import Instance, Key, Role
from gateway.pipeline.snapshot import Current, build
from gateway.ports import Configuration
from gateway.security.keys import generate, operator_digest
from tests.api.serving import ask, connected, serving

OPERATOR = "operator-key-of-the-tests-0123456789"
LIMIT = 20_000


class Config(BaseModel):
    url: str
    port: int = 443


class Widget(BaseModel):
    name: str = Field(max_length=20)
    collect: bool | None = None
    config: Config | None = None
    choice: Config | str | None = None


class WidgetChange(BaseModel):
    name: str | None = None


class Paging(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(10, ge=1, le=100)
    search: str = ""


async def create(call):
    return Reply(
        {"given": call.body.model_dump(), "instance": call.instance.id}, headers={"Location": "/here"}
    )


async def change(call):
    return {"changed": sorted(call.body.model_fields_set), "nothing": None}


async def show(call):
    return {
        "id": call.path["id"],
        "role": call.principal.role.value,
        "data": Fragment(b'{"kept":null}'),
        "gone": None,
    }


async def page(call):
    return call.query


async def remove(call):
    return None


async def fail(call):
    raise Conflict("name_taken", "there is one of that name")


async def open_to_all(call):
    return {"caller": call.caller is None and call.tenant is None}


async def misuse(call):
    return {"caller": call.principal}


WIDGETS = "/v1/instances/{instance_id}/widgets"
ENDPOINTS = [
    Endpoint(
        method="POST",
        path=WIDGETS,
        handler=create,
        summary="",
        tag="",
        body=Widget,
        status=201,
        multipart=True,
        ibm=True,
    ),
    Endpoint(
        method="GET", path=WIDGETS, handler=page, summary="", tag="", query=Paging, access=Access.SENDER
    ),
    Endpoint(method="GET", path=WIDGETS + "/{id}", handler=show, summary="", tag="", ibm=True),
    Endpoint(
        method="PATCH",
        path=WIDGETS + "/{id}",
        handler=change,
        summary="",
        tag="",
        body=WidgetChange,
        multipart=True,
    ),
    Endpoint(method="DELETE", path=WIDGETS + "/{id}", handler=remove, summary="", tag="", status=204),
    Endpoint(method="PUT", path=WIDGETS + "/{id}", handler=fail, summary="", tag="", body=WidgetChange),
    Endpoint(method="GET", path="/v1/instances", handler=remove, summary="", tag="", access=Access.OPERATOR),
    Endpoint(method="GET", path="/open", handler=open_to_all, summary="", tag="", access=Access.PUBLIC),
    Endpoint(method="GET", path="/misuse", handler=misuse, summary="", tag="", access=Access.PUBLIC),
]


class Place:
    """Two instances, a key of every role in the first, and where the server listens."""

    def __init__(self):
        self.instances = [Instance(InstanceId(f"instance-{number}"), "", number, number) for number in (1, 2)]
        self.keys = {Role.OPERATOR: OPERATOR}
        rows = [self._key(role) for role in (Role.ADMIN, Role.SENDER, Role.SOURCE)]
        configuration = Configuration(1, (*self.instances, *rows))
        self.current = Current(build(configuration, operator_digest(OPERATOR)))
        self.port = 0

    def _key(self, role):
        fresh = generate()
        self.keys[role] = fresh.text
        source = SourceId("a-source") if role is Role.SOURCE else None
        return Key(fresh.id, self.instances[0].id, "", role, fresh.digest, 1, 1, source)

    async def ask(self, method, path, body=b"", role=Role.ADMIN, **headers):
        if role:
            headers["Authorization"] = f"Bearer {self.keys[role]}"
        return await ask(self.port, method, path, body, **headers)

    async def post(self, body, content_type="application/json", **headers):
        path = "/v1/instances/instance-1/widgets"
        return await self.ask("POST", path, body, Content_Type=content_type, **headers)


@pytest.fixture
async def place():
    place = Place()
    application = web.Application()
    Api(ENDPOINTS).mount(application, Invoker(place.current, LIMIT, 5.0).bind)
    async with serving(application) as (_, place.port):
        yield place


async def test_a_call_gives_what_the_handler_gets(place):
    answer = await place.post(b'{"name": "one", "config": {"url": "https://x"}}')
    assert (answer.status, answer.headers["location"]) == (201, "/here")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "given": {"name": "one", "config": {"url": "https://x", "port": 443}},
        "instance": "instance-1",
    }


async def test_default_means_the_first_instance(place):
    answer = await place.ask(
        "POST", "/v1/instances/default/widgets", b'{"name":"x"}', Content_Type="application/json"
    )
    assert answer.json["instance"] == "instance-1"


@pytest.mark.parametrize("prefix", ["", "/event-notifications"])
@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("1a%3Aapi", "1a:api"),
        ("1a:api", "1a:api"),
        ("crn%3Av1%2Fa%2Fb", "crn:v1/a/b"),
        ("%252F", "%2F"),
        ("%C3%A9", "é"),
        ("a%20b", "a b"),
        ("a+b", "a+b"),
    ],
)
async def test_ids_in_paths_are_decoded_exactly_once(place, prefix, sent, received):
    assert (await place.ask("GET", f"{prefix}/v1/instances/default/widgets/{sent}")).json["id"] == received


async def test_what_is_none_is_left_out_and_raw_json_keeps_its_nulls(place):
    answer = await place.ask("GET", "/v1/instances/default/widgets/x")
    assert answer.json == {"id": "x", "role": "admin", "data": {"kept": None}}


async def test_nothing_to_answer_is_204_without_a_body(place):
    answer = await place.ask("DELETE", "/v1/instances/default/widgets/x")
    assert (answer.status, answer.body, answer.headers.get("content-type")) == (204, b"", None)


async def test_a_refusal_of_the_handler_is_answered(place):
    path = "/v1/instances/default/widgets/x"
    answer = await place.ask("PUT", path, b"{}", Content_Type="application/json")
    assert (answer.status, answer.json["code"]) == (409, "name_taken")


# Who may call


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer \xff\xfe", "Bearer " + "x" * 5000],
)
async def test_without_a_valid_key_it_is_401(place, authorization):
    answer = await ask(place.port, "GET", "/v1/instances/default/widgets", Authorization=authorization)
    assert (answer.status, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "listed", "shown", "instances"),
    [
        (Role.OPERATOR, 200, 200, 200),
        (Role.ADMIN, 200, 200, 403),
        (Role.SENDER, 200, 403, 403),
        (Role.SOURCE, 200, 403, 403),
        (None, 401, 401, 401),
    ],
)
async def test_roles_open_what_they_are_for(place, role, listed, shown, instances):
    assert (await place.ask("GET", "/v1/instances/instance-1/widgets", role=role)).status == listed
    assert (await place.ask("GET", "/v1/instances/instance-1/widgets/x", role=role)).status == shown
    assert (await place.ask("GET", "/v1/instances", role=role)).status == instances


@pytest.mark.parametrize("instance", ["instance-2", "nowhere"])
@pytest.mark.parametrize("role", [Role.ADMIN, Role.SENDER, Role.SOURCE])
async def test_another_tenant_is_not_to_be_seen(place, role, instance):
    answer = await place.ask("GET", f"/v1/instances/{instance}/widgets", role=role)
    assert (answer.status, answer.json["code"]) == (404, "instance_not_found")


async def test_the_operator_may_enter_every_instance(place):
    assert (await place.ask("GET", "/v1/instances/instance-2/widgets", role=Role.OPERATOR)).status == 200


async def test_a_public_endpoint_needs_no_key_and_knows_no_caller(place):
    assert (await place.ask("GET", "/open", role=None)).json == {"caller": True}
    assert (await place.ask("GET", "/misuse", role=None)).status == 500


async def test_nobody_without_a_key_gets_a_body_read(place):
    async with connected(place.port) as client:
        await client.send(
            b"POST /v1/instances/default/widgets HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n"
        )
        assert (await client.answer()).status == 401


# Queries


async def test_a_query_is_read_as_its_model(place):
    answer = await place.ask("GET", "/v1/instances/default/widgets?limit=7&search=a%26b+c")
    assert answer.json == {"limit": 7, "search": "a&b c"}


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("colour=red", "unknown_parameter", "colour"),
        ("limit=1&limit=2", "parameter_repeated", "limit"),
        ("limit=many", "invalid_parameter", "limit"),
        ("limit=101", "invalid_parameter", "limit"),
        ("limit=", "invalid_parameter", "limit"),
    ],
)
async def test_a_query_that_does_not_fit_is_400(place, query, code, named):
    answer = await place.ask("GET", f"/v1/instances/default/widgets?{query}")
    assert (answer.status, answer.json["code"]) == (400, code)
    assert named in answer.json["detail"]


async def test_an_endpoint_without_a_query_takes_none(place):
    answer = await place.ask("GET", "/v1/instances/default/widgets/x?include=all")
    assert (answer.status, answer.json["problems"][0]["expected"]) == (400, "no query parameters")


# Bodies


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b"{}", ["/name"]),
        (b"[1]", [None]),
        (b'{"name": 1, "config": {"port": "x"}}', ["/name", "/config/url", "/config/port"]),
        (b'{"name": "a", "choice": {"port": 1}}', ["/choice/url", "/choice"]),
    ],
)
async def test_a_body_that_does_not_fit_is_400_with_a_pointer_for_each_problem(place, body, pointers):
    answer = await place.post(body)
    assert (answer.status, answer.json["code"]) == (400, "invalid_body")
    assert [problem.get("pointer") for problem in answer.json["problems"]] == pointers


async def test_a_value_that_does_not_fit_is_not_echoed(place):
    answer = await place.post(b'{"name": "0123456789012345678901-secret", "config": "another-secret"}')
    assert answer.status == 400
    assert b"secret" not in answer.body


async def test_a_thousand_problems_are_told_in_a_small_answer(place):
    answer = await place.post(b'{"name": "a", "config": {"url": [' + b"1," * 2000 + b"1]}}")
    assert answer.status == 400
    assert len(answer.body) < 20_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body_missing"),
        (b"{", "json_malformed"),
        (b'{"name": NaN}', "json_malformed"),
        (b'{"name": "a", "name": "b"}', "member_repeated"),
        (b'\xef\xbb\xbf{"name": "a"}', "byte_order_mark"),
        (b'{"name": "\xff"}', "not_utf8"),
        (b'{"name": ' + b"[" * 65 + b"]" * 65 + b"}", "json_too_deep"),
    ],
)
async def test_a_body_that_cannot_be_read_is_400(place, body, code):
    answer = await place.post(body)
    assert (answer.status, answer.json["code"], answer.headers["content-type"]) == (
        400,
        code,
        "application/json",
    )


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "nonsense", ""],
)
async def test_a_content_type_that_is_not_taken_is_415(place, content_type):
    answer = await place.post(b'{"name": "a"}', content_type)
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


async def test_a_body_without_a_content_type_is_415(place):
    assert (await place.ask("POST", "/v1/instances/default/widgets", b'{"name": "a"}')).status == 415


async def test_a_content_type_may_be_written_in_any_case_and_with_its_charset(place):
    assert (await place.post(b'{"name": "a"}', "Application/JSON; charset=UTF-8")).status == 201


async def test_a_gzipped_body_is_inflated_within_the_limit(place):
    body = b'{"name": "a", "choice": "' + b"x" * 500 + b'"}'
    assert (await place.post(gzip.compress(body), Content_Encoding="gzip")).status == 201
    bomb = gzip.compress(b'{"name": "' + b"x" * 10 * LIMIT + b'"}')
    assert (await place.post(bomb, Content_Encoding="gzip")).status == 413
    assert (await place.post(b"no gzip", Content_Encoding="gzip")).status == 400
    assert (await place.post(body, Content_Encoding="br")).status == 415


async def test_a_body_over_the_limit_is_413(place):
    assert (await place.post(b'{"name": "' + b"x" * LIMIT + b'"}')).status == 413


# Forms


def part(name, content, *more):
    lines = ["--cut", f'Content-Disposition: form-data; name="{name}"', *more, "", content]
    return "\r\n".join(lines).encode() + b"\r\n"


async def test_a_form_gives_what_json_would_give(place):
    body = (
        part("name", "one")
        + part("collect", "True")
        + part("config", '{"url": "https://x", "port": 1}', "Content-Type: application/json")
        + part("certificate", "binary", "Content-Type: application/octet-stream")
        + b"--cut--\r\n"
    )
    answer = await place.post(body, "multipart/form-data; boundary=cut")
    assert answer.json["given"] == {"name": "one", "collect": True, "config": {"url": "https://x", "port": 1}}


async def test_a_form_that_does_not_fit_points_at_its_parts(place):
    body = part("config", '{"port": 1}', "Content-Type: application/json") + b"--cut--"
    answer = await place.post(body, "multipart/form-data; boundary=cut")
    assert [problem["pointer"] for problem in answer.json["problems"]] == ["/name", "/config/url"]


async def test_a_change_without_a_body_changes_nothing(place):
    answer = await place.ask("PATCH", "/v1/instances/default/widgets/x")
    assert (answer.status, answer.json) == (200, {"changed": []})
