"""The typed endpoint layer: a route is declared once, and becomes an aiohttp route and an OpenAPI operation.

An Endpoint says what goes in and out; its handler gets a Call that is read, checked and authenticated
already (`invoke.py`) and returns a model. A RawEndpoint reads its request itself: the hot path of ingest.
What the OpenAPI document looks like is in `openapi.py`, what errors look like in `problem.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeAlias, TypeVar

from aiohttp import web
from pydantic import BaseModel

from gateway.api.quick import QuickHandler, QuickRoutes
from gateway.domain.errors import Refused
from gateway.domain.source import Instance, Role
from gateway.security.keys import Principal

B = TypeVar("B")
Q = TypeVar("Q")

INSTANCE = "instance_id"
"""The path variable that names the instance."""

IBM_PREFIX = "/event-notifications"
"""Below it IBM's clients expect their API (facts: ibm-event-notifications 1)."""


class Access(Enum):
    """Who may call. Where the path names an instance, the key has to belong to it, or be the operator's."""

    PUBLIC = frozenset[Role]()
    SENDER = frozenset({Role.SOURCE, Role.SENDER, Role.ADMIN, Role.OPERATOR})
    ADMIN = frozenset({Role.ADMIN, Role.OPERATOR})
    OPERATOR = frozenset({Role.OPERATOR})


@dataclass(frozen=True, slots=True)
class Call(Generic[B, Q]):
    """What a handler receives. `path` holds the variables of the path, percent-decoded once."""

    path: Mapping[str, str]
    query: Q
    body: B
    request: web.Request
    caller: Principal | None
    tenant: Instance | None

    @property
    def principal(self) -> Principal:
        """Who calls. Only a public endpoint has none; asking there is a mistake in the gateway."""
        if self.caller is None:
            raise LookupError("a public endpoint has no principal")
        return self.caller

    @property
    def instance(self) -> Instance:
        """The instance that the path names. Asking where it names none is a mistake in the gateway."""
        if self.tenant is None:
            raise LookupError("the path names no instance")
        return self.tenant


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is more than a body: another status than the declared one, or headers."""

    body: BaseModel | Mapping[str, Any] | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Answered: TypeAlias = BaseModel | Mapping[str, Any] | Reply | web.StreamResponse | None


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[B, Q]):
    """A route that takes and gives JSON.

    `answer` documents the body that `status` (or one of `also`, other statuses with the same body) has.
    `raises` lists refusals beyond those that follow from the declaration itself. `ibm`: also below
    IBM_PREFIX, and errors are `application/json`. `multipart`: takes form data too.
    """

    method: str
    path: str
    handler: Callable[[Call[B, Q]], Awaitable[Answered]]
    summary: str
    tag: str
    access: Access = Access.ADMIN
    body: type[B] | None = None
    query: type[Q] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    also: Sequence[int] = ()
    raises: Sequence[type[Refused]] = ()
    multipart: bool = False
    ibm: bool = False
    description: str = ""

    @property
    def accepts(self) -> tuple[str, ...]:
        """The media types that the body may have."""
        return ("application/json", "multipart/form-data") if self.multipart else ("application/json",)


@dataclass(frozen=True, kw_only=True)
class RawEndpoint:
    """A route whose handler reads the request itself; Refused that it raises is still answered properly.

    `content` describes the request body by media type, `answers` what comes back by status; both take a
    model or a JSON Schema. `quick` is the short way of the same (`quick.py`). `access` and `query` only
    document; `parameters` are OpenAPI parameter objects.
    """

    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    tag: str
    quick: QuickHandler | None = None
    access: Access = Access.PUBLIC
    content: Mapping[str, type[BaseModel] | Mapping[str, Any]] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    parameters: Sequence[Mapping[str, Any]] = ()
    answer: type[BaseModel] | Mapping[str, Any] | None = None
    answer_type: str = "application/json"
    status: int = 200
    also: Sequence[int] = ()
    raises: Sequence[type[Refused]] = ()
    ibm: bool = False
    description: str = ""


AnyEndpoint: TypeAlias = Endpoint[Any, Any] | RawEndpoint
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """All endpoints, in the order in which they are matched: put the hot ones first."""

    def __init__(self, endpoints: Sequence[AnyEndpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self.quick = QuickRoutes(
            [
                (one.method, one.path, one.quick)
                for one in endpoints
                if isinstance(one, RawEndpoint) and one.quick
            ]
        )
        ibm = [one.path for one in endpoints if one.ibm]
        self._ibm_nouns = frozenset(noun for path in ibm if (noun := _noun(path)))
        self._ibm_paths = frozenset(path for path in ibm if not _noun(path))

    def mount(self, application: web.Application, bind: Callable[[Endpoint[Any, Any]], Handler]) -> None:
        """Add every route to the application; `bind` makes an aiohttp handler of a typed endpoint."""
        application[API] = self
        resources: dict[str, web.Resource] = {}
        for endpoint in self.endpoints:
            handler = endpoint.handler if isinstance(endpoint, RawEndpoint) else bind(endpoint)
            for path in _places(endpoint):
                resource = resources.get(path) or application.router.add_resource(path)
                resources[path] = resource
                for method in _methods(endpoint):
                    resource.add_route(method, handler)

    def plain_errors(self, path: str) -> bool:
        """Whether errors at this path, matched or not, are for IBM's clients."""
        noun = _noun(path)
        known = noun in self._ibm_nouns if noun else path in self._ibm_paths
        return known or path.startswith(IBM_PREFIX + "/")


API = web.AppKey("api", Api)
"""Where an application keeps the Api that is mounted on it."""


def _places(endpoint: AnyEndpoint) -> Iterator[str]:
    yield endpoint.path
    if endpoint.ibm:
        yield IBM_PREFIX + endpoint.path


def _methods(endpoint: AnyEndpoint) -> tuple[str, ...]:
    return ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)


def _noun(path: str) -> str:
    """The `topics` of `/v1/instances/{instance_id}/topics/...`; '' elsewhere."""
    steps = path.split("/", 5)
    return steps[4] if len(steps) > 4 and steps[1:3] == ["v1", "instances"] else ""
