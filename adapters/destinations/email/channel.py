"""The mail channel that all kinds of mail destination share: a message becomes a mail to one recipient."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import ClassVar, TypeVar

from adapters.destinations.email.addresses import mailbox, subscribers
from adapters.destinations.email.letter import Letterhead, compose
from adapters.destinations.email.mailer import MAX_CONNECTIONS, Mailer
from adapters.destinations.email.subscription import MailAddress
from gateway.spi.destination import Destination, DestinationConfig
from gateway.spi.masking import Masking
from gateway.spi.message import HTML, TEXT, TITLE, Message
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.relay import Relay
from gateway.spi.templates import Target, looks_like_html
from gateway.spi.wording import Words

TIMEOUT_SECONDS = 30.0
"""A conversation takes a dozen round trips, and servers make new senders wait on purpose."""

C = TypeVar("C", bound=DestinationConfig)


class MailDestination(Destination[C, MailAddress]):
    """A kind calls `_set_up` with its relay and with who writes unless a subscription says otherwise."""

    Address: ClassVar[type[MailAddress]] = MailAddress
    timeout: ClassVar[float] = TIMEOUT_SECONDS
    width: ClassVar[int] = MAX_CONNECTIONS
    threads: ClassVar[bool] = True

    def _set_up(self, relay: Relay | None, sender: str, sender_name: str = "", fault: str = "") -> None:
        """Without a relay every delivery fails as misconfigured, saying `fault`."""
        self._mailer = Mailer(relay, self.tools, self.timeout) if relay else None
        self._masking = Masking(_secrets(relay) if relay else ())
        self._sender, self._sender_name, self._fault = sender, sender_name, fault

    async def deliver(self, message: Message, address: MailAddress) -> Receipt:
        """See Destination. Goes to `message.recipient` only, whoever else is subscribed."""
        if self._mailer is None:
            raise DeliveryFailed(Reason.MISCONFIGURED, self._fault)
        recipient = _recipient(message)
        head = self._letterhead(address)
        now, with_details = self.tools.clock.now(), address.add_notification_payload
        letter = compose(message, head, recipient, now, with_details=with_details)
        kept = self._masking.sent(letter)
        try:
            reply = await self._mailer.send(head.sender, recipient, letter)
        except DeliveryFailed as failure:
            raise self._masking.failure(failure, kept) from None
        return Receipt(reply.code, detail=reply.message, vendor_id=_queue_id(reply.message), sent=kept)

    async def close(self) -> None:
        """See Destination."""
        if self._mailer is not None:
            await self._mailer.close()

    @classmethod
    def wording(cls, name: str, text: str) -> Words | None:
        """See Destination. A body without an element is plain text; an HTML one may have a text beside it."""
        if name == "body" and looks_like_html(text):
            return Words(HTML, Target.HTML)
        return _WORDS.get(name)

    @classmethod
    def recipients(cls, address: MailAddress) -> tuple[str, ...]:
        """See Destination."""
        return subscribers(address.invited, address.subscribed, address.unsubscribed)

    def _letterhead(self, address: MailAddress) -> Letterhead:
        return Letterhead(
            address.from_email or self._sender,
            address.from_name or self._sender_name,
            address.reply_to_mail,
            address.reply_to_name,
            self.tools.domain,
        )


_WORDS = {
    "subject": Words(TITLE, Target.LINE),
    "body": Words(TEXT, Target.TEXT),
    "text": Words(TEXT, Target.TEXT),
}


def _recipient(message: Message) -> str:
    try:
        return mailbox(message.recipient)
    except ValueError as error:
        raise DeliveryFailed(Reason.REJECTED, f"the recipient is {error}") from None


def _queue_id(reply: str) -> str:
    found = _QUEUED.search(reply)
    return found[1] if found else ""


_QUEUED = re.compile(r"queued as (\S{1,100})", re.IGNORECASE)


def _secrets(relay: Relay) -> Iterator[str]:
    """The password as it is and as it is sent: AUTH PLAIN (RFC 4616) and AUTH LOGIN put it in base64."""
    if relay.password:
        yield relay.password
        yield b64encode(f"\0{relay.user}\0{relay.password}".encode()).decode()
        yield b64encode(relay.password.encode()).decode()
