"""What a webhook destination is told: where to, how, signed by what; and IBM's spelling of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.spi.destination import MASK, DestinationConfig, SubscriptionAddress
from gateway.spi.message import BODY
from gateway.spi.signing import (
    PRIVATE_PREFIX,
    generate_private_key,
    generate_secret,
    private_key,
    public_key,
    secret_key,
)
from gateway.spi.templates import Target, Template
from gateway.spi.templates.limits import MAX_LENGTH
from gateway.spi.transport import header_fault, parse_url
from gateway.spi.url_settings import readable_on_the_way
from gateway.spi.wording import compiled

MAX_HEADERS = 32
MAX_HEADER_VALUE = 8192
MAX_RATE = 1_000_000
JSON_TYPE = "application/json"
HEADER = "header "

BODILESS = frozenset({"get", "head"})

TOKEN_HEADER = "X-Webhook-Token"  # noqa: S105 - the name of a header (Backupman's)

_RESERVED = frozenset({"content-encoding", "cookie"})
_RESERVED_PREFIXES = ("webhook-", "proxy-", "ce-")
"""Beside the transport's own: what the gateway signs, says of the event, or must not impersonate."""


def _url(text: str) -> str:
    """Checked, and kept as written, because IBM's clients compare what they get with what they gave."""
    parse_url(text)
    return text


def _signing_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    _ = private_key(text) if text.startswith(PRIVATE_PREFIX) else secret_key(text)
    return secret


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _new_key(given: dict[str, Any]) -> SecretStr:
    """A key of the wanted kind; `given` are the fields before it."""
    return SecretStr(generate_private_key() if given.get("signature") == "ed25519" else generate_secret())


BodyTemplate = Annotated[str, StringConstraints(max_length=MAX_LENGTH)]
ContentType = Annotated[str, StringConstraints(max_length=200, pattern=r"^([!-~]+/[ -~]+)?$")]
Verb = Annotated[Literal["get", "head", "post", "put", "patch"], BeforeValidator(_lower)]
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
    verb: Verb = Field("post", title="Method", description="HTTP method; get and head carry no body.")
    mode: Literal["structured", "binary", "batched"] = Field(
        "structured",
        title="Content mode",
        description="CloudEvents content mode: structured JSON, binary, or a batch of one event.",
    )
    token: SecretStr | None = Field(
        None, title="Token", description="Sent in the header X-Webhook-Token; empty for none."
    )
    body_template: BodyTemplate = Field(
        "",
        title="Body template",
        description="What to send instead of the event: a template, JSON unless the content type says "
        "otherwise.",
    )
    content_type: ContentType = Field(
        "", title="Content type", description="Of a body that a template makes; empty for application/json."
    )
    custom_headers: dict[str, str] = Field(
        {},
        title="Headers",
        description="Headers to add, value by name; a value may be a template.",
        max_length=MAX_HEADERS,
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
    signature: Literal["hmac", "ed25519"] = Field(
        "hmac",
        title="Signature",
        description="What kind of key the gateway makes: hmac, shared with the receiver, or ed25519, "
        "whose public key verifies.",
    )
    signing_secret: SigningSecret = Field(
        default_factory=_new_key,
        title="Signing secret",
        description="whsec_ and base64 of 24 to 64 bytes, or whsk_ and base64 of an Ed25519 private key; "
        "made by the gateway when absent.",
    )
    previous_signing_secret: SigningSecret | None = Field(
        None,
        title="Previous signing secret",
        description="Signs as well while receivers move to the new secret.",
    )
    handshake: bool = Field(
        False,
        title="Handshake",
        description="Ask the receiver with OPTIONS whether it wants events, and how many (CloudEvents).",
    )
    rate_per_minute: Annotated[int, Field(ge=1, le=MAX_RATE)] | None = Field(
        None,
        title="Rate",
        description="Requests a minute at most; a handshake sets what the receiver allows.",
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

    @model_validator(mode="after")
    def _check_templates(self) -> Self:
        self.templates()
        return self

    def templates(self) -> Mapping[str, Template]:
        """The body's template under BODY, those of headers under HEADER and a name. Raises ValueError."""
        headers = {name: value for name, value in self.custom_headers.items() if "{{" in value}
        made = {HEADER + name: compiled(value, Target.LINE) for name, value in headers.items()}
        if self.body_template:
            json = "json" in (self.content_type or JSON_TYPE).lower()
            made[BODY] = compiled(self.body_template, Target.JSON if json else Target.TEXT)
        return made

    @property
    def full_url(self) -> str:
        """The URL with its query. Handle like a secret."""
        return f"{self.url}?{self.secret_query.get_secret_value()}" if self.secret_query else self.url

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """Every header to add, secret ones too."""
        secret = ((name, value.get_secret_value()) for name, value in self.secret_headers.items())
        token = [(TOKEN_HEADER, self.token.get_secret_value())] if self.token else []
        return [*self.custom_headers.items(), *secret, *token]

    @property
    def signing_keys(self) -> list[str]:
        """What signs, the current one first."""
        keys = (self.signing_secret, self.previous_signing_secret)
        return [key.get_secret_value() for key in keys if key]

    def public_key(self) -> str:
        """See DestinationConfig."""
        key = self.signing_secret.get_secret_value()
        return public_key(key) if key.startswith(PRIVATE_PREFIX) else ""

    def handed_out(self) -> dict[str, str]:
        """See DestinationConfig. A private key is for nobody: its public one verifies."""
        made = super().handed_out()
        return {name: key for name, key in made.items() if not key.startswith(PRIVATE_PREFIX)}

    def shown(self) -> dict[str, Any]:
        """See DestinationConfig; in IBM's shape."""
        shown = super().shown()
        shown["custom_headers"] |= shown.pop("secret_headers")
        if shown.pop("secret_query"):
            shown["url"] = f"{self.url}?{MASK}"
        return shown

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url, "events and secrets")


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
