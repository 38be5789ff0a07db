"""The SMS channel that both kinds share: a message becomes a text to one number, with a receipt later."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, ClassVar, Literal, TypeVar

from twilio.request_validator import RequestValidator

from adapters.destinations.sms.answers import MEANINGS
from adapters.destinations.sms.numbers import number, subscribers
from adapters.destinations.sms.settings import SmsAddress, SmsConfig
from adapters.destinations.sms.wording import text_of
from gateway.domain.delivery import LateReceipt
from gateway.spi.callback import Callback, CallbackRefused
from gateway.spi.destination import DestinationConfig
from gateway.spi.exchange import HttpDestination
from gateway.spi.loading import load
from gateway.spi.masking import Masking
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets

SHARE = 0.9
"""Of an attempt's time, what the request may take: the rest is for telling that it was sent in vain."""

SIGNATURE = "x-twilio-signature"
SDK = ("twilio.rest.api.v2010.account.message", "adapters.destinations.sms.account")
"""What takes up to a second to load."""

C = TypeVar("C", bound=DestinationConfig)


class SmsDestination(HttpDestination[C, SmsAddress]):
    """A kind calls `_set_up` with the account that its messages are sent through."""

    stability: ClassVar[Literal["stable", "unverified"]] = "unverified"
    Address: ClassVar[type[SmsAddress]] = SmsAddress

    def _set_up(self, account: SmsConfig | None, fault: str = "") -> None:
        """Without an account every delivery fails as misconfigured, saying `fault`."""
        self._account, self._fault = account, fault
        self._masking = Masking(_secrets(account) if account else ())

    async def deliver(self, message: Message, address: SmsAddress) -> Receipt:
        """See Destination. Goes to `message.recipient` only, whoever else is subscribed."""
        account = self._account
        if account is None:
            raise DeliveryFailed(Reason.MISCONFIGURED, self._fault)
        text = text_of(message, account.max_segments)
        kept = self._masking.sent(text.encode())
        try:
            status, sid, word = await self._create(account, message, text)
        except DeliveryFailed as failure:
            raise self._masking.failure(_decided(account, failure), kept) from None
        return Receipt(status, detail=word, vendor_id=sid, sent=kept)

    def receipt_of(self, callback: Callback) -> LateReceipt:
        """See Destination: a status callback, signed with the account's token."""
        account, form = self._account, callback.form
        if account is None or account.auth_token is None:
            raise CallbackRefused("the destination has no auth_token to prove callbacks with")
        validator = RequestValidator(account.auth_token.get_secret_value())
        if not validator.validate(callback.url, dict(form), callback.headers.get(SIGNATURE, "")):
            raise CallbackRefused("the signature does not fit")
        if form.get("AccountSid") != account.account_sid or not form.get("MessageStatus"):
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

    async def _create(self, account: SmsConfig, message: Message, text: str) -> tuple[int, str, str]:
        if self._closed:
            raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
        await load(*SDK)
        from adapters.destinations.sms.account import send

        return await send(
            self.tools.http,
            account=account.account_sid,
            credentials=account.credentials,
            base_url=account.base_url,
            fields={
                "to": _recipient(message),
                "body": text,
                **_sender(account),
                **_callback(account, message),
            },
            timeout=self.timeout * SHARE,
            now=self._now(),
        )


def _sender(account: SmsConfig) -> dict[str, Any]:
    if account.messaging_service_sid:
        return {"messaging_service_sid": account.messaging_service_sid}
    return {"from_": account.from_number}


def _callback(account: SmsConfig, message: Message) -> dict[str, Any]:
    url = message.callback_url if account.auth_token else ""
    return {"status_callback": url} if url else {}


def _decided(account: SmsConfig, failure: DeliveryFailed) -> DeliveryFailed:
    """What may have been sent costs money twice if it is sent again."""
    if failure.reason.sent_unknown and account.on_ambiguous == "drop":
        failure.final = True
    return failure


def _secrets(account: SmsConfig) -> list[str]:
    """The credentials as they are, and as they travel (RFC 7617)."""
    sent = b64encode(":".join(account.credentials).encode()).decode()
    return [*plain_secrets(account).values(), sent]


_CODE = re.compile(r"[0-9]{4,6}\Z")


def _recipient(message: Message) -> str:
    try:
        return number(message.recipient)
    except ValueError as error:
        raise DeliveryFailed(Reason.REJECTED, f"the recipient is {error}", recipient_only=True) from None
