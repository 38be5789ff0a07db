"""The OpenAPI 3.1 document: made of the declarations that the routes are made of, always in the same order.

Models become components; JSON Schemas that ship with the gateway become components too, their inner
references rewritten. Nothing here knows a single endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api.endpoint import IBM_PREFIX, INSTANCE, Access, AnyEndpoint, Api, RawEndpoint
from gateway.api.problem import JSON, PROBLEM_JSON, TRACE_HEADERS, ProblemBody
from gateway.domain.errors import (
    Forbidden,
    HeadTooLarge,
    Malformed,
    NotFound,
    OutOfSpace,
    Refused,
    TooLarge,
    TooSlow,
    Unauthorized,
    Unavailable,
    UnsupportedMedia,
)

Json = dict[str, Any]
Schema = type[BaseModel] | Mapping[str, Any]

VERSION = "3.1.0"
SCHEMAS = "#/components/schemas/"
RESPONSES = "#/components/responses/"
HEADERS = "#/components/headers/"
DESCRIPTION = (
    "Takes events of backup services, keeps them, and delivers them. Paths name things by percent-encoded "
    "ids; `default` is an alias of the first instance. Every error has the body ProblemBody; beside the "
    "statuses listed, any request may be answered 405 (with Allow), 414 or 505, and 500 is a mistake of ours."
)
_TRACE, _WAIT, _CHALLENGE = TRACE_HEADERS[0], "Retry-After", "WWW-Authenticate"
_HEADERS = {
    _TRACE: ("Id of this request; the log has it, and errors say it as `trace`.", True),
    _WAIT: ("Seconds after which to try again.", False),
    _CHALLENGE: ("`Bearer`: send a key.", True),
}
"""What headers of answers say, and whether they are always there where they are described."""

_VARIABLE = re.compile(r"\{(\w+)\}")
_BEFORE_THE_PATH = (Malformed, HeadTooLarge, Unavailable)
"""What can be wrong before it is known whether the path is one of IBM's: then it is problem+json."""
_NOT_PORTABLE = "\\u{"
"""Patterns with such escapes need a flag that most tools do not set; the gateway itself checks them."""


def document(
    endpoints: Sequence[AnyEndpoint],
    *,
    version: str,
    server_url: str = "/",
    webhooks: Mapping[str, Any] | None = None,
) -> Json:
    """The description of these endpoints.

    `webhooks` maps names to OpenAPI path items; schemas in it that have an `$id` become components.
    """
    schemas, api = _Schemas(endpoints), Api(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schemas, server_url, plain=api.plain_errors(endpoint.path))
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    described = {"webhooks": schemas.placed(dict(webhooks))} if webhooks else {}
    return {
        "openapi": VERSION,
        "info": {"title": "Tocsin", "version": version, "description": DESCRIPTION},
        "servers": [{"url": server_url}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": paths,
        **described,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": _problem_responses(api, schemas.of(ProblemBody, "serialization")),
            "headers": {name: _header(*told) for name, told in _HEADERS.items()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "description": "A key."}},
        },
    }


class _Schemas:
    """All components, and how to refer to them."""

    def __init__(self, endpoints: Sequence[AnyEndpoint]) -> None:
        self._references, definitions = models_json_schema(
            list(dict.fromkeys(_models(endpoints))), ref_template=SCHEMAS + "{model}"
        )
        self.components: dict[str, Json] = definitions.get("$defs", {})
        queries = {_name(self.of(one.query)) for one in endpoints if one.query}
        self._queries = {name: self.components.pop(name) for name in sorted(queries)}

    def of(self, schema: Schema, mode: Literal["validation", "serialization"] = "validation") -> Json:
        """A reference to the schema, or the schema itself where it is small and has no name."""
        if isinstance(schema, type):
            reference: Json = self._references[schema, mode]
            return dict(reference)
        return dict(self.placed(schema))

    def query(self, model: type[BaseModel]) -> Json:
        """The schema of a query model, which is no component."""
        found: Json = self._queries[_name(self.of(model))]
        return found

    def placed(self, schema: Any, base: str = "") -> Any:
        """A copy that refers to components: what has an `$id` becomes one, its definitions too."""
        if isinstance(schema, list | tuple):
            return [self.placed(one, base) for one in schema]
        if not isinstance(schema, Mapping):
            return schema
        if "$id" in schema:
            return {"$ref": SCHEMAS + self._placed_apart(schema)}
        return {key: self._member(key, value, base) for key, value in schema.items() if _belongs(key, value)}

    def _placed_apart(self, schema: Mapping[str, Any]) -> str:
        words = schema["title"].partition(",")[0].split()
        base = "".join(word[:1].upper() + word[1:] for word in words)
        if base not in self.components:
            self.components[base] = {}
            whole = {key: value for key, value in schema.items() if key not in ("$id", "$schema", "$defs")}
            self.components[base] = self.placed(whole, base)
            for name, definition in schema.get("$defs", {}).items():
                self.components[f"{base}.{name}"] = self.placed(definition, base)
        return base

    def _member(self, key: str, value: Any, base: str) -> Any:
        if key == "$ref" and isinstance(value, str) and value.startswith("#/$defs/"):
            return f"{SCHEMAS}{base}.{value.removeprefix('#/$defs/')}"
        return value if key in ("const", "enum", "examples", "example") else self.placed(value, base)


def _belongs(key: str, value: Any) -> bool:
    return key != "$comment" and not (key == "pattern" and isinstance(value, str) and _NOT_PORTABLE in value)


def _models(
    endpoints: Sequence[AnyEndpoint],
) -> Iterable[tuple[type[BaseModel], Literal["validation", "serialization"]]]:
    yield ProblemBody, "serialization"
    for endpoint in endpoints:
        given = endpoint.content.values() if isinstance(endpoint, RawEndpoint) else [endpoint.body]
        for model in (*given, endpoint.query):
            if isinstance(model, type):
                yield model, "validation"
        if isinstance(endpoint.answer, type):
            yield endpoint.answer, "serialization"


def _operation(endpoint: AnyEndpoint, schemas: _Schemas, server_url: str, *, plain: bool) -> Json:
    operation: Json = {
        "operationId": _operation_id(endpoint),
        "summary": endpoint.summary,
        "description": _description(endpoint),
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint, schemas),
        "responses": _responses(endpoint, schemas, plain=plain),
    }
    if body := _request_body(endpoint, schemas):
        operation["requestBody"] = body
    if endpoint.access is Access.PUBLIC:
        operation["security"] = []
    if endpoint.ibm:
        operation["servers"] = [{"url": server_url}, {"url": server_url.rstrip("/") + IBM_PREFIX}]
    return operation


def _operation_id(endpoint: AnyEndpoint) -> str:
    """Of method and path, which no two endpoints share: `post_topics`, `get_topics_by_id`."""
    path = endpoint.path.replace("/v1/instances/{" + INSTANCE + "}/", "/")
    steps = [f"by_{step[1:-1]}" if step.startswith("{") else step for step in path.split("/") if step]
    return re.sub(r"\W", "_", "_".join([endpoint.method.lower(), *steps]))


def _description(endpoint: AnyEndpoint) -> str:
    roles = ", ".join(sorted(role.value for role in endpoint.access.value))
    needs = f"Needs a key with one of the roles {roles}." if roles else "Needs no key."
    return f"{endpoint.description}\n\n{needs}" if endpoint.description else needs


def _parameters(endpoint: AnyEndpoint, schemas: _Schemas) -> list[Json]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _VARIABLE.findall(endpoint.path)
    ]
    if endpoint.query:
        query = schemas.query(endpoint.query)
        required = query.get("required", [])
        found += [
            _query_parameter(name, schema, name in required) for name, schema in query["properties"].items()
        ]
    if isinstance(endpoint, RawEndpoint):
        found += [schemas.placed(parameter) for parameter in endpoint.parameters]
    return found


def _query_parameter(name: str, schema: Json, required: bool) -> Json:
    """One query parameter. Absent is absent: there is no null in a query."""
    schema = {key: value for key, value in schema.items() if key != "title"}
    description = schema.pop("description", None)
    branches = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    if branches:
        schema |= branches[0] if len(branches) == 1 else {"anyOf": branches}
    if schema.get("default", ...) is None:
        del schema["default"]
    told = {"description": description} if description else {}
    return {"name": name, "in": "query", "required": required, **told, "schema": schema}


def _request_body(endpoint: AnyEndpoint, schemas: _Schemas) -> Json | None:
    if isinstance(endpoint, RawEndpoint):
        content = {
            media_type: {"schema": schemas.of(schema)} for media_type, schema in endpoint.content.items()
        }
        return {"required": True, "content": content} if content else None
    if endpoint.body is None:
        return None
    content = {media_type: {"schema": schemas.of(endpoint.body)} for media_type in endpoint.accepts}
    return {"required": endpoint.method != "PATCH", "content": content}


def _responses(endpoint: AnyEndpoint, schemas: _Schemas, *, plain: bool) -> Json:
    found: dict[int, Json] = {}
    for error in _errors(endpoint):
        found[error.status] = {"$ref": RESPONSES + _response_name(error, plain=plain)}
    for status in (endpoint.status, *endpoint.also):
        found[status] = _answer(endpoint, status, schemas)
    return {str(status): found[status] for status in sorted(found)}


def _answer(endpoint: AnyEndpoint, status: int, schemas: _Schemas) -> Json:
    described: Json = {"description": HTTPStatus(status).phrase, "headers": _headers(_TRACE)}
    if status == 204 or endpoint.answer is None:
        return described
    media_type = endpoint.answer_type if isinstance(endpoint, RawEndpoint) else JSON
    return described | {"content": {media_type: {"schema": schemas.of(endpoint.answer, "serialization")}}}


def _errors(endpoint: AnyEndpoint) -> Sequence[type[Refused]]:
    """What follows from the declaration, and what it lists beside."""
    errors: list[type[Refused]] = [Malformed, HeadTooLarge, Unavailable]
    if endpoint.access is not Access.PUBLIC:
        errors += [Unauthorized, Forbidden]
        if endpoint.method != "GET":
            errors.append(OutOfSpace)
    if "{" in endpoint.path:
        errors.append(NotFound)
    if endpoint.content if isinstance(endpoint, RawEndpoint) else endpoint.body:
        errors += [TooSlow, TooLarge, UnsupportedMedia]
    return [*errors, *endpoint.raises]


def _problem_responses(api: Api, schema: Json) -> Json:
    """Every refusal there is, on our routes and on IBM's."""
    used = {
        (error.status, error, api.plain_errors(one.path)) for one in api.endpoints for error in _errors(one)
    }
    return {
        _response_name(error, plain=plain): {
            "description": error.title,
            "headers": _headers(*_headers_of(error)),
            "content": {media_type: {"schema": schema} for media_type in _problem_types(error, plain=plain)},
        }
        for _, error, plain in sorted(used, key=lambda one: (one[0], one[1].__name__, one[2]))
    }


def _headers_of(error: type[Refused]) -> Sequence[str]:
    if error is Unauthorized:
        return _TRACE, _CHALLENGE
    return (_TRACE, _WAIT) if error.status in (429, 503, 507) else (_TRACE,)


def _headers(*names: str) -> Json:
    return {name: {"$ref": HEADERS + name} for name in names}


def _header(description: str, always: bool) -> Json:
    return {"description": description, "required": always, "schema": {"type": "string"}}


def _problem_types(error: type[Refused], *, plain: bool) -> Sequence[str]:
    if not plain:
        return (PROBLEM_JSON,)
    return (JSON, PROBLEM_JSON) if error in _BEFORE_THE_PATH else (JSON,)


def _response_name(error: type[Refused], *, plain: bool) -> str:
    return f"{error.__name__}Plain" if plain else error.__name__


def _name(reference: Json) -> str:
    return str(reference["$ref"]).removeprefix(SCHEMAS)
