"""A webhook receiver: verifies the signature, knows a repeat by its id, hands on what is new, answers 204.

It is what a receiver should be; `examples/receiver.py` is the same in forty lines without this project.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import BaseCloudEventException

from gateway.domain.clock import Clock
from gateway.domain.errors import Unauthorized
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, verify

MAX_BODY = 4 * 1024 * 1024
REMEMBERED = 10_000
"""Ids that are remembered; a repeat comes within hours, and this is days of events for a person to read."""


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook. `event` is None where the body is no CloudEvent; `at` is in seconds since the epoch."""

    webhook_id: str
    event: BaseCloudEvent | None
    body: bytes
    signature: str
    verified: bool
    repeat: bool
    at: float


class Receiver:
    """Takes webhooks. Without secrets nothing is verified, and every Received says so."""

    def __init__(
        self,
        clock: Clock,
        received: Callable[[Received], None],
        refused: Callable[[Unauthorized], None] = lambda _: None,
    ) -> None:
        self.secrets: Sequence[str] = ()
        self._clock, self._received, self._refused = clock, received, refused
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request: 204 for what is new or a repeat, 401 for a signature that does not fit."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            if self.secrets:
                verify(self.secrets, headers, body, self._clock.now())
        except Unauthorized as refused:
            self._refused(refused)
            return web.Response(status=401, text=refused.code)
        self._received(self._taken(headers, body))
        return web.Response(status=204)

    def _taken(self, headers: dict[str, str], body: bytes) -> Received:
        webhook_id = headers.get(ID_HEADER) or f"sha256:{hashlib.sha256(body).hexdigest()}"
        return Received(
            webhook_id,
            _event(headers, body),
            body,
            headers.get(SIGNATURE_HEADER, ""),
            verified=bool(self.secrets),
            repeat=self._is_repeat(webhook_id),
            at=self._clock.now(),
        )

    def _is_repeat(self, webhook_id: str) -> bool:
        seen = webhook_id in self._seen
        self._seen[webhook_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return seen


def application(receiver: Receiver) -> web.Application:
    """A web application that takes webhooks at every path."""
    made = web.Application(client_max_size=MAX_BODY)
    made.router.add_route("*", "/{path:.*}", receiver.handle)
    return made


def _event(headers: dict[str, str], body: bytes) -> BaseCloudEvent | None:
    try:
        return from_http_event(HTTPMessage(headers=headers, body=body))
    except (BaseCloudEventException, ValueError, TypeError, AttributeError, RecursionError):
        return None
