"""What a destination adapter is: one file that describes itself and delivers a message once.

From `Config` and `Address` come the API's validation, the JSON Schemas, the reference page, the CLI's
options and the masking of secrets; no adapter declares any of those a second time. An adapter tries
once: retries, pauses and dead letters are the pipeline's.
"""

from __future__ import annotations

import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, model_validator

from gateway.domain.clock import Clock
from gateway.domain.delivery import LateReceipt
from gateway.spi.callback import Callback, CallbackRefused
from gateway.spi.message import TEXT, TITLE, Message
from gateway.spi.outcome import Receipt
from gateway.spi.secret_fields import (
    MASK,
    open_settings,
    plain_secrets,
    secret_fields,
    unmasked,
    with_secrets,
)
from gateway.spi.templates import Target
from gateway.spi.transport import HttpClient, InvalidUrl, parse_url
from gateway.spi.wording import Words

__all__ = [
    "MASK",
    "MAX_ATTEMPT_SECONDS",
    "AnyDestination",
    "Destination",
    "DestinationConfig",
    "Endpoint",
    "Lent",
    "Pace",
    "SocketDialer",
    "SubscriptionAddress",
    "Tools",
    "open_settings",
    "plain_secrets",
    "secret_fields",
    "with_secrets",
]

MAX_ATTEMPT_SECONDS = 30.0


class Pace(NamedTuple):
    """What a vendor lets through: at most `limit` deliveries begin in any `seconds`."""

    limit: int
    seconds: float


class Endpoint(NamedTuple):
    """A host (a name, or an address without brackets) and a port that deliveries are sent to."""

    host: str
    port: int


class DestinationConfig(BaseModel):
    """Endpoint and credentials: flat (scalars, lists and string maps), every field with a title and a
    description, secrets as SecretStr or a map of them.

    A `before` validator may accept a foreign shape (IBM's `custom_headers` with `sensitive_headers`);
    `shown` turns it back. Validated with the context `{"stored": plain_secrets(config)}`, a secret that
    reads MASK keeps its stored value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _keep_masked(cls, given: object, info: ValidationInfo) -> object:
        stored = (info.context or {}).get("stored")
        if not stored or not isinstance(given, Mapping):
            return given
        return unmasked(given, stored, cls)

    def shown(self) -> dict[str, Any]:
        """The settings as an API may answer them: JSON values, every secret as MASK."""
        return self.model_dump(mode="json")

    def warnings(self) -> tuple[str, ...]:
        """What works but should not stay so, a sentence each; for whoever saves these settings."""
        return ()

    def public_key(self) -> str:
        """What receivers verify signatures with, `whpk_` and base64; '' where there is no such key."""
        return ""

    def handed_out(self) -> dict[str, str]:
        """The secrets that the gateway made for these settings and that a receiver has to know, by field."""
        plain = plain_secrets(self)
        return {
            place: plain[place] for place in plain if place.partition(".")[0] not in self.model_fields_set
        }

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Whom deliveries will connect to, so that what the egress guard refuses is refused when it is
        saved: every field that is an http(s) URL, unless a kind knows better."""
        plain = [*open_settings(self).values(), *plain_secrets(self).values()]
        urls = (_url(value) for value in plain if isinstance(value, str) and "://" in value)
        return tuple(url for url in urls if url)


def _url(text: str) -> Endpoint | None:
    try:
        url = parse_url(text)
    except InvalidUrl:
        return None
    return Endpoint(url.host, url.port)


class SubscriptionAddress(BaseModel):
    """What a subscription adds: recipients, channel, look. Flat like a DestinationConfig, without secrets.

    A kind whose messages a template may word has `template_id_notification`, as IBM's have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class SocketDialer(Protocol):
    """Opens sockets through the egress guard; the only way for an adapter to the network besides `http`."""

    async def open(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connected, non-blocking TCP socket; `timeout` is in seconds for everything.

        Raises DeliveryFailed: blocked_address, unavailable, timeout.
        """


class Lent(Protocol):
    """What the operator set for all instances, each a URL with its credentials; None where nothing is set."""

    @property
    def smtp_url(self) -> SecretStr | None:
        """The mail relay: `smtp[s]://user:password@host:port?from=...`."""

    @property
    def sms_url(self) -> SecretStr | None:
        """The account for SMS: `twilio://SID:TOKEN@?from=...`."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the gateway lends to an adapter; Lent is a part of it.

    `domain` names this gateway in Message-IDs and greetings; `tls` says whom to trust.
    """

    http: HttpClient
    dialer: SocketDialer
    clock: Clock
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    domain: str = "tocsin.local"
    public_url: str = ""
    smtp_url: SecretStr | None = None
    sms_url: SecretStr | None = None


C = TypeVar("C", bound=DestinationConfig)
A = TypeVar("A", bound=SubscriptionAddress)


class Destination(ABC, Generic[C, A]):
    """A channel. One object serves one configured destination for as long as its settings stay the same.

    Class attributes: `kind` is the word in APIs, `title` and `summary` are for people, `timeout` bounds
    one attempt in seconds (at most 30), `width` the attempts at once (0: as configured), `creatable` is
    False for those every instance has by itself. Where `threads` is True, a message may stand below another,
    whose `vendor_id` is remembered for that. Where `people` read it, who was told of a failure is told of its
    recovery too, whatever rules say; programs get what rules ask for and nothing else. `stability` is
    `unverified` where the adapter rests on what no document, server or library at hand could prove.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[DestinationConfig]]
    Address: ClassVar[type[SubscriptionAddress]]
    timeout: ClassVar[float] = 10.0
    width: ClassVar[int] = 0
    creatable: ClassVar[bool] = True
    threads: ClassVar[bool] = False
    people: ClassVar[bool] = True
    stability: ClassVar[Literal["stable", "unverified"]] = "stable"

    def __init__(self, config: C, tools: Tools) -> None:
        self.config = config
        self.tools = tools

    @abstractmethod
    async def deliver(self, message: Message, address: A) -> Receipt:
        """Send it once. Raises DeliveryFailed with the reason; anything else counts as `unexpected`."""

    @property
    def pace(self) -> Pace | None:
        """The rate that the far end publishes, or has told in its last answers; None where it has none. The
        pipeline keeps to it, and looks again after every success."""
        return None

    async def prepare(self) -> Mapping[str, Any]:
        """Get the far end ready, once, when these settings are about to be saved: check a bucket, agree on
        a rate. Returns settings that were learnt by it, to be saved with the others.

        Raises DeliveryFailed, which refuses the settings: so only where they say that this is to be done.
        """
        return {}

    def receipt_of(self, callback: Callback) -> LateReceipt:
        """What a callback says of the delivery whose `callback_url` it came to.

        Raises CallbackRefused when it is not genuine; kinds that ask for no callbacks refuse all.
        """
        raise CallbackRefused(f"{self.kind} takes no callbacks")

    async def close(self) -> None:
        """Let go of connections; called once, after the last delivery."""

    @classmethod
    def fault(cls, lent: Lent) -> str:
        """Why what the operator set for this kind cannot be used, naming the setting and not its value; ''
        where it can, and where nothing is set: the gateway does not start with such a fault."""
        return ""

    @classmethod
    def wording(cls, name: str, text: str) -> Words | None:
        """What a template's text of this name (`title`, `body`, ...) makes of a message; None where the kind
        has no use for it. A title and what stands below it, in plain text that the adapter escapes, is what
        every kind can do."""
        return _WORDS.get(name)

    @classmethod
    def recipients(cls, address: A) -> tuple[str, ...]:
        """Who gets a delivery of their own; ('',) for kinds that have no recipients."""
        return ("",)


_WORDS = {"title": Words(TITLE, Target.LINE), "body": Words(TEXT, Target.TEXT)}

AnyDestination = Destination[Any, Any]
