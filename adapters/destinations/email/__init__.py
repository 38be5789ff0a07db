"""Mail over SMTP: `email` with its own server, IBM's `smtp_custom` and `smtp_ibm` over the operator's relay.

Every recipient gets a delivery and a mail of their own. Reference: RFC 5321, RFC 5322, RFC 8314 and the
pages of IBM Event Notifications on e-mail destinations (facts: destinations 2).

    channel.py    what the kinds share         subscription.py  who gets mail
    letter.py     a message as bytes           addresses.py     what a mail address is
    mailer.py     connections to one server    session.py       one of them
    replies.py    what a server's replies mean
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from adapters.destinations.email.addresses import Mailbox, MailDomain, mailbox
from adapters.destinations.email.channel import MailDestination
from adapters.destinations.email.subscription import Name
from gateway.spi.destination import DestinationConfig, Endpoint, Lent, Tools
from gateway.spi.relay import Relay, Security, parse_relay

Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Credential = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


_NAMED = re.compile(r'\s*"?([^"<>]*?)"?\s*<([^<>]*)>\s*\Z')


class EmailConfig(DestinationConfig):
    """A mail server to submit to. `from: "Name <address>"` is short for from_name and from_address."""

    host: Host = Field(title="Host", description="The mail server's name or address.")
    port: Port | None = Field(
        None, title="Port", description="Usually 587; empty means 465 with implicit TLS, else 587."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        title="Security",
        description="starttls or tls (implicit), both required and never downgraded; or none.",
    )
    user: Credential = Field("", title="User", description="Name to log in with; empty for no log-in.")
    password: SecretStr | None = Field(
        None, title="Password", description="Password to log in with; sent only over TLS."
    )
    auth_method: Literal["auto", "plain", "login"] = Field(
        "auto", title="Log-in method", description="plain or login; auto takes what the server offers."
    )
    from_address: Mailbox = Field(title="From address", description="The sender's address.")
    from_name: Name = Field("", title="From name", description="The sender's name.")

    @model_validator(mode="before")
    @classmethod
    def _split_from(cls, given: object) -> object:
        if not isinstance(given, dict) or not isinstance(given.get("from"), str):
            return given
        rest = {key: value for key, value in given.items() if key != "from"}
        named = _NAMED.match(given["from"])
        sender = (
            {"from_name": named[1], "from_address": named[2]} if named else {"from_address": given["from"]}
        )
        return {**rest, **sender}

    @model_validator(mode="after")
    def _protect_password(self) -> Self:
        if self.user and self.security == "none":
            raise ValueError("a password is never sent without TLS: use security starttls or tls, or no user")
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password belong together")
        return self

    def endpoints(self) -> tuple[Endpoint, ...]:
        """See DestinationConfig: the mail server."""
        return (Endpoint(self.host, self.port or Security(self.security).port),)


class CustomDomainConfig(DestinationConfig):
    """IBM's custom domain: mail goes through the operator's relay, from an address in this domain."""

    domain: MailDomain = Field(title="Domain", description="The domain that mail comes from.")


class BuiltInConfig(DestinationConfig):
    """Nothing to set: mail goes through the operator's relay."""


class Email(MailDestination[EmailConfig]):
    """Mail through a server of the destination's own."""

    kind = "email"
    title = "E-mail"
    summary = "Mail to people, through an SMTP server with STARTTLS or TLS."
    Config = EmailConfig

    def __init__(self, config: EmailConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        security = Security(config.security)
        relay = Relay(
            config.host,
            config.port or security.port,
            security,
            config.user,
            config.password.get_secret_value() if config.password else "",
            methods=("plain", "login") if config.auth_method == "auto" else (config.auth_method,),
        )
        self._set_up(relay, config.from_address, config.from_name)


class SmtpCustom(MailDestination[CustomDomainConfig]):
    """IBM's custom domain e-mail, through the operator's relay."""

    kind = "smtp_custom"
    title = "E-mail from a custom domain"
    summary = "IBM's custom domain e-mail: mail from your domain through the gateway's relay."
    Config = CustomDomainConfig

    def __init__(self, config: CustomDomainConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        relay, fault = _operator_relay(tools)
        usual = relay.sender if relay else ""
        sender = usual if usual.endswith(f"@{config.domain}") else f"noreply@{config.domain}"
        self._set_up(relay, sender, fault=fault)


class SmtpIbm(MailDestination[BuiltInConfig]):
    """IBM's built-in e-mail destination, through the operator's relay."""

    kind = "smtp_ibm"
    title = "E-mail"
    summary = "The e-mail destination every instance has, through the gateway's relay."
    Config = BuiltInConfig
    creatable = False

    def __init__(self, config: BuiltInConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        relay, fault = _operator_relay(tools)
        self._set_up(relay, relay.sender if relay and relay.sender else f"tocsin@{tools.domain}", fault=fault)

    @classmethod
    def fault(cls, lent: Lent) -> str:
        """See Destination."""
        return _operator_relay(lent)[1] if lent.smtp_url is not None else ""


def _operator_relay(lent: Lent) -> tuple[Relay | None, str]:
    """The relay of TOCSIN_SMTP_URL, or None and what to do about it."""
    if lent.smtp_url is None:
        return None, "the gateway has no mail relay; set TOCSIN_SMTP_URL"
    try:
        relay = parse_relay(lent.smtp_url.get_secret_value())
        return replace(relay, sender=mailbox(relay.sender) if relay.sender else ""), ""
    except ValueError as error:
        return None, f"TOCSIN_SMTP_URL cannot be used: {error}"
