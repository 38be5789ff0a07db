"""What a subscription adds to a Slack destination: channels, a thread, the look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from gateway.spi.destination import SubscriptionAddress

MAX_CHANNELS = 500
"""Recipients of one subscription (design section 5)."""

_CHANNEL = re.compile(r"[^\x00-\x20\x7f]{1,100}\Z")


def _rows(given: object) -> object:
    """IBM's `{"id": ...}`, or just the id, as people type it."""
    if not isinstance(given, list | tuple):
        return given
    return [{"id": row} if isinstance(row, str) else row for row in given]


def _channel(row: object) -> object:
    if not isinstance(row, Mapping) or set(row) != {"id"} or not _CHANNEL.match(str(row["id"])):
        raise ValueError('a channel is {"id": ...} with the id of a channel or a member')
    return row


Channels = Annotated[
    tuple[Annotated[dict[str, str], BeforeValidator(_channel)], ...],
    BeforeValidator(_rows),
    Field(max_length=MAX_CHANNELS),
]


class SlackAddress(SubscriptionAddress):
    """Where and how a message appears."""

    channel: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x20]*$")] = Field(
        "",
        title="Channel",
        description="#channel, @user or an id; a webhook obeys it where its host lets it.",
    )
    channels: Channels = Field(
        (),
        title="Channels",
        description="IBM's list of channels and members, each an id; each gets a message.",
    )
    thread_ts: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,12}\.[0-9]{1,8})?$")] = Field(
        "", title="Thread", description="Time stamp of the message in Slack under which messages appear."
    )
    attachment_color: Annotated[str, StringConstraints(pattern=r"^(#[0-9A-Fa-f]{6})?$")] = Field(
        "", title="Colour", description="#RRGGBB of the bar beside the message; empty for the severity's."
    )
    template_id_notification: Annotated[str, StringConstraints(max_length=255)] = Field(
        "", title="Template", description="Id of the template of the message; empty for the default form."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.channel and self.channels:
            raise ValueError("give channel or channels, not both")
        if self.thread_ts and len(self.channels) > 1:
            raise ValueError("a thread belongs to one channel")
        return self

    @property
    def recipients(self) -> tuple[str, ...]:
        """The channels of IBM's list, each once; ('',) without a list."""
        return tuple(dict.fromkeys(row["id"] for row in self.channels)) or ("",)
