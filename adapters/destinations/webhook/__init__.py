"""A webhook for programs: the CloudEvent as it came, signed after Standard Webhooks 1.0.

Reference: CloudEvents HTTP protocol binding and webhook specification 1.0.2, standardwebhooks.com; the
settings are those of IBM Event Notifications' webhook destination and some of our own. Signing is ours,
not IBM's, whose format is not published.

    settings.py    what a destination and a subscription say
    handshake.py   asking the receiver whether it wants events
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from adapters.destinations.webhook.handshake import ORIGIN_HEADER, allowed_rate
from adapters.destinations.webhook.settings import (
    BODILESS,
    HEADER,
    JSON_TYPE,
    MAX_HEADER_VALUE,
    WebhookAddress,
    WebhookConfig,
)
from gateway.spi.cloudevents import encode
from gateway.spi.destination import Pace, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import BODY, Message
from gateway.spi.outcome import Receipt
from gateway.spi.rendering import clip
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Signer
from gateway.spi.templates import Target, looks_like_json
from gateway.spi.transport import HttpRequest, parse_url
from gateway.spi.wording import Words, worded

CONTENT_TYPE = "content-type"
INCIDENT_HEADER = "tocsin-incident"
"""Names the incident that the event belongs to, for receivers that group by it."""

_TYPES = {"structured": encode.STRUCTURED_TYPE, "batched": encode.BATCH_TYPE}


class Content(NamedTuple):
    """What is said of an event: header fields of its own, the body, and what to keep of both, None for the
    body."""

    headers: list[tuple[str, str]]
    body: bytes
    sent: bytes | None = None


class Webhook(HttpDestination[WebhookConfig, WebhookAddress]):
    """Forwards events unchanged."""

    kind: ClassVar[str] = "webhook"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "Webhook"
    summary: ClassVar[str] = "Signed CloudEvents over HTTP, for programs."
    Config = WebhookConfig
    Address = WebhookAddress

    def __init__(self, config: WebhookConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._method = config.verb.upper()
        self._bodiless = config.verb in BODILESS
        self._target = parse_url(config.full_url)
        self._mode = "binary" if self._bodiless else config.mode
        self._signer = Signer(config.signing_keys)
        self._templates = config.templates()
        own = [(ORIGIN_HEADER, tools.domain)] if config.handshake else []
        plain = (field for field in config.all_headers if HEADER + field[0] not in self._templates)
        self._headers = own + [field for field in plain if field[0].lower() != CONTENT_TYPE]
        configured = next((value for name, value in config.all_headers if name.lower() == CONTENT_TYPE), "")
        self._event_type = (CONTENT_TYPE, configured or f"{_TYPES.get(self._mode)}; charset=utf-8")
        self._body_type = (CONTENT_TYPE, config.content_type or configured or JSON_TYPE)

    @classmethod
    def wording(cls, name: str, text: str) -> Words | None:
        """See Destination. A template makes the whole body."""
        return Words(BODY, Target.JSON if looks_like_json(text) else Target.TEXT) if name == "body" else None

    @property
    def pace(self) -> Pace | None:
        """See Destination."""
        rate = self.config.rate_per_minute
        return Pace(rate, 60.0) if rate else None

    async def prepare(self) -> Mapping[str, Any]:
        """See Destination. With a handshake, the receiver has to consent; it may say how much it wants."""
        if not self.config.handshake:
            return {}
        return {"rate_per_minute": await allowed_rate(self.tools, self._target, self.config)}

    async def deliver(self, message: Message, address: WebhookAddress) -> Receipt:
        """See Destination. Every try carries the same webhook-id and the time of this try."""
        timestamp = str(int(self._now()))
        if self._templates:
            message = self._worded(message)
        added, body, sent = self._content(message)
        headers = [*added, *self._headers, (ID_HEADER, message.delivery_id), (TIMESTAMP_HEADER, timestamp)]
        if message.chapter is not None:
            headers.append((INCIDENT_HEADER, message.chapter.incident.id))
        if address.signing_enabled:
            headers.append((SIGNATURE_HEADER, self._signer.sign(message.delivery_id, timestamp, body)))
        request = HttpRequest(self._method, self._target, headers, body, self.timeout)
        return await self.exchange(request, sent=sent, note=message.note)

    def _worded(self, message: Message) -> Message:
        """With what the destination's own templates make; a subscription's body wins."""
        parts = {name: made for name, made in self._templates.items() if name not in message.templated}
        return worded(message, parts, "a template of the destination")

    def _content(self, message: Message) -> Content:
        made = message.templated
        if BODY in made and not self._bodiless:
            content = Content([self._body_type], made[BODY].encode("utf-8", "replace"))
        else:
            content = self._event_content(message)
        headers = [
            (name.removeprefix(HEADER), clip(made[name], MAX_HEADER_VALUE, ""))
            for name in self._templates
            if name in made and name != BODY
        ]
        return content._replace(headers=[*content.headers, *headers]) if headers else content

    def _event_content(self, message: Message) -> Content:
        if self._mode == "structured":
            return Content([self._event_type], encode.structured(message.event))
        if self._mode == "batched":
            return Content([self._event_type], encode.batch([message.event]))
        attributes, data = encode.binary(message.event)
        if self._bodiless:
            attributes, data = [field for field in attributes if field[0] != "Content-Type"], b""
        lines = "".join(f"{name}: {value}\r\n" for name, value in attributes)
        return Content(attributes, data, b"%b\r\n%b" % (lines.encode("utf-8", "replace"), data))
