"""What a caller is told when something is wrong: one error body for every route, and what leads to it.

The body has the members of RFC 9457 and beside them those of IBM's APIs (`errors`, `trace`, `status_code`),
because IBM's clients read nothing else (facts: ibm-event-notifications 1.3). Nothing here echoes what was
sent: a value may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from pydantic import BaseModel, Field, ValidationError

from gateway.domain.errors import Malformed, Problem, Refused, pointer_token

TYPE_PREFIX = "urn:tocsin:error:"
PROBLEM_JSON, JSON = "application/problem+json", "application/json"
TRACE_HEADERS = ("X-Request-Id", "X-Global-Transaction-ID")
"""The second is IBM's: its SDKs show it in their messages."""
SERVER_NAME = "tocsin"

MAX_PROBLEMS = 32
MAX_DETAIL = 400
MAX_LINE_BYTES = 16 * 1024
"""Longest request line that is read, in bytes."""


class ProblemItem(BaseModel):
    """One thing that is wrong."""

    code: str = Field(description="Stable name of the problem.")
    detail: str = Field(description="What is wrong.")
    pointer: str | None = Field(None, description="Where: a JSON pointer (RFC 6901) into the request body.")
    expected: str | None = Field(None, description="What would be right.")


class IbmError(BaseModel):
    """The same, as IBM's clients read it."""

    code: str
    message: str


class ProblemBody(BaseModel):
    """The body of every answer that is an error: RFC 9457, and IBM's members beside it."""

    type: str = Field(description=f"`{TYPE_PREFIX}` and the code.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request.")
    code: str = Field(description="Stable name of the error; texts may change, this does not.")
    problems: list[ProblemItem] = Field(description="Everything that was found wrong, at most 32.")
    errors: list[IbmError] = Field(description="The problems, as IBM's clients read them.")
    trace: str = Field(description="Id of this request; it stands in our log and in `X-Request-Id`.")
    status_code: int = Field(description="The HTTP status, where IBM's clients look for it.")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error on its way to the caller."""

    status: int
    title: str
    code: str
    detail: str
    problems: tuple[Problem, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


UNEXPECTED = Failure(
    500, "Internal server error", "internal_error", "the gateway failed; its log tells more under this trace"
)
FULL = Failure(
    503,
    "Service unavailable",
    "too_many_connections",
    "too many connections are open",
    headers={"Retry-After": "1"},
)
HEAD_TOO_LARGE = Failure(
    431, "Request header fields too large", "head_too_large", "the request head is larger than is read"
)
_TOO_MANY_HEADERS = Failure(
    431, "Request header fields too large", "too_many_headers", "the request has more headers than are read"
)
_LINE_TOO_LONG = Failure(
    414, "URI too long", "uri_too_long", f"the request line is longer than {MAX_LINE_BYTES} bytes"
)
_NOT_HTTP = Failure(400, "Bad request", "http_malformed", "this is not a well-formed HTTP/1.1 request")
VERSION_UNSUPPORTED = Failure(
    505,
    "HTTP version not supported",
    "http_version_unsupported",
    "only HTTP/1.1 and HTTP/1.0 are spoken here",
)

_HTTP_CODES = {
    404: ("route_not_found", "there is nothing at this path"),
    405: ("method_not_allowed", "this path has no such method"),
    413: ("body_too_large", "the body is larger than is read"),
    417: ("expectation_failed", "the Expect header asks for what is not offered"),
}


_IN_JSON_WORDS = dict.fromkeys(("model_type", "dict_type"), "Input should be an object")
"""Where pydantic speaks of Python: dictionaries, and models by name."""


def failure(error: BaseException) -> Failure:
    """What the caller is told of an exception; everything that was not raised on purpose is a 500."""
    match error:
        case Refused():
            return _refused(error)
        case web.HTTPException() if error.status >= 400:
            return _http(error)
        case _:
            return UNEXPECTED


def unreadable(error: BaseException) -> Failure:
    """What the caller is told of a request that the HTTP parser refused. Its own text quotes the request."""
    if isinstance(error, LineTooLong):
        return _LINE_TOO_LONG if error.args[1] == MAX_LINE_BYTES else HEAD_TOO_LARGE
    if isinstance(error, HttpProcessingError) and error.message.startswith("Too many headers"):
        return _TOO_MANY_HEADERS
    return _NOT_HTTP


def body(told: Failure, trace: str) -> dict[str, object]:
    """The members of ProblemBody."""
    problems = told.problems[:MAX_PROBLEMS] or (Problem(told.code, told.detail),)
    return {
        "type": TYPE_PREFIX + told.code,
        "title": told.title,
        "status": told.status,
        "detail": _bounded(told.detail),
        "code": told.code,
        "problems": [_item(problem) for problem in problems],
        "errors": [{"code": problem.code, "message": _sentence(problem)} for problem in problems],
        "trace": trace,
        "status_code": told.status,
    }


def respond(told: Failure, trace: str, *, plain: bool = False) -> web.Response:
    """The answer; `plain` calls it `application/json`, as IBM's clients need it."""
    return web.Response(
        body=encode(told, trace),
        status=told.status,
        headers={
            **told.headers,
            **dict.fromkeys(TRACE_HEADERS, trace),
            hdrs.CONTENT_TYPE: JSON if plain else PROBLEM_JSON,
            hdrs.CACHE_CONTROL: "no-store",
        },
    )


def on_the_wire(told: Failure, trace: str) -> bytes:
    """A whole HTTP/1.1 answer in bytes, for a connection without a request; the connection ends with it."""
    content = encode(told, trace)
    headers = {
        **told.headers,
        **dict.fromkeys(TRACE_HEADERS, trace),
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {told.status} {HTTPStatus(told.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def encode(told: Failure, trace: str) -> bytes:
    """The body in bytes. Text that is no text (lone surrogates) is shown with question marks."""
    members = body(told, trace)
    try:
        return orjson.dumps(members)
    except TypeError:
        return orjson.dumps(_readable(members))


def invalid_body(error: ValidationError, given: object, *, at: str = "") -> Malformed:
    """The refusal of a body that does not fit its model: one problem for each thing that pydantic found.

    `given` is what was validated, so that pointers name what is there; `at` is the pointer to it.
    """
    problems = [
        Problem(
            item["type"],
            _bounded(_IN_JSON_WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))),
            at + _pointer(item["loc"], given, missing=item["type"] == "missing"),
        )
        for item in error.errors(include_input=False, include_context=False, include_url=False)[:MAX_PROBLEMS]
    ]
    first = problems[0]
    where = f"at {first.pointer}: " if first.pointer else ""
    return Malformed("invalid_body", f"the body does not fit; {where}{first.detail}", problems=problems)


def invalid_query(error: ValidationError) -> Malformed:
    """The refusal of query parameters that do not fit their model."""
    problems = [
        Problem("invalid_parameter", _bounded(f"query parameter {str(item['loc'][0])!r}: {item['msg']}"))
        for item in error.errors(include_input=False, include_context=False, include_url=False)[:MAX_PROBLEMS]
        if item["loc"]
    ]
    return Malformed(
        "invalid_parameter", problems[0].detail if problems else "the query does not fit", problems=problems
    )


def _refused(error: Refused) -> Failure:
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers[hdrs.RETRY_AFTER] = str(error.retry_after)
    if error.status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return Failure(error.status, error.title, error.code, error.detail, error.problems, headers)


def _http(error: web.HTTPException) -> Failure:
    title = HTTPStatus(error.status).phrase.capitalize()
    code, detail = _HTTP_CODES.get(
        error.status, (title.lower().replace(" ", "_").replace("-", "_"), title.lower())
    )
    if not isinstance(error, web.HTTPMethodNotAllowed):
        return Failure(error.status, title, code, detail)
    allowed = ", ".join(sorted(error.allowed_methods))
    problem = Problem(code, detail, expected=f"one of {allowed}")
    return Failure(error.status, title, code, detail, (problem,), {"Allow": allowed})


def _item(problem: Problem) -> dict[str, str]:
    members = {
        "code": problem.code,
        "detail": _bounded(problem.detail),
        "pointer": _bounded(problem.pointer),
        "expected": _bounded(problem.expected),
    }
    return {name: text for name, text in members.items() if text}


def _sentence(problem: Problem) -> str:
    """All in one line: it is the only one that IBM's clients show."""
    where = f"{problem.pointer}: " if problem.pointer and problem.pointer not in problem.detail else ""
    right = f" (expected: {problem.expected})" if problem.expected else ""
    return f"{_bounded(where)}{_bounded(problem.detail)}{_bounded(right)}"


def _pointer(location: tuple[int | str, ...], given: object, *, missing: bool) -> str:
    """A JSON pointer from pydantic's location, without the branches of unions that it also names."""
    steps = []
    for number, step in enumerate(location):
        inside = _step(given, step)
        if inside is not _NOTHING:
            given = inside
        elif not (missing and number == len(location) - 1):
            continue
        steps.append(pointer_token(str(step)))
    return "".join(f"/{step}" for step in steps)


_NOTHING = object()


def _step(value: object, step: int | str) -> object:
    if isinstance(value, dict):
        return value.get(step, _NOTHING)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return _NOTHING


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else text[:MAX_DETAIL] + "…"


def _readable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {name: _readable(inside) for name, inside in value.items()}
    return [_readable(inside) for inside in value] if isinstance(value, list) else value
