"""Short messages through Twilio: `sms` with an account of its own, IBM's `sms_ibm` with the operator's.

One message to each number, counted in segments, with what became of it told later. Reference: Twilio's pages
on messages and their status callbacks (facts: destinations 3), SMS subscriptions of IBM Event Notifications.
Twilio knows no idempotency key, and a message costs money: what may have been sent is not sent again unless
that is asked for.

    channel.py   what the kinds share                   settings.py      an account, and who is reached
    account.py   Twilio's SDK over our HTTP client      account_url.py   an account as one line
    answers.py   what its error codes mean              numbers.py       what a telephone number is
    wording.py   a message as a text                    segments.py      what a text costs
"""

from __future__ import annotations

from typing import ClassVar

from adapters.destinations.sms.account_url import account_of
from adapters.destinations.sms.channel import SmsDestination
from adapters.destinations.sms.settings import SmsConfig
from gateway.spi.destination import DestinationConfig, Lent, Tools


class BuiltInConfig(DestinationConfig):
    """Nothing to set: messages go through the operator's account."""


class Sms(SmsDestination[SmsConfig]):
    """SMS through an account of the destination's own."""

    kind: ClassVar[str] = "sms"
    title: ClassVar[str] = "SMS"
    summary: ClassVar[str] = "Short messages to telephones, through Twilio."
    Config = SmsConfig

    def __init__(self, config: SmsConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._set_up(config)


class SmsIbm(SmsDestination[BuiltInConfig]):
    """IBM's built-in SMS destination, through the operator's account."""

    kind: ClassVar[str] = "sms_ibm"
    title: ClassVar[str] = "SMS"
    summary: ClassVar[str] = "The SMS destination every instance has, through the gateway's account."
    Config = BuiltInConfig
    creatable = False

    def __init__(self, config: BuiltInConfig, tools: Tools) -> None:
        super().__init__(config, tools)
        self._set_up(*_operator_account(tools))

    @classmethod
    def fault(cls, lent: Lent) -> str:
        """See Destination."""
        return _operator_account(lent)[1] if lent.sms_url is not None else ""


def _operator_account(lent: Lent) -> tuple[SmsConfig | None, str]:
    """The account of TOCSIN_SMS_URL, or None and what to do about it."""
    if lent.sms_url is None:
        return None, "the gateway has no SMS account; set TOCSIN_SMS_URL"
    try:
        return account_of(lent.sms_url.get_secret_value()), ""
    except ValueError as error:
        return None, f"TOCSIN_SMS_URL cannot be used: {error}"
