"""Taking events in: CloudEvents, IBM's notifications, and the validation handshake of webhooks."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import hdrs, web

from gateway.api.body import read_body
from gateway.api.quick import QuickAnswer
from gateway.api.shapes.ingest import BulkAnswer, TakenAnswer
from gateway.domain.errors import Unavailable
from gateway.pipeline.authenticate import identify
from gateway.pipeline.flow import Taken
from gateway.pipeline.receive import Envelope, bearer, receive
from gateway.service.services import Services
from gateway.spi.cloudevents import handshake


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

    async def _envelope(self, request: web.BaseRequest, instance: str, source_hint: str) -> Envelope:
        services = self._services
        if services.draining:
            raise Unavailable("stopping", "the gateway is stopping; try again", retry_after=1)
        if services.settings.role == "dispatch":
            raise Unavailable("node_only_sends", "this node takes no events; ask another one", retry_after=1)
        if not request.content.is_eof():
            # Nobody without a key makes the gateway wait for a body and keep it.
            authorization = request.headers.get(hdrs.AUTHORIZATION, "").encode("utf-8", "surrogateescape")
            identify(services.current.snapshot, bearer(authorization), instance)
        received_at = services.clock.now()
        limit = services.settings.max_body_bytes
        body = await read_body(request, limit, services.settings.request_timeout_seconds)
        return receive(
            instance=instance,
            headers=request.raw_headers,
            body=body,
            received_at=received_at,
            source_hint=source_hint,
            max_body=limit,
        )


def _answer(taken: Taken) -> web.StreamResponse:
    if taken.batched:
        ids = ",".join(f'"{event_id}"' for event_id in taken.ids)
        return QuickAnswer(HTTPStatus.ACCEPTED, f'{{"notification_ids":[{ids}]}}'.encode())
    return QuickAnswer(HTTPStatus.ACCEPTED, f'{{"notification_id":"{taken.ids[0]}"}}'.encode())
