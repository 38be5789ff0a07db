"""Servers below a URL of their own, with a log-in or without: what such kinds have in common."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self, TypeVar
from urllib.parse import quote, urlencode

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from gateway.spi.destination import DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.masking import Masking
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.rendering import one_line
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import HttpAnswer, Url, failure_of, header_fault, parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_SAID = 300
"""Characters of a server's own words in the detail of a failure."""


MAX_BASE = 1024
"""Bytes of a URL that a path and a query are still added to."""


def _base(text: str) -> str:
    if "?" in text:
        raise ValueError("a query does not belong here; it is added")
    if len(text.encode("utf-8", "replace")) > MAX_BASE:
        raise ValueError(f"the URL is longer than {MAX_BASE} bytes")
    parse_url(text)
    return text


class ServerConfig(DestinationConfig):
    """Where a server is, and how to log in there: by name and password, or by token."""

    token_scheme: ClassVar[str] = "Bearer"  # noqa: S105  the word before a token

    url: Annotated[str, AfterValidator(_base)] = Field(
        title="URL", description="http or https URL of the server; the path of its API is added."
    )
    user: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^:\x00-\x1f\x7f]*$")] = Field(
        "", title="User", description="Name to log in with (HTTP Basic); empty for none."
    )
    password: SecretStr | None = Field(
        None, title="Password", description="Password to log in with (HTTP Basic)."
    )
    token: SecretStr | None = Field(
        None, title="Token", description="Token to log in with, in place of name and password."
    )

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.token and (self.user or self.password):
            raise ValueError("a token or a user with a password, not both")
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password go together")
        for name, value in self.login:
            if fault := header_fault(name, value):
                raise ValueError(fault)
        return self

    @property
    def login(self) -> tuple[tuple[str, str], ...]:
        """The header that logs in, if any (RFC 7617, RFC 6750). Handle like a secret."""
        if self.token:
            return (("authorization", f"{self.token_scheme} {self.token.get_secret_value()}"),)
        return (("authorization", f"Basic {self._pair}"),) if self._pair else ()

    @property
    def _pair(self) -> str:
        if not self.password:
            return ""
        return b64encode(f"{self.user}:{self.password.get_secret_value()}".encode()).decode()

    def concealed(self) -> frozenset[str]:
        """Every form of the secrets here that a server may repeat."""
        return frozenset({*plain_secrets(self).values(), self._pair} - {""})

    def at(self, path: str, query: Mapping[str, str] | None = None) -> Url:
        """A place below the URL; of the query, what is empty is left out."""
        given = {name: value for name, value in (query or {}).items() if value}
        text = f"{self.url.rstrip('/')}{path}"
        return parse_url(f"{text}?{urlencode(given, quote_via=quote)}" if given else text)

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        return readable_on_the_way(self.url, "events and the log-in") if self.login else ()


S = TypeVar("S", bound=ServerConfig)
A = TypeVar("A", bound=SubscriptionAddress)


class ServerDestination(HttpDestination[S, A]):
    """A kind whose settings are a ServerConfig."""

    def __init__(self, config: S, tools: Tools) -> None:
        super().__init__(config, tools)
        self._masking = Masking(config.concealed())


def judged(answer: HttpAnswer, now: float, said: str | None = None) -> DeliveryFailed | None:
    """A Judge: as ever, but with what the server said, its text unless given, and with 404 for a URL that
    leads elsewhere."""
    failure = failure_of(answer, now)
    if failure is None:
        return None
    said = one_line(answer.text if said is None else said, MAX_SAID)
    return DeliveryFailed(
        Reason.MISCONFIGURED if answer.status == 404 else failure.reason,
        f"answered {answer.status}: {said}" if said else failure.detail,
        retry_after=failure.retry_after,
        status=answer.status,
        excerpt=answer.text,
    )
