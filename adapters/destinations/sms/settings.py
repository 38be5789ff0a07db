"""What a Twilio account asks for to send messages, and what a subscription adds to it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from adapters.destinations.sms.numbers import Number, Sender
from gateway.spi.destination import DestinationConfig, SubscriptionAddress
from gateway.spi.transport import parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_RECIPIENTS = 500
"""Numbers in one list of a subscription (design section 5)."""

Numbers = Annotated[tuple[Number, ...], Field(max_length=MAX_RECIPIENTS)]


def _origin(text: str) -> str:
    if parse_url(text).target != "/":
        raise ValueError("the address of the API has no path and no query, like https://api.twilio.com")
    return text.rstrip("/")


class SmsConfig(DestinationConfig):
    """An account of Twilio's. The auth token also proves callbacks, so without it none are asked for."""

    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")] = Field(
        title="Account SID", description="AC and 32 hexadecimal digits, from Twilio's console."
    )
    auth_token: SecretStr | None = Field(
        None, title="Auth token", description="The account's token: logs in, and proves callbacks."
    )
    key_sid: Annotated[str, StringConstraints(pattern=r"^(SK[0-9a-fA-F]{32})?$")] = Field(
        "", title="API key SID", description="An API key to log in with instead of the token."
    )
    key_secret: SecretStr | None = Field(
        None, title="API key secret", description="The secret of the API key."
    )
    from_number: Sender = Field(
        "", title="From", description="A number like +15005550006, a short code, or a sender's name."
    )
    messaging_service_sid: Annotated[str, StringConstraints(pattern=r"^(MG[0-9a-fA-F]{32})?$")] = Field(
        "", title="Messaging service SID", description="A messaging service that chooses the sender."
    )
    max_segments: Annotated[int, Field(ge=1, le=10)] = Field(
        2, title="Segments", description="Most segments of one message; what is longer is cut."
    )
    on_ambiguous: Literal["drop", "retry"] = Field(
        "drop",
        title="When it is unclear",
        description="What follows when it is not known whether a message was sent: drop makes it a dead "
        "letter, retry may send it twice.",
    )
    base_url: Annotated[str, AfterValidator(_origin)] = Field(
        "https://api.twilio.com",
        title="API address",
        description="Twilio's API, or that of a region: https://api.dublin.ie1.twilio.com.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.key_sid) != bool(self.key_secret):
            raise ValueError("key_sid and key_secret belong together")
        if not (self.auth_token or self.key_secret):
            raise ValueError("give auth_token, or key_sid and key_secret")
        if bool(self.from_number) == bool(self.messaging_service_sid):
            raise ValueError("give from_number or messaging_service_sid, one of them")
        return self

    def warnings(self) -> tuple[str, ...]:
        """See DestinationConfig."""
        told = [*readable_on_the_way(self.base_url, "messages and credentials")]
        if not self.auth_token:
            told.append("without auth_token nobody can tell what became of a message: no receipts are kept")
        return tuple(told)

    @property
    def credentials(self) -> tuple[str, str]:
        """Who logs in, and with what. Handle like a secret."""
        secret = self.key_secret or self.auth_token
        return self.key_sid or self.account_sid, secret.get_secret_value() if secret else ""


class SmsAddress(SubscriptionAddress):
    """Who gets messages; the names are IBM's. An invited number counts as subscribed."""

    invited: Numbers = Field((), title="Invited", description="Numbers that get messages, like +4930123456.")
    subscribed: Numbers = Field((), title="Subscribed", description="Numbers that get messages.")
    unsubscribed: Numbers = Field(
        (), title="Unsubscribed", description="Numbers that get none, whatever the other lists say."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )
