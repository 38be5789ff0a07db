"""MQTT 5: events published to a topic with QoS 1, awaited until the broker has them.

Reference: CloudEvents MQTT protocol binding 1.0.2, MQTT 5.0 (facts: destinations 24). The delivery's id is
the Correlation Data. Needs the extra `mqtt`.

    connection.py   speaks with the broker     publication.py   an event as a PUBLISH
    reasons.py      what its codes mean        handshake.py     TLS with it
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from adapters.destinations.mqtt import publication
from adapters.destinations.mqtt.publication import Publication
from adapters.destinations.mqtt.reasons import NO_SUBSCRIBERS, lost, no_connection, refusal
from gateway.spi.destination import Destination, DestinationConfig, Endpoint, SubscriptionAddress, Tools
from gateway.spi.loading import load
from gateway.spi.masking import Masking
from gateway.spi.message import Message
from gateway.spi.naming import checked_template, name_of
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.url_settings import readable_on_the_way

if TYPE_CHECKING:
    from adapters.destinations.mqtt.connection import Connection

PORTS = {"mqtt": 1883, "mqtts": 8883}
SEPARATOR = "/"
EXTRA = "paho.mqtt.client"
MISSING = "MQTT needs an extra: pip install 'tocsin[mqtt]'"
MAX_STRING = 65_535
"""Bytes of a string in MQTT (section 1.5.4)."""

SHARE = 0.9
"""Of an attempt's time, what publishing may take: the rest is for telling that it was sent in vain."""

_URL = re.compile(r"mqtts?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?\Z")
_NOT_IN_STRINGS = re.compile("[\x00\ud800-\udfff]")


def _url(text: str) -> str:
    if _URL.match(text) is None or not 0 < _endpoint(text).port <= 65535:
        raise ValueError("a broker reads mqtt://host:port, or mqtts://host:port for TLS")
    return text


def _endpoint(url: str) -> Endpoint:
    parts = urlsplit(url)
    port = url.rstrip("/").rpartition(":")[2]
    return Endpoint(parts.hostname or "", int(port) if port.isdigit() else PORTS[parts.scheme])


def _topic(text: str) -> str:
    return checked_template(text, SEPARATOR)


def _optional_topic(text: str) -> str:
    return _topic(text) if text else ""


class MqttConfig(DestinationConfig):
    """A broker, how to log in, and how events are published."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        title="Broker",
        description="mqtt://host:port, or mqtts://host:port for TLS; port 1883 or 8883 unless given.",
    )
    user: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="User", description="Name to log in with; empty for none."
    )
    password: SecretStr | None = Field(None, title="Password", description="The user's password.")
    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,40}$")] = Field(
        "tocsin",
        title="Client id",
        description="Beginning of the client id; each connection adds 8 characters of its own.",
    )
    topic: Annotated[str, AfterValidator(_topic)] = Field(
        "tocsin/{instance}/{type}",
        title="Topic",
        description="Words, and {instance}, {source}, {type}, {severity} or {outcome}, parted by slashes.",
    )
    retain: bool = Field(
        False,
        title="Retain",
        description="The broker keeps the last event of a topic for who subscribes later.",
    )
    mode: Literal["structured", "binary"] = Field(
        "structured",
        title="Content mode",
        description="CloudEvents content mode: structured JSON, or binary with user properties.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.password and not self.user:
            raise ValueError("a password needs a user")
        return self

    def endpoints(self) -> tuple[Endpoint, ...]:
        """See DestinationConfig."""
        return (_endpoint(self.url),)

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        if not self.password:
            return ()
        return readable_on_the_way(self.url, "the password", plain="mqtt", secure="mqtts")


class MqttAddress(SubscriptionAddress):
    """Where the events of a subscription go. Its `topic` is the one that it leads away from."""

    mqtt_topic: Annotated[str, AfterValidator(_optional_topic)] = Field(
        "", title="Topic", description="Topic instead of the destination's; empty for that."
    )


class Mqtt(Destination[MqttConfig, MqttAddress]):
    """Publishes events over one connection."""

    kind: ClassVar[str] = "mqtt"
    people: ClassVar[bool] = False
    title: ClassVar[str] = "MQTT"
    summary: ClassVar[str] = "CloudEvents to a topic of an MQTT 5 broker."
    Config = MqttConfig
    Address = MqttAddress

    def __init__(self, config: MqttConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._masking = Masking(plain_secrets(config).values())
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._closed = False

    async def deliver(self, message: Message, address: MqttAddress) -> Receipt:
        """See Destination. Every try carries the same Correlation Data."""
        topic = name_of(address.mqtt_topic or self.config.topic, message, SEPARATOR)
        make = publication.structured if self.config.mode == "structured" else publication.binary
        made = make(message, topic, retain=self.config.retain)
        kept = self._masking.sent(made.kept)
        try:
            return await self._published(made, kept)
        except DeliveryFailed as failure:
            raise self._masking.failure(failure, kept) from None

    async def prepare(self) -> Mapping[str, Any]:
        """See Destination: settings that cannot be used here, because the extra is missing, are not saved."""
        await _require_extra()
        return {}

    async def close(self) -> None:
        """See Destination."""
        self._closed = True
        for task in self._retiring:
            task.cancel()
        self._retire()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    async def _published(self, made: Publication, kept: bytes) -> Receipt:
        await _require_extra()
        from adapters.destinations.mqtt.connection import BrokerError, CrowdedError, LostError

        _require_strings(made)
        deadline = asyncio.get_running_loop().time() + self.timeout * SHARE
        connection = await self._connected(deadline)
        if made.size > connection.max_packet > 0:
            most = connection.max_packet
            raise DeliveryFailed(Reason.REJECTED, f"{made.size} bytes are over the broker's limit of {most}")
        try:
            reason = await connection.publish(made, deadline)
        except CrowdedError:
            raise DeliveryFailed(Reason.TIMEOUT, "the broker was busy with earlier messages") from None
        except TimeoutError:
            self._retire(connection)
            raise DeliveryFailed(Reason.AMBIGUOUS, "published, and not acknowledged in time") from None
        except BrokerError as error:
            raise refusal(error.code, str(error), self.config.url) from None
        except LostError as error:
            raise lost(error, self.config.url) from None
        nobody = ", to which nobody subscribes" if reason.value == NO_SUBSCRIBERS else ""
        return Receipt(f"0x{reason.value:02X}", f"published to {made.topic}{nobody}", sent=kept)

    async def _connected(self, deadline: float) -> Connection:
        """The connection, opened when there is none; deliveries that come meanwhile wait for it."""
        try:
            async with asyncio.timeout_at(deadline), self._opening:
                if self._closed:
                    raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
                if self._connection is None or self._connection.lost.done():
                    self._retire()
                    self._connection = await self._opened(deadline)
                return self._connection
        except TimeoutError:
            raise DeliveryFailed(Reason.TIMEOUT, f"{self.config.url}: no log-in in time") from None

    async def _opened(self, deadline: float) -> Connection:
        from adapters.destinations.mqtt.connection import BrokerError, Connection, LostError

        broker, config = _endpoint(self.config.url), self.config
        left = deadline - asyncio.get_running_loop().time()
        sock = await self.tools.dialer.open(broker.host, broker.port, left)
        try:
            return await Connection.open(
                sock,
                broker.host,
                broker.port,
                tls=self.tools.tls if config.url.startswith("mqtts:") else None,
                client_id=f"{config.client_id}{secrets.token_hex(4)}",
                user=config.user,
                password=config.password.get_secret_value() if config.password else "",
            )
        except BrokerError as error:
            raise refusal(error.code, str(error), config.url) from None
        except TimeoutError:
            raise
        except (LostError, OSError) as error:
            raise no_connection(error, config.url) from None

    def _retire(self, connection: Connection | None = None) -> None:
        """Take a connection out of use, by default the one in use; what is under way on it ends first."""
        retired = connection or self._connection
        if retired is self._connection:
            self._connection = None
        if retired is not None:
            task = asyncio.ensure_future(retired.close(0.0 if self._closed else self.timeout))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)


async def _require_extra() -> None:
    try:
        await load(EXTRA, "adapters.destinations.mqtt.connection")
    except ImportError:
        raise DeliveryFailed(Reason.MISCONFIGURED, MISSING) from None


def _require_strings(made: Publication) -> None:
    """What an event may hold and MQTT's strings may not."""
    for name, value in (("content type", made.content_type), *made.user_properties):
        if len(value.encode("utf-8", "replace")) > MAX_STRING or _NOT_IN_STRINGS.search(value):
            raise DeliveryFailed(Reason.UNSUPPORTED, f"the attribute {name} is no string of MQTT")
