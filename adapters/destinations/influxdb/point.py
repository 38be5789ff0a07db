"""A message as one line of line protocol, written by influxdb-client's Point.

Numbers and flags are fields for good: a field never changes its type (facts: destinations 14.3). Whatever
may take any value is a field and no tag, because each new value of a tag opens a series.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from adapters.destinations.influxdb.library import module
from gateway.spi.message import Message
from gateway.spi.reading import distinct, moment, numbers_of, worded
from gateway.spi.rendering import headline, one_line

INTEGERS = frozenset({"count", "severity_number", "ok"})
"""Names of the fields that every point has, or may have; no tag and no number may be called so."""

MAX_TAG = 256
MAX_TITLE = 1024
MAX_SUMMARY = 8192
MAX_FIELD = 1024
"""Characters; a string field may hold 64 KiB, and a series key as much (facts: destinations 14.3)."""

_NANOSECONDS = 1_000_000


async def line(
    message: Message,
    measurement: str,
    tags: Mapping[str, str],
    numbers: Mapping[str, str],
    *,
    texts: bool,
) -> bytes:
    """The point of this event; without `texts` it has numbers and flags only."""
    point = (await module("client.write.point")).Point(measurement)
    for name, wording in tags.items():
        point.tag(name, _tag(worded(wording, message)))
    # In this order, so that a number can be called like a text but not like a tag.
    fields: dict[str, object] = dict(_texts(message)) if texts else {}
    fields |= numbers_of(numbers, message)
    for name, value in (_counted(message) | fields).items():
        if name not in tags:
            point.field(name, value)
    text: str = point.time(timestamp(message)).to_line_protocol()
    return text.encode()


def _tag(text: str) -> str:
    """Without backslashes: InfluxDB reads one before an escape as itself, VictoriaMetrics as an escape, and
    then throws the line away without a word (tried with 1.6.7 and 1.79.5)."""
    return distinct(text, MAX_TAG).replace("\\", "/")


def timestamp(message: Message) -> int:
    """The event's moment in nanoseconds since the epoch: down to the millisecond its own, below that made of
    the event's id. So two events of one moment keep apart, and a repeat overwrites itself."""
    digest = hashlib.sha256(message.accepted.id.encode()).digest()
    return moment(message) * _NANOSECONDS + int.from_bytes(digest[:8]) % _NANOSECONDS


def _counted(message: Message) -> dict[str, object]:
    counted: dict[str, object] = {"count": 1, "severity_number": int(message.severity)}
    if message.vocabulary.outcome:
        counted["ok"] = message.resolves
    return counted


def _texts(message: Message) -> dict[str, str]:
    """Each in one line: InfluxDB would keep a line break, other readers end the point there."""
    words = message.vocabulary
    found = {
        "event_id": one_line(message.event.id, MAX_FIELD),
        "title": headline(message, MAX_TITLE),
        "summary": one_line(message.summary, MAX_SUMMARY),
        "actor": one_line(words.actor or "", MAX_FIELD),
        "task_id": one_line(words.task_id or "", MAX_FIELD),
        "url": message.event_url,
    }
    return {name: text for name, text in found.items() if text}
