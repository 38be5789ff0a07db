"""Taking events in: CloudEvents, IBM's notifications, and the validation handshake of webhooks."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from gateway.api.body import read_body
from gateway.api.invoke import read_query
from gateway.api.quick import QuickAnswer
from gateway.api.shapes.ingest import BulkAnswer, NativeQuery, TakenAnswer
from gateway.domain.errors import Unavailable
from gateway.pipeline.authenticate import authenticate_at, authenticate_capability, identify
from gateway.pipeline.decode import PING, SLACK, format_for
from gateway.pipeline.flow import Taken
from gateway.pipeline.receive import Envelope, bearer, receive
from gateway.service.services import Services
from gateway.spi.cloudevents import handshake

PLAIN_ANSWERS = {PING: "OK", SLACK: "ok"}
"""What callers of these formats expect to read, as healthchecks and Slack answer."""


class IngestHandlers:
    """The routes that take events. They see raw requests: the codec reads bytes, not models."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def events(self, request: web.Request) -> web.StreamResponse:
        """CloudEvents 1.0, structured, binary or batched. 202 once everything is durable."""
        return await self.quick_events(request, request.match_info["instance_id"])

    async def quick_events(self, request: web.BaseRequest, instance: str) -> web.StreamResponse:
        """The same, by the short way."""
        hint = request.query.get("source_id", "") if request.rel_url.raw_query_string else ""
        return _answer(await self._services.ingest.take(await self._envelope(request, instance, hint)))

    async def consent(self, request: web.Request) -> web.Response:
        """The abuse protection of the CloudEvents webhook specification (section 4): consent by header."""
        token = bearer(request.headers.get("Authorization", "").encode("latin-1", "replace"))
        if token:
            identify(self._services.current.snapshot, token, request.match_info["instance_id"])
        asked = handshake.read(request.raw_headers)
        if asked is None:
            return web.Response(status=204, headers={"Allow": "GET, HEAD, OPTIONS, POST"})
        return web.Response(status=200, headers=handshake.consent(asked))

    async def notifications(self, request: web.Request) -> web.StreamResponse:
        """IBM Event Notifications: `ibmensourceid` names the source."""
        envelope = await self._envelope(request, request.match_info["instance_id"], "")
        return _answer(await self._services.ingest.take_notification(envelope))

    async def bulk(self, request: web.Request) -> web.Response:
        """IBM Event Notifications' bulk send, as its clients had it until 2024."""
        envelope = await self._envelope(request, request.match_info["instance_id"], "")
        taken = await self._services.ingest.take_notifications(envelope)
        answer = BulkAnswer(
            bulk_notification_id=taken.ids[0],
            bulk_messages=[TakenAnswer(notification_id=event_id) for event_id in taken.ids],
        )
        return web.Response(
            status=202, text=answer.model_dump_json(exclude_none=True), content_type="application/json"
        )

    async def native(self, request: web.Request) -> web.StreamResponse:
        """What a product sends, in the format of the source that the path names. 200, as some insist."""
        query = read_query(NativeQuery, request)
        topic = query.topic if isinstance(query, NativeQuery) else ""
        path = request.match_info
        head = self._head(request, path["instance_id"], path["id"])
        if not request.content.is_eof():
            authenticate_at(self._services.current.snapshot, head)
        envelope = await self._with_body(request, head)
        return _answer(await self._services.ingest.take_native(envelope, topic), HTTPStatus.OK)

    async def by_url(self, request: web.Request) -> web.StreamResponse:
        """A capability URL: whoever knows it may send as its source. Its path is never logged or told."""
        token = request.match_info["token"]
        head = self._head(request, "", "")
        source = authenticate_capability(self._services.current.snapshot, token)
        envelope = (await self._with_body(request, head))._replace(
            method=request.method,
            tail=request.match_info.get("tail", ""),
            query=request.rel_url.raw_query_string,
        )
        taken = await self._services.ingest.take_by_url(envelope, token, request.query.get("topic", ""))
        plain = PLAIN_ANSWERS.get(format_for(source, envelope))
        if plain:
            return web.Response(text=plain, headers={hdrs.CACHE_CONTROL: "no-store"})
        return _answer(taken, HTTPStatus.OK)

    async def _envelope(self, request: web.BaseRequest, instance: str, source_hint: str) -> Envelope:
        head = self._head(request, instance, source_hint)
        if not request.content.is_eof():
            # Nobody without a key makes the gateway wait for a body and keep it.
            identify(self._services.current.snapshot, head.token, instance)
        return await self._with_body(request, head)

    def _head(self, request: web.BaseRequest, instance: str, source_hint: str) -> Envelope:
        """What is known of a request before its body is read. Raises Unavailable."""
        services = self._services
        if services.draining:
            raise Unavailable("stopping", "the gateway is stopping; try again", retry_after=1)
        if services.settings.role == "dispatch":
            raise Unavailable("node_only_sends", "this node takes no events; ask another one", retry_after=1)
        authorization = request.headers.get(hdrs.AUTHORIZATION, "").encode("utf-8", "surrogateescape")
        received_at = services.clock.now()
        return Envelope(instance, request.raw_headers, b"", bearer(authorization), received_at, source_hint)

    async def _with_body(self, request: web.BaseRequest, head: Envelope) -> Envelope:
        settings = self._services.settings
        limit = settings.max_body_bytes
        body = await read_body(request, limit, settings.request_timeout_seconds)
        return receive(
            instance=head.instance,
            headers=head.headers,
            body=body,
            received_at=head.received_at,
            source_hint=head.source_hint,
            max_body=limit,
        )


def _answer(taken: Taken, status: HTTPStatus = HTTPStatus.ACCEPTED) -> web.StreamResponse:
    if taken.batched:
        ids = ",".join(f'"{event_id}"' for event_id in taken.ids)
        return QuickAnswer(status, f'{{"notification_ids":[{ids}]}}'.encode())
    return QuickAnswer(status, f'{{"notification_id":"{taken.ids[0]}"}}'.encode())
