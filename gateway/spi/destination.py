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
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationInfo, model_validator

from gateway.domain.clock import Clock
from gateway.spi.message import Message
from gateway.spi.outcome import Receipt
from gateway.spi.secret_fields import (
    MASK,
    open_settings,
    plain_secrets,
    secret_fields,
    unmasked,
    with_secrets,
)
from gateway.spi.transport import HttpClient

__all__ = [
    "MASK",
    "MAX_ATTEMPT_SECONDS",
    "AnyDestination",
    "Destination",
    "DestinationConfig",
    "SocketDialer",
    "SubscriptionAddress",
    "Tools",
    "open_settings",
    "plain_secrets",
    "secret_fields",
    "with_secrets",
]

MAX_ATTEMPT_SECONDS = 30.0


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


class SubscriptionAddress(BaseModel):
    """What a subscription adds: recipients, channel, look. Flat like a DestinationConfig, without secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SocketDialer(Protocol):
    """Opens sockets through the egress guard; the only way for an adapter to the network besides `http`."""

    async def open(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connected, non-blocking TCP socket; `timeout` is in seconds for everything.

        Raises DeliveryFailed: blocked_address, unavailable, timeout.
        """


@dataclass(frozen=True, slots=True)
class Tools:
    """What the gateway lends to an adapter.

    `domain` names this gateway in Message-IDs and greetings; `smtp_url` is the operator's mail relay
    (`smtp[s]://user:password@host:port?from=...`), None when none is set; `tls` says whom to trust.
    """

    http: HttpClient
    dialer: SocketDialer
    clock: Clock
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    domain: str = "tocsin.local"
    public_url: str = ""
    smtp_url: SecretStr | None = None


C = TypeVar("C", bound=DestinationConfig)
A = TypeVar("A", bound=SubscriptionAddress)


class Destination(ABC, Generic[C, A]):
    """A channel. One object serves one configured destination for as long as its settings stay the same.

    Class attributes: `kind` is the word in APIs, `title` and `summary` are for people, `timeout` bounds
    one attempt in seconds (at most 30), `width` the attempts at once (0: as configured), `creatable` is
    False for those every instance has by itself.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    Config: ClassVar[type[DestinationConfig]]
    Address: ClassVar[type[SubscriptionAddress]]
    timeout: ClassVar[float] = 10.0
    width: ClassVar[int] = 0
    creatable: ClassVar[bool] = True

    def __init__(self, config: C, tools: Tools) -> None:
        self.config = config
        self.tools = tools

    @abstractmethod
    async def deliver(self, message: Message, address: A) -> Receipt:
        """Send it once. Raises DeliveryFailed with the reason; anything else counts as `unexpected`."""

    async def close(self) -> None:
        """Let go of connections; called once, after the last delivery."""

    @classmethod
    def recipients(cls, address: A) -> tuple[str, ...]:
        """Who gets a delivery of their own; ('',) for kinds that have no recipients."""
        return ("",)


AnyDestination = Destination[Any, Any]
