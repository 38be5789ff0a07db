"""Dispatch, third station: the message that a delivery says, made once from its event."""

from __future__ import annotations

from gateway.domain.delivery import Claim
from gateway.spi.message import Message


def render(claim: Claim, *, public_url: str) -> Message:
    """The message of one delivery; what needs the data parsed is worked out when a channel asks for it."""
    return Message(
        claim.delivery_id, claim.accepted, claim.recipient, public_url, destination_id=claim.destination_id
    )
