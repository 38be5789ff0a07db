"""PagerDuty by its Events API v2: problems open alerts, and what ended well closes them again.

Reference: PagerDuty's pages on the Events API v2 and its rate limits (facts: destinations 8); the settings,
and what stands where in an event, are those of IBM Event Notifications' PagerDuty destination (the
second of its two tables of severities).
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from gateway.domain.severity import Severity
from gateway.domain.view import Missing
from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination, refusal
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.plain_text import short_links
from gateway.spi.rendering import details, headline, one_line, text_block
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, parse_url
from gateway.spi.url_settings import readable_on_the_way

ENQUEUE = "/v2/enqueue"
MAX_EVENT = 512_000
"""Bytes of the whole event; the event's data goes first when it is more."""

MAX_SUMMARY = 1024
MAX_ROUTING_KEY = 255
MAX_FIELD = 255
MAX_TEXT = 16_384
"""Characters: PagerDuty's of a summary; ours of a key, a short field and of the whole text in the details."""

USUAL_KEY = 32
"""Characters of a routing key as PagerDuty makes them."""

PACE = Pace(120, 60.0)
PAUSE_SECONDS = 30.0
"""PagerDuty lets about 120 events a minute through for a key, and advises 30 seconds where it refuses one."""

SEVERITIES = {
    Severity.INFO: "info",
    Severity.NOTICE: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "critical",
}
OURS = "tocsin"
"""The member of the details that is the gateway's own, beside those of the event's data."""

_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ABOUT_THE_KEY = re.compile(r"routing[_ ]key|integration[_ ]key", re.IGNORECASE)


def _url(text: str) -> str:
    url = parse_url(text)
    return text.rstrip("/") + ENQUEUE if url.target == "/" else text


def _routing_key(secret: SecretStr) -> SecretStr:
    if not 1 <= len(secret.get_secret_value()) <= MAX_ROUTING_KEY:
        raise ValueError(f"a routing key has 1 to {MAX_ROUTING_KEY} characters")
    return secret


class PagerDutyConfig(DestinationConfig):
    """An integration of a service, known by its routing key."""

    routing_key: Annotated[SecretStr, AfterValidator(_routing_key)] = Field(
        title="Routing key", description="Integration key of the service's Events API v2 integration."
    )
    api_key: SecretStr | None = Field(
        None, title="API key", description="Accepted for IBM's clients; the Events API needs none."
    )
    url: Annotated[str, AfterValidator(_url)] = Field(
        f"https://events.pagerduty.com{ENQUEUE}",
        title="URL",
        description="Where events go; https://events.eu.pagerduty.com for accounts in the European region.",
    )

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        found = [*readable_on_the_way(self.url, "events and the routing key")]
        if len(self.routing_key.get_secret_value()) != USUAL_KEY:
            found.append(f"a routing key usually has {USUAL_KEY} characters; this one has not")
        return tuple(found)


class PagerDutyAddress(SubscriptionAddress):
    """What becomes of the events of a subscription."""

    event_action: Literal["auto", "trigger", "acknowledge", "resolve"] = Field(
        "auto",
        title="Action",
        description="auto resolves the alert when all is well and triggers it otherwise; or always the same.",
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the summary; empty for the default form."
    )


class PagerDuty(HttpDestination[PagerDutyConfig, PagerDutyAddress]):
    """Sends one event per delivery."""

    kind: ClassVar[str] = "pagerduty"
    title: ClassVar[str] = "PagerDuty"
    summary: ClassVar[str] = "Alerts that are opened, and closed when all is well."
    Config = PagerDutyConfig
    Address = PagerDutyAddress

    def __init__(self, config: PagerDutyConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(config.url)
        self._headers = (("content-type", "application/json"),)

    @property
    def pace(self) -> Pace:
        """See Destination."""
        return PACE

    async def deliver(self, message: Message, address: PagerDutyAddress) -> Receipt:
        """See Destination."""
        body = enqueued(message, address, self.config.routing_key.get_secret_value())
        request = HttpRequest("POST", self._target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=_judge, vendor_id=_dedup_key_of)


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    failure, told = failure_of(answer, now), answer.members
    if failure is None:
        if told.get("status") == "success":
            return None
        return refusal(answer, Reason.MISCONFIGURED, "this is not what PagerDuty answers; is the URL right?")
    if failure.reason is Reason.THROTTLED:
        pause = failure.retry_after or PAUSE_SECONDS
        return refusal(answer, Reason.THROTTLED, told.get("message"), retry_after=pause)
    if answer.status == 404:
        return refusal(answer, Reason.MISCONFIGURED, "there are no events taken at this URL")
    said = _words(told)
    wrong_key = answer.status == 400 and _ABOUT_THE_KEY.search(said)
    return refusal(answer, Reason.UNAUTHORIZED if wrong_key else failure.reason, said)


def _words(told: dict[str, Any]) -> str:
    errors = told.get("errors")
    texts = [told.get("message"), *(errors if isinstance(errors, list) else [])]
    return "; ".join(text for text in texts if isinstance(text, str))


def _dedup_key_of(answer: HttpAnswer) -> str:
    return str(answer.members.get("dedup_key", ""))


def enqueued(message: Message, address: PagerDutyAddress, routing_key: str) -> bytes:
    """The event as PagerDuty's JSON, without the event's data where that would be too long."""
    event = _event(message, address, routing_key)
    own = {OURS: _known(message)}
    payload = event["payload"]
    payload["custom_details"] = _data(message) | own
    body = _encoded(event)
    if len(body) > MAX_EVENT:
        payload["custom_details"] = {"data": f"left out: {len(message.event.data or b'')} bytes"} | own
        body = _encoded(event)
    return body


def _event(message: Message, address: PagerDutyAddress, routing_key: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": _action(message, address),
        "dedup_key": dedup_key(message),
        "client": "Tocsin",
        "payload": _payload(message),
    }
    if message.event_url:
        event["client_url"] = message.event_url
    if links := short_links(message):
        event["links"] = [{"href": url, "text": label} for label, url in links]
    return event


def _action(message: Message, address: PagerDutyAddress) -> str:
    if address.event_action != "auto":
        return address.event_action
    return "resolve" if message.resolves else "trigger"


def dedup_key(message: Message) -> str:
    """The key of the alert: that of the thing that it is about, short enough whatever that is called."""
    return sha256(message.thread_key.encode("utf-8", "replace")).hexdigest()


def _payload(message: Message) -> dict[str, Any]:
    words, event = message.vocabulary, message.event
    known = {
        "summary": _summary(message),
        "source": one_line(event.source, MAX_FIELD) or "unknown",
        "severity": SEVERITIES[message.severity],
        "timestamp": event.text("time"),
        "component": one_line(words.resource or event.text("subject") or "", MAX_FIELD),
        "group": one_line(words.job or "", MAX_FIELD),
        "class": one_line(event.type, MAX_FIELD),
    }
    return {name: value for name, value in known.items() if value}


def _summary(message: Message) -> str:
    """Title and text in one line; the title once, where the text begins with it."""
    title, text = headline(message, MAX_SUMMARY), one_line(message.summary, MAX_SUMMARY)
    if not text or text.startswith(title):
        return text or title
    return one_line(f"{title}: {text}", MAX_SUMMARY)


def _data(message: Message) -> dict[str, Any]:
    """The event's data, a member each where it is an object."""
    payload = message.payload
    if isinstance(payload, dict):
        return payload
    if not isinstance(payload, Missing):
        return {"data": payload}
    shown = details(message.event)
    return {"data": shown} if shown else {}


def _known(message: Message) -> dict[str, str]:
    known = {name.lower(): one_line(value, MAX_FIELD) for name, value in message.facts}
    text = text_block(message.summary, MAX_TEXT)
    return {"delivery": message.dedup_key, **({"summary": text} if text else {}), **known}


def _encoded(event: dict[str, Any]) -> bytes:
    """JSON in UTF-8; of strings without an encoding, and of those that reorder what is around them, nothing
    stays that could harm."""
    try:
        body = orjson.dumps(event)
    except orjson.JSONEncodeError:
        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
    return body if body.isascii() else _REORDERING.sub("", body.decode()).encode()
