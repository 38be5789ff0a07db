"""Identifiers: version 7 UUIDs as text (RFC 9562), so that new rows land beside new rows in an index."""

from __future__ import annotations

import hashlib
import os
import random
import time
from typing import NewType

InstanceId = NewType("InstanceId", str)
SourceId = NewType("SourceId", str)
TopicId = NewType("TopicId", str)
DestinationId = NewType("DestinationId", str)
SubscriptionId = NewType("SubscriptionId", str)
KeyId = NewType("KeyId", str)
SchemaId = NewType("SchemaId", str)
TemplateId = NewType("TemplateId", str)
MonitorId = NewType("MonitorId", str)
SilenceId = NewType("SilenceId", str)
IncidentId = NewType("IncidentId", str)
EventId = NewType("EventId", str)
DeliveryId = NewType("DeliveryId", str)

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_random = random.Random(os.urandom(32))  # noqa: S311  a call into the kernel for each id costs five times as much


def new_id() -> str:
    """A new random, time-ordered UUID. Ids order things in an index; they are no clock and no secret."""
    noise = _random.getrandbits(74)
    value = (
        (time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 80
        | _VERSION_7
        | (noise >> 62) << 64
        | _VARIANT
        | noise & (1 << 62) - 1
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def computed_id(*parts: str) -> str:
    """A UUID (RFC 9562, version 8) computed from what it stands for: two who make it make the same."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16).digest()
    value = int.from_bytes(digest) & ~(0xF << 76 | 0b11 << 62) | 0x8 << 76 | _VARIANT
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
