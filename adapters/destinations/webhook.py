"""A webhook for programs: the CloudEvent as it came, signed after Standard Webhooks 1.0.

Reference: CloudEvents HTTP protocol binding and webhook specification 1.0.2, standardwebhooks.com; the
settings are those of IBM Event Notifications' webhook destination and some of our own. Signing is ours,
not IBM's, whose format is not published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.spi.cloudevents import encode
from gateway.spi.destination import MASK, DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.message import Message
from gateway.spi.outcome import Receipt
from gateway.spi.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    Signer,
    generate_secret,
    secret_key,
)
from gateway.spi.transport import HttpRequest, header_fault, parse_url

MAX_HEADERS = 32
MAX_HEADER_VALUE = 8192

_RESERVED = frozenset({"content-encoding", "cookie"})
_RESERVED_PREFIXES = ("webhook-", "proxy-", "ce-")
"""Beside the transport's own: what the gateway signs, says of the event, or must not impersonate."""


def _url(text: str) -> str:
    """Checked, and kept as written, because IBM's clients compare what they get with what they gave."""
    parse_url(text)
    return text


def _signing_secret(secret: SecretStr) -> SecretStr:
    secret_key(secret.get_secret_value())
    return secret


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Verb = Annotated[Literal["get", "post", "put", "patch"], BeforeValidator(_lower)]
SigningSecret = Annotated[SecretStr, AfterValidator(_signing_secret)]


class WebhookConfig(DestinationConfig):
    """Where to and how.

    IBM's shape is accepted and shown: the values of headers named in `sensitive_headers` are moved from
    `custom_headers` to `secret_headers`, the query of the URL, which often is a token, to `secret_query`.
    """

    url: Annotated[str, AfterValidator(_url)] = Field(
        title="URL", description="http or https URL that takes the events; its query is kept as a secret."
    )
    secret_query: SecretStr | None = Field(
        None, title="Query", description="The query of the URL, without the question mark."
    )
    verb: Verb = Field("post", title="Method", description="HTTP method; get carries no body.")
    mode: Literal["structured", "binary"] = Field(
        "structured", title="Content mode", description="CloudEvents content mode: structured JSON or binary."
    )
    custom_headers: dict[str, str] = Field(
        {}, title="Headers", description="Headers to add, value by name.", max_length=MAX_HEADERS
    )
    sensitive_headers: tuple[str, ...] = Field(
        (),
        title="Sensitive headers",
        description="Names of headers whose values are secret.",
        max_length=MAX_HEADERS,
    )
    secret_headers: dict[str, SecretStr] = Field(
        {},
        title="Secret headers",
        description="Headers to add whose values are secret.",
        max_length=MAX_HEADERS,
    )
    signing_secret: SigningSecret = Field(
        default_factory=lambda: SecretStr(generate_secret()),
        title="Signing secret",
        description="whsec_ and base64 of 24 to 64 bytes; made by the gateway when absent.",
    )
    previous_signing_secret: SigningSecret | None = Field(
        None,
        title="Previous signing secret",
        description="Signs as well while receivers move to the new secret.",
    )

    @model_validator(mode="before")
    @classmethod
    def _part_secrets(cls, given: object) -> object:
        return _with_secret_headers(_with_secret_query(given)) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _check(self) -> Self:
        parse_url(self.full_url)
        headers = self.all_headers
        for name, value in headers:
            fault = header_fault(name, value) or _reserved(name)
            if fault:
                raise ValueError(fault)
            if len(value) > MAX_HEADER_VALUE:
                raise ValueError(
                    f"the value of the header {name} is longer than {MAX_HEADER_VALUE} characters"
                )
        if len({name.lower() for name, _ in headers}) < len(headers):
            raise ValueError("a header is named twice; names do not differ by case")
        return self

    @property
    def full_url(self) -> str:
        """The URL with its query. Handle like a secret."""
        return f"{self.url}?{self.secret_query.get_secret_value()}" if self.secret_query else self.url

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header to add, secret ones too."""
        secret = ((name, value.get_secret_value()) for name, value in self.secret_headers.items())
        return [*self.custom_headers.items(), *secret]

    def shown(self) -> dict[str, Any]:
        """See DestinationConfig; in IBM's shape."""
        shown = super().shown()
        shown["custom_headers"] |= shown.pop("secret_headers")
        if shown.pop("secret_query"):
            shown["url"] = f"{self.url}?{MASK}"
        return shown

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        if self.url.startswith("http://"):
            return ("http:// sends events and secrets readable for everybody on the way; use https://",)
        return ()


def _with_secret_query(given: Mapping[str, Any]) -> dict[str, Any]:
    url = given.get("url")
    if not isinstance(url, str) or "?" not in url:
        return dict(given)
    url, _, query = url.partition("?")
    return {**given, "url": url, "secret_query": query or None}


def _with_secret_headers(given: dict[str, Any]) -> dict[str, Any]:
    custom, secret = given.get("custom_headers") or {}, given.get("secret_headers") or {}
    named = given.get("sensitive_headers") or ()
    if not isinstance(custom, dict) or not isinstance(secret, dict) or not _all_text(named):
        return given
    sensitive = {name.lower() for name in named}
    moved = {name: value for name, value in custom.items() if name.lower() in sensitive}
    return {
        **given,
        "custom_headers": {name: value for name, value in custom.items() if name not in moved},
        "secret_headers": {**secret, **moved},
        "sensitive_headers": [*named, *(name for name in secret if name.lower() not in sensitive)],
    }


def _all_text(names: object) -> bool:
    return isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)


def _reserved(name: str) -> str | None:
    lower = name.lower()
    if lower in _RESERVED or lower.startswith(_RESERVED_PREFIXES):
        return f"the header {name} is set by the gateway itself or not allowed"
    return None


class WebhookAddress(SubscriptionAddress):
    """IBM's attributes of a webhook subscription."""

    signing_enabled: bool = Field(True, title="Sign", description="Sign every request.")
    add_notification_payload: bool = Field(
        True, title="Add notification payload", description="Accepted for IBM's clients: events go out whole."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the body; empty for the event as it came."
    )


class Webhook(HttpDestination[WebhookConfig, WebhookAddress]):
    """Forwards events unchanged."""

    kind: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    summary: ClassVar[str] = "Signed CloudEvents over HTTP, for programs."
    Config = WebhookConfig
    Address = WebhookAddress

    def __init__(self, config: WebhookConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._method = config.verb.upper()
        self._target = parse_url(config.full_url)
        self._binary = config.mode == "binary" or config.verb == "get"
        self._signer = Signer([secret.get_secret_value() for secret in _live_secrets(config)])
        self._headers = _fixed_headers(config.all_headers, typed=not self._binary)

    async def deliver(self, message: Message, address: WebhookAddress) -> Receipt:
        """See Destination. Every try carries the same webhook-id and the time of this try."""
        timestamp = str(int(self._now()))
        headers = self._headers.copy()
        sent = None
        if self._binary:
            body, sent = self._binary_content(message, headers)
        else:
            body = encode.structured(message.event)
        headers.append((ID_HEADER, message.delivery_id))
        headers.append((TIMESTAMP_HEADER, timestamp))
        if address.signing_enabled:
            headers.append((SIGNATURE_HEADER, self._signer.sign(message.delivery_id, timestamp, body)))
        request = HttpRequest(self._method, self._target, headers, body, self.timeout)
        return await self.exchange(request, sent=sent)

    def _binary_content(self, message: Message, headers: list[tuple[str, str]]) -> tuple[bytes, bytes]:
        """The body, and the event's headers with the body to keep; the headers are added to the others."""
        attributes, data = encode.binary(message.event)
        if self._method == "GET":
            attributes, data = [field for field in attributes if field[0] != "Content-Type"], b""
        headers += attributes
        lines = "".join(f"{name}: {value}\r\n" for name, value in attributes)
        return data, b"%b\r\n%b" % (lines.encode("utf-8", "replace"), data)


def _live_secrets(config: WebhookConfig) -> Iterable[SecretStr]:
    previous = config.previous_signing_secret
    return (config.signing_secret, previous) if previous else (config.signing_secret,)


def _fixed_headers(headers: list[tuple[str, str]], *, typed: bool) -> list[tuple[str, str]]:
    """What every request carries. In structured mode a configured Content-Type wins, for picky receivers."""
    if not typed:
        return [field for field in headers if field[0].lower() != "content-type"]
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return [("content-type", f"{encode.STRUCTURED_TYPE}; charset=utf-8"), *headers]
