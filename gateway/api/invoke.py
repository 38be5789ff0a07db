"""One call of a typed endpoint: who calls, what the query and the body say, the handler, the answer.

In this order, so that nobody without a key makes the gateway read or parse a body.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import orjson
from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from gateway.api import json_body, multipart
from gateway.api.body import read_body
from gateway.api.endpoint import INSTANCE, Access, Answered, Call, Endpoint, Handler, Reply
from gateway.api.problem import MAX_PROBLEMS, invalid_body, invalid_query
from gateway.domain.errors import Forbidden, Malformed, Problem, Unauthorized, UnsupportedMedia
from gateway.domain.source import Instance
from gateway.pipeline.authenticate import identify
from gateway.pipeline.receive import bearer, receive
from gateway.pipeline.snapshot import Current, Snapshot
from gateway.security.keys import Principal

_HEADERS = {
    hdrs.CONTENT_TYPE: "application/json",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Invoker:
    """Makes aiohttp handlers of typed endpoints. Bodies are bounded in bytes, inflated, and in seconds."""

    current: Current
    max_body_bytes: int
    body_seconds: float

    def bind(self, endpoint: Endpoint[Any, Any]) -> Handler:
        """The aiohttp handler of an endpoint."""
        booleans = _booleans(endpoint.body) if endpoint.multipart and endpoint.body else frozenset()

        async def handler(request: web.Request) -> web.StreamResponse:
            caller, tenant = admit(self.current.snapshot, endpoint.access, request)
            query = read_query(endpoint.query, request)
            body = await self._body(endpoint, request, booleans)
            call = Call(request.match_info, query, body, request, caller, tenant)
            return answer(endpoint.status, await endpoint.handler(call))

        return handler

    async def _body(
        self, endpoint: Endpoint[Any, Any], request: web.Request, booleans: Collection[str]
    ) -> BaseModel | None:
        """The body as the endpoint's model. A PATCH without a body changes nothing; that is no error."""
        if endpoint.body is None:
            return None
        raw = await read_body(request, self.max_body_bytes, self.body_seconds)
        text = receive(
            instance="", headers=request.raw_headers, body=raw, received_at=0.0, max_body=self.max_body_bytes
        ).body
        if not text and endpoint.method != "PATCH":
            raise Malformed(
                "body_missing", "this needs a body", expected=f"a body of {' or '.join(endpoint.accepts)}"
            )
        given = _members(endpoint, request, text, booleans) if text else {}
        try:
            model: BaseModel = endpoint.body.model_validate(given)
        except ValidationError as error:
            raise invalid_body(error, given) from error
        return model


def admit(
    snapshot: Snapshot, access: Access, request: web.Request
) -> tuple[Principal | None, Instance | None]:
    """Who calls, and the instance that the path names.

    Raises Unauthorized without a valid key, NotFound for an instance that is not the key's, Forbidden for
    a key whose role is not enough.
    """
    if access is Access.PUBLIC:
        return None, None
    token = bearer(request.headers.get(hdrs.AUTHORIZATION, "").encode("utf-8", "surrogateescape"))
    principal, instance = _identified(snapshot, token, request.match_info.get(INSTANCE))
    if principal.role not in access.value:
        roles = ", ".join(sorted(role.value for role in access.value))
        raise Forbidden(
            "role_insufficient", f"a key of the role {principal.role.value} may not do this", expected=roles
        )
    return principal, instance


def _identified(snapshot: Snapshot, token: str, instance: str | None) -> tuple[Principal, Instance | None]:
    if instance is not None:
        return identify(snapshot, token, instance)
    principal = snapshot.keys.identify(token) if token else None
    if principal is None:
        raise Unauthorized(
            "unauthorized", "this needs a valid key", expected="header Authorization: Bearer <key>"
        )
    return principal, None


def read_query(model: type[BaseModel] | None, request: web.Request) -> BaseModel | None:
    """The query parameters as a model. Raises Malformed for one that is unknown, repeated or does not fit."""
    fields = model.model_fields if model else {}
    given: dict[str, str] = {}
    problems = []
    for name, value in request.query.items():
        if name not in fields:
            problems.append(_unknown(name, fields))
        elif name in given:
            problems.append(
                Problem("parameter_repeated", f"query parameter {name!r} comes twice", "", "it once")
            )
        given[name] = value
    if problems:
        raise Malformed.of(problems[:MAX_PROBLEMS])
    try:
        return model.model_validate(given) if model else None
    except ValidationError as error:
        raise invalid_query(error) from error


def answer(status: int, answered: Answered) -> web.StreamResponse:
    """The response to what a handler returned. Members of models that are None are left out, never null."""
    if isinstance(answered, web.StreamResponse):
        return answered
    reply = answered if isinstance(answered, Reply) else Reply(answered)
    headers = _HEADERS | dict(reply.headers)
    content = _encoded(reply.body)
    if content is None:
        del headers[hdrs.CONTENT_TYPE]
    return web.Response(body=content, status=reply.status or status, headers=headers)


def _encoded(body: BaseModel | Mapping[str, Any] | None) -> bytes | None:
    if isinstance(body, BaseModel):
        return body.model_dump_json(by_alias=True, exclude_none=True).encode()
    return None if body is None else orjson.dumps(_without_none(body))


def _without_none(value: Any) -> Any:
    """Drop members that are None. JSON that has to keep its nulls travels as an orjson.Fragment."""
    if isinstance(value, Mapping):
        return {name: _without_none(inside) for name, inside in value.items() if inside is not None}
    return [_without_none(inside) for inside in value] if isinstance(value, list | tuple) else value


def _members(
    endpoint: Endpoint[Any, Any], request: web.Request, text: bytes, booleans: Collection[str]
) -> object:
    media_type = request.content_type if hdrs.CONTENT_TYPE in request.headers else ""
    if media_type not in endpoint.accepts or (request.charset or "utf-8").lower() not in (
        "utf-8",
        "us-ascii",
    ):
        raise UnsupportedMedia(
            "unsupported_media_type",
            "the content type of the body is missing or not taken here",
            expected=f"Content-Type: {' or '.join(endpoint.accepts)}, in UTF-8",
        )
    if media_type == "multipart/form-data":
        return multipart.form(text, request.headers[hdrs.CONTENT_TYPE], booleans)
    return json_body.parse(text)


def _unknown(name: str, fields: Collection[str]) -> Problem:
    known = f"one of {', '.join(sorted(fields))}" if fields else "no query parameters"
    return Problem("unknown_parameter", f"query parameter {name[:64]!r} is not known here", "", known)


def _booleans(model: type[BaseModel]) -> frozenset[str]:
    """The fields that are true or false: forms have only text for them."""
    fields = model.model_fields.items()
    return frozenset(
        name for name, field in fields if bool in (field.annotation, *get_args(field.annotation))
    )
