"""ntfy: push messages to whoever follows a topic, at ntfy.sh or through a server of one's own.

Reference: ntfy's page on publishing as JSON and its table of error codes (facts: destinations 13). The JSON
goes to the server's root, because header fields hold no text beyond ASCII.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Any, ClassVar, Self

import orjson
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.domain.severity import Severity
from gateway.spi.destination import DestinationConfig, Pace, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination, refusal
from gateway.spi.masking import Masking
from gateway.spi.message import Message, MessageState
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.plain_text import fact_lines, fitted, short_links
from gateway.spi.rendering import clip, headline, text_block
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of, header_fault, parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_TITLE = 250
MAX_LABEL = 50
"""Characters of a title and of a button; a phone shows fewer."""

MAX_MESSAGE = 4096
"""Bytes of a message; from a longer one ntfy makes a file."""

MAX_BODY = 2 * MAX_MESSAGE
"""Bytes of the whole JSON, escapes included (ntfy's server reads no more; else code 41303)."""

MAX_ACTIONS = 3
RESERVED_TOPICS = frozenset(
    {"account", "app", "docs", "file", "login", "metrics", "settings", "signup", "static", "v1"}
)

RATE_SECONDS = 300
"""A visitor may send 60 messages at once and one more every five seconds: 60 in any five minutes fit."""

PRIORITIES = {
    Severity.INFO: 2,
    Severity.NOTICE: 3,
    Severity.WARNING: 3,
    Severity.ERROR: 4,
    Severity.CRITICAL: 5,
}
EMOJI = {
    Severity.INFO: "information_source",
    Severity.NOTICE: "bell",
    Severity.WARNING: "warning",
    Severity.ERROR: "x",
    Severity.CRITICAL: "rotating_light",
}
"""Tags that ntfy shows as emoji before the title; others stand below the message."""

RESOLVED_PRIORITY, RESOLVED_EMOJI = 2, "white_check_mark"

DAY = 86_400.0
DAILY_MESSAGES = 42908
_PAUSES = {"42901": 5.0, "42909": 60.0}
"""Seconds until one more is let through after too many requests or too many failed log-ins, because ntfy
sends no Retry-After."""

_BAD_TOPICS = frozenset({40009, 40010})

_TOPIC = r"^[-_A-Za-z0-9]{1,64}$"
_TAG = r"^[!-+\--~]{1,50}$"


def _server(text: str) -> str:
    parse_url(text)
    if "?" in text:
        raise ValueError("the server's URL has no query; the log-in has fields of its own")
    return text.rstrip("/")


def _topic(text: str) -> str:
    if text.lower() in RESERVED_TOPICS:
        raise ValueError("ntfy keeps this name for itself; choose another topic")
    return text


def _credential(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and header_fault("authorization", secret.get_secret_value()):
        raise ValueError("a token or password holds no control characters")
    return secret


Topic = Annotated[str, StringConstraints(pattern=_TOPIC), AfterValidator(_topic)]
OptionalTopic = Annotated[str, StringConstraints(pattern=f"^$|{_TOPIC}"), AfterValidator(_topic)]
Credential = Annotated[SecretStr | None, AfterValidator(_credential)]
Tag = Annotated[str, StringConstraints(pattern=_TAG)]


class NtfyConfig(DestinationConfig):
    """A server and a topic; who may publish there is known by a token, or by user and password."""

    url: Annotated[str, AfterValidator(_server)] = Field(
        "https://ntfy.sh", title="Server", description="URL of the ntfy server, without the topic."
    )
    topic: Topic = Field(
        title="Topic", description="Whoever knows it can read along, where the server asks for no log-in."
    )
    token: Credential = Field(
        None, title="Access token", description="Token to publish with, tk_...; instead of user and password."
    )
    user: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f:]*$")] = Field(
        "", title="User", description="Name to log in with; empty for none."
    )
    password: Credential = Field(None, title="Password", description="Password to log in with.")
    rate: Annotated[int, Field(ge=0, le=100_000)] = Field(
        60,
        title="Rate",
        description="Messages in five minutes, at most; 60 is what ntfy lets through unless it is told "
        "otherwise, 0 is no limit.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together")
        if self.user and self.token:
            raise ValueError("a token, or user and password: not both")
        return self

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url, "messages and the log-in")


class NtfyAddress(SubscriptionAddress):
    """Where and how a message appears."""

    publish_to: OptionalTopic = Field(
        "", title="Topic", description="Topic to publish to, instead of the destination's."
    )
    priority: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, title="Priority", description="1 to 5 for every message; empty for the severity's."
    )
    tags: Annotated[tuple[Tag, ...], Field(max_length=10)] = Field(
        ("backup",), title="Tags", description="Tags to add to that of the severity."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )


class Ntfy(HttpDestination[NtfyConfig, NtfyAddress]):
    """Publishes one message per delivery."""

    kind: ClassVar[str] = "ntfy"
    title: ClassVar[str] = "ntfy"
    summary: ClassVar[str] = "Push messages to a topic of ntfy.sh or of an ntfy server."
    Config = NtfyConfig
    Address = NtfyAddress

    def __init__(self, config: NtfyConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._target = parse_url(f"{config.url}/")
        log_in = _log_in(config)
        self._masking = Masking(
            [*plain_secrets(config).values(), *(text.split()[1] for text in log_in.values())]
        )
        self._headers = (("content-type", "application/json; charset=utf-8"), *log_in.items())

    @property
    def pace(self) -> Pace | None:
        """See Destination."""
        return Pace(self.config.rate, RATE_SECONDS) if self.config.rate else None

    async def deliver(self, message: Message, address: NtfyAddress) -> Receipt:
        """See Destination."""
        body = publication(message, address, self.config.topic)
        request = HttpRequest("POST", self._target, self._headers, body, self.timeout)
        return await self.exchange(request, judge=_judge, vendor_id=_id)


def _log_in(config: NtfyConfig) -> dict[str, str]:
    if config.token:
        return {"authorization": f"Bearer {config.token.get_secret_value()}"}
    if config.password:
        pair = f"{config.user}:{config.password.get_secret_value()}"
        return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}
    return {}


def _judge(answer: HttpAnswer, now: float) -> DeliveryFailed | None:
    failure, told = failure_of(answer, now), answer.members
    if failure is None:
        if told.get("event") == "message" or answer.truncated:
            return None
        return refusal(answer, Reason.MISCONFIGURED, "this is not what ntfy answers; is the URL right?")
    said, code = told.get("error"), told.get("code")
    if failure.reason is Reason.THROTTLED:
        pause = failure.retry_after or (DAY - now % DAY if code == DAILY_MESSAGES else _PAUSES.get(str(code)))
        return refusal(answer, Reason.THROTTLED, said, retry_after=pause)
    if answer.status == 404 or code in _BAD_TOPICS:
        return refusal(answer, Reason.MISCONFIGURED, said or "this URL takes no messages")
    return refusal(answer, failure.reason, said)


def _id(answer: HttpAnswer) -> str:
    return str(answer.members.get("id", ""))


def publication(message: Message, address: NtfyAddress, topic: str) -> bytes:
    """The message as ntfy's JSON, cut until the message and the whole keep their limits.

    JSON makes at most two bytes of one here, so half of what is too much is never more than has to go.
    """
    content = _around(message, address, topic)
    summary, facts = text_block(message.summary, MAX_MESSAGE).strip(), fact_lines(message)
    limit = MAX_MESSAGE
    while True:
        content["message"] = fitted(summary, facts, (), limit) or content["title"]
        body = orjson.dumps(content)
        if len(body) <= MAX_BODY:
            return body
        limit -= (len(body) - MAX_BODY + 1) // 2


def _around(message: Message, address: NtfyAddress, topic: str) -> dict[str, Any]:
    """All but the text. A click opens the event, where the gateway has a public address."""
    well = message.resolves and message.state is not MessageState.PROBLEM
    priority = RESOLVED_PRIORITY if well else PRIORITIES[message.severity]
    links = short_links(message)
    content: dict[str, Any] = {
        "topic": address.publish_to or topic,
        "title": headline(message, MAX_TITLE),
        "message": "",
        "priority": address.priority or priority,
        "tags": [RESOLVED_EMOJI if well else EMOJI[message.severity], *address.tags],
    }
    if links:
        content["click"] = message.event_url or links[0].url
        content["actions"] = [
            {"action": "view", "label": clip(label, MAX_LABEL, "…"), "url": url}
            for label, url in links[:MAX_ACTIONS]
        ]
    return content
