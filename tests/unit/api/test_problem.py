"""The one error body, without a server around it."""

import orjson
import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, BadHttpMethod, LineTooLong
from pydantic import BaseModel, Field, ValidationError

from gateway.api.problem import (
    MAX_LINE_BYTES,
    MAX_PROBLEMS,
    UNEXPECTED,
    ProblemBody,
    encode,
    failure,
    invalid_body,
    on_the_wire,
    respond,
    unreadable,
)
from gateway.domain import errors
from gateway.domain.errors import Malformed, Problem, Refused, TooMany, Unauthorized


class Inner(BaseModel):
    url: str


class Outer(BaseModel):
    name: str = Field(max_length=3)
    rows: list[Inner] = []
    choice: Inner | int = 1


def refusals():
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refused)]


@pytest.mark.parametrize("kind", refusals())
def test_every_refusal_has_its_status_and_a_body_that_fits_its_schema(kind):
    told = failure(kind("some_code", "something is wrong", pointer="/a", expected="something right"))
    body = orjson.loads(encode(told, "0123"))
    ProblemBody.model_validate(body, strict=True)
    assert body["status"] == body["status_code"] == kind.status
    assert body["title"] == kind.title


@pytest.mark.parametrize(
    "kind", [web.HTTPNotFound, web.HTTPBadRequest, web.HTTPBadGateway, web.HTTPExpectationFailed]
)
def test_errors_of_aiohttp_have_a_stable_code_too(kind):
    told = failure(kind())
    assert told.status == kind.status_code
    assert told.code.replace("_", "").isalnum()


def test_only_what_was_raised_on_purpose_is_explained():
    assert failure(ValueError("secret")) is UNEXPECTED
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate({})
    assert failure(caught.value) is UNEXPECTED


def test_headers_follow_from_the_error():
    assert failure(TooMany("slow_down", "too many", retry_after=0)).headers == {"Retry-After": "0"}
    assert failure(Unauthorized("unauthorized", "no key")).headers == {"WWW-Authenticate": "Bearer"}
    assert failure(Malformed("broken", "broken")).headers == {}


def test_many_and_long_problems_are_bounded():
    told = failure(Malformed.of([Problem("code", "x" * 10_000, "/" + "p" * 10_000)] * 1000))
    body = orjson.loads(encode(told, "0123"))
    assert len(body["problems"]) == MAX_PROBLEMS
    assert len(encode(told, "0123")) < 64 * 1024


def test_text_that_is_no_text_is_told_with_question_marks():
    body = orjson.loads(encode(failure(Malformed("broken", "at \udc80", pointer="/\ud800")), "0123"))
    assert body["detail"] == "at ?"


def test_a_plain_response_differs_in_its_content_type_only():
    told = failure(Malformed("broken", "broken"))
    ours, ibms = respond(told, "0123"), respond(told, "0123", plain=True)
    assert (ours.content_type, ibms.content_type) == ("application/problem+json", "application/json")
    assert ours.body == ibms.body


def test_an_answer_on_the_wire_is_whole():
    head, _, body = on_the_wire(failure(TooMany("slow_down", "too many", retry_after=3)), "0123").partition(
        b"\r\n\r\n"
    )
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 429 Too Many Requests"
    assert {
        f"Content-Length: {len(body)}",
        "Connection: close",
        "Retry-After: 3",
        "X-Request-Id: 0123",
    } <= set(lines)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (LineTooLong(b"GET /secret", MAX_LINE_BYTES), 414, "uri_too_long"),
        (LineTooLong(b"secret", 200), 431, "head_too_large"),
        (BadHttpMessage("Too many headers received"), 431, "too_many_headers"),
        (BadHttpMessage("Duplicate 'secret' header found."), 400, "http_malformed"),
        (BadHttpMethod("secret"), 400, "http_malformed"),
    ],
)
def test_what_the_parser_refuses_is_told_without_quoting_it(error, status, code):
    told = unreadable(error)
    assert (told.status, told.code) == (status, code)
    assert b"secret" not in encode(told, "0123")


def refused(given, at=""):
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(given)
    return invalid_body(caught.value, given, at=at)


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({}, ["/name"]),
        ([], [""]),
        ({"name": "a", "rows": [{"url": "x"}, {}]}, ["/rows/1/url"]),
        ({"name": "a", "rows": {"0": {}}}, ["/rows"]),
        ({"name": "a", "choice": {}}, ["/choice/url", "/choice"]),
    ],
)
def test_pointers_name_what_is_in_the_body(given, pointers):
    assert [problem.pointer for problem in refused(given).problems] == pointers


def test_a_pointer_may_begin_elsewhere():
    error = refused({"name": "long name"}, at="/config/params")
    assert error.problems[0].pointer == "/config/params/name"
    assert error.code == "invalid_body"
    assert "/config/params/name" in error.detail


def test_members_with_slashes_are_escaped():
    class Strict(BaseModel, extra="forbid"):
        pass

    given = {"a/b~c": 1}
    with pytest.raises(ValidationError) as caught:
        Strict.model_validate(given)
    assert invalid_body(caught.value, given).problems[0].pointer == "/a~1b~0c"
