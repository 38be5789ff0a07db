"""One HTTP request as one attempt: what every destination over HTTP has in common.

An adapter makes the request and says where its vendor deviates; sending, judging, and keeping what was
sent without its secrets happen here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from gateway.spi.destination import Destination, DestinationConfig, SubscriptionAddress, Tools
from gateway.spi.masking import Masking
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import HttpAnswer, HttpRequest, failure_of

C = TypeVar("C", bound=DestinationConfig)
A = TypeVar("A", bound=SubscriptionAddress)

Judge = Callable[[HttpAnswer, float], DeliveryFailed | None]
"""The failure that an answer stands for, None for success; the time is in seconds since the epoch."""


class HttpDestination(Destination[C, A]):
    """A destination that is reached by HTTP requests."""

    def __init__(self, config: C, tools: Tools) -> None:
        super().__init__(config, tools)
        self._masking = Masking(plain_secrets(config).values())
        self._send = tools.http.send
        self._now = tools.clock.now
        self._closed = False

    async def close(self) -> None:
        """See Destination. Connections belong to the gateway's client; what is sent later is refused."""
        self._closed = True

    async def exchange(
        self,
        request: HttpRequest,
        *,
        sent: bytes | None = None,
        judge: Judge = failure_of,
        vendor_id: Callable[[HttpAnswer], str] | None = None,
        note: str = "",
    ) -> Receipt:
        """Send one request, once. `sent` is what to keep of it, the body unless given; `note` is
        what the receipt tells beside the answer.

        Raises DeliveryFailed, with what was sent. Secrets are masked in that and in what the answer says.
        """
        kept = self._masking.sent(request.body if sent is None else sent)
        if self._closed:
            raise DeliveryFailed(Reason.UNAVAILABLE, "the destination was closed")
        try:
            answer = await self._send(request)
        except DeliveryFailed as failure:
            raise self._masking.failure(failure, kept) from failure.__cause__
        failed = judge(answer, self._now())
        if failed is not None:
            raise self._masking.failure(failed, kept)
        named = vendor_id(answer) if vendor_id else ""
        return Receipt(answer.status, detail=note, vendor_id=named, sent=kept)


def refusal(
    answer: HttpAnswer, reason: Reason, said: object = "", *, retry_after: float | None = None
) -> DeliveryFailed:
    """The failure that an answer stands for at this vendor, with the vendor's own words where it has any."""
    words = f": {said}" if said else ""
    return DeliveryFailed(
        reason,
        f"answered {answer.status} {answer.reason}".rstrip() + words,
        retry_after=retry_after,
        status=answer.status,
        excerpt=answer.text,
    )
