"""Short messages through Twilio: one to each number, counted in segments, with what became of it told later.

Reference: Twilio's pages on messages and their status callbacks (facts: destinations 3), SMS subscriptions
of IBM Event Notifications. Twilio knows no idempotency key, and a message costs money: what may have been
sent is not sent again unless that is asked for.

    account.py   Twilio's SDK over our HTTP client     segments.py   what a text costs
    answers.py   what its error codes mean             wording.py    a message as a text
    numbers.py   who is reached
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator
from twilio.request_validator import RequestValidator

from adapters.destinations.sms.answers import MEANINGS
from adapters.destinations.sms.numbers import Number, Sender, number, subscribers
from adapters.destinations.sms.wording import text_of
from gateway.domain.delivery import LateReceipt
from gateway.spi.callback import Callback, CallbackRefused
from gateway.spi.destination import DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.exchange import HttpDestination
from gateway.spi.loading import load
from gateway.spi.masking import Masking
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import parse_url
from gateway.spi.url_settings import readable_on_the_way

MAX_RECIPIENTS = 500
"""Numbers in one list of a subscription (design section 5)."""

SHARE = 0.9
"""Of an attempt's time, what the request may take: the rest is for telling that it was sent in vain."""

SIGNATURE = "x-twilio-signature"
SDK = ("twilio.rest.api.v2010.account.message", "adapters.destinations.sms.account")
"""What takes up to a second to load."""

Sid = Annotated[str, StringConstraints(max_length=34)]
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


class Sms(HttpDestination[SmsConfig, SmsAddress]):
    """One message for each number."""

    kind: ClassVar[str] = "sms"
    title: ClassVar[str] = "SMS"
    summary: ClassVar[str] = "Short messages to telephones, through Twilio."
    stability = "unverified"
    Config = SmsConfig
    Address = SmsAddress

    def __init__(self, config: SmsConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        user, password = config.credentials
        # The credentials as they are, and as they travel (RFC 7617).
        sent = b64encode(f"{user}:{password}".encode()).decode()
        self._masking = Masking([*plain_secrets(config).values(), sent])

    async def deliver(self, message: Message, address: SmsAddress) -> Receipt:
        """See Destination. Goes to `message.recipient` only, whoever else is subscribed."""
        text = text_of(message, self.config.max_segments)
        kept = self._masking.sent(text.encode())
        try:
            status, sid, word = await self._create(message, text)
        except DeliveryFailed as failure:
            raise self._masking.failure(self._decided(failure), kept) from None
        return Receipt(status, detail=word, vendor_id=sid, sent=kept)

    def receipt_of(self, callback: Callback) -> LateReceipt:
        """See Destination: a status callback, signed with the account's token."""
        token, form = self.config.auth_token, callback.form
        if token is None:
            raise CallbackRefused("the destination has no auth_token to prove callbacks with")
        validator = RequestValidator(token.get_secret_value())
        if not validator.validate(callback.url, dict(form), callback.headers.get(SIGNATURE, "")):
            raise CallbackRefused("the signature does not fit")
        if form.get("AccountSid") != self.config.account_sid or not form.get("MessageStatus"):
            raise CallbackRefused("no status of a message of this account")
        code = form.get("ErrorCode", "")
        known = MEANINGS.get(int(code)) if _CODE.match(code) else None
        return LateReceipt(
            callback.received_at,
            form["MessageStatus"],
            code,
            known.words if known else "",
            form.get("MessageSid", ""),
        )

    @classmethod
    def recipients(cls, address: SmsAddress) -> tuple[str, ...]:
        """See Destination."""
        return subscribers(address.invited, address.subscribed, address.unsubscribed)

    async def _create(self, message: Message, text: str) -> tuple[int, str, str]:
        if self._closed:
            raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
        await load(*SDK)
        from adapters.destinations.sms import account

        return await account.send(
            self.tools.http,
            account=self.config.account_sid,
            credentials=self.config.credentials,
            base_url=self.config.base_url,
            fields={"to": _recipient(message), "body": text, **self._sender(), **self._callback(message)},
            timeout=self.timeout * SHARE,
            now=self._now(),
        )

    def _sender(self) -> dict[str, Any]:
        if self.config.messaging_service_sid:
            return {"messaging_service_sid": self.config.messaging_service_sid}
        return {"from_": self.config.from_number}

    def _callback(self, message: Message) -> dict[str, Any]:
        url = message.callback_url if self.config.auth_token else ""
        return {"status_callback": url} if url else {}

    def _decided(self, failure: DeliveryFailed) -> DeliveryFailed:
        """What may have been sent costs money twice if it is sent again."""
        if failure.reason.sent_unknown and self.config.on_ambiguous == "drop":
            failure.final = True
        return failure


_CODE = re.compile(r"[0-9]{4,6}\Z")


def _recipient(message: Message) -> str:
    try:
        return number(message.recipient)
    except ValueError as error:
        raise DeliveryFailed(Reason.REJECTED, f"the recipient is {error}", recipient_only=True) from None
