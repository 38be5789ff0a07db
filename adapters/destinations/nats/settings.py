"""What a NATS destination is set to: a server, one way to log in, and how events are published."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.spi.destination import DestinationConfig, Endpoint, SubscriptionAddress
from gateway.spi.naming import checked_template
from gateway.spi.url_settings import readable_on_the_way

PORT = 4222
SEPARATOR = "."

_URL = re.compile(r"(nats|tls)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?/?\Z")


def _url(text: str) -> str:
    if _URL.match(text) is None or not 0 < endpoint_of(text).port <= 65535:
        raise ValueError(
            "a server reads nats://host:port, or tls://host:port for TLS; credentials have fields"
        )
    return text


def endpoint_of(url: str) -> Endpoint:
    """The host and port of a server's URL."""
    parts = urlsplit(url)
    port = url.rstrip("/").rpartition(":")[2]
    return Endpoint(parts.hostname or "", int(port) if port.isdigit() else PORT)


def _subject(text: str) -> str:
    return checked_template(text, SEPARATOR)


def _optional_subject(text: str) -> str:
    return _subject(text) if text else ""


Subject = Annotated[str, AfterValidator(_subject)]


class NatsConfig(DestinationConfig):
    """A server, one way to log in, and how events are published."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        title="Server",
        description="nats://host:port, or tls://host:port to demand TLS; port 4222 unless given.",
    )
    user: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="User", description="Name to log in with; empty for another way or none."
    )
    password: SecretStr | None = Field(None, title="Password", description="The user's password.")
    token: SecretStr | None = Field(None, title="Token", description="A token to log in with.")
    nkey_secret: SecretStr | None = Field(
        None, title="NKey seed", description="Seed of a user's NKey: SU and 56 characters."
    )
    credentials_secret: SecretStr | None = Field(
        None, title="Credentials", description="Content of a .creds file: a user's JWT and NKey seed."
    )
    subject: Subject = Field(
        "tocsin.{instance}.{type}",
        title="Subject",
        description="Words, and {instance}, {source}, {type}, {severity} or {outcome}, parted by dots.",
    )
    jetstream: bool = Field(
        True,
        title="JetStream",
        description="Wait until a stream has the event; off: until the server has it, whoever listens.",
    )
    mode: Literal["structured", "binary"] = Field(
        "structured",
        title="Content mode",
        description="CloudEvents content mode: structured JSON, or binary with headers.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together")
        if sum(map(bool, (self.user, self.token, self.nkey_secret, self.credentials_secret))) > 1:
            raise ValueError("one way to log in: user, token, nkey_secret or credentials_secret")
        return self

    def endpoints(self) -> tuple[Endpoint, ...]:
        """See DestinationConfig."""
        return (endpoint_of(self.url),)

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        if not self.password and not self.token:
            return ()
        return readable_on_the_way(self.url, "the password or token", plain="nats", secure="tls")

    @property
    def log_in(self) -> dict[str, Any]:
        """How to log in, by nats-py's names. Handle like a secret."""
        given = {
            "user": self.user,
            "password": _plain(self.password),
            "token": _plain(self.token),
            "nkeys_seed_str": _plain(self.nkey_secret),
            "credentials": _plain(self.credentials_secret),
        }
        return {name: value for name, value in given.items() if value}


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


class NatsAddress(SubscriptionAddress):
    """Where the events of a subscription go."""

    subject: Annotated[str, AfterValidator(_optional_subject)] = Field(
        "", title="Subject", description="Subject instead of the destination's; empty for that."
    )
