"""Dispatch, third station: the message that a delivery says, made once from its event."""

from __future__ import annotations

from gateway.domain.delivery import Claim
from gateway.domain.incident import Thread
from gateway.pipeline.wording import Wording
from gateway.spi.message import Message


def render(
    claim: Claim,
    wording: Wording | None = None,
    *,
    public_url: str,
    unsubscribe_url: str = "",
    acknowledge_url: str = "",
    thread: Thread | None = None,
) -> Message:
    """The message of one delivery, in the words of its subscription's template if there is one; what needs
    the data parsed is worked out when a channel asks for it."""
    message = Message(
        claim.delivery_id,
        claim.accepted,
        claim.recipient,
        public_url,
        destination_id=claim.destination_id,
        unsubscribe_url=unsubscribe_url,
        repeats=claim.repeats,
        acknowledge_url=acknowledge_url,
        chapter=claim.chapter,
        thread=thread,
    )
    return wording.of(message) if wording else message
