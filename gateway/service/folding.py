"""The event that tells of many held deliveries, with its one delivery: the same id, whichever node makes it.

digest         a digest is due: what came since the last, and what changed
quiet_hours    quiet hours are over
grouped        a group is complete
rate_limited   there is room for one message again
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from gateway.domain.delivery import AcceptedEvent, Planned
from gateway.domain.destination import Subscription
from gateway.domain.event import allowed_text
from gateway.domain.ids import DeliveryId, EventId, new_id
from gateway.domain.noise import NoiseInForce
from gateway.domain.source import SELF
from gateway.pipeline.accept import event_key
from gateway.pipeline.noise import DIGEST, GROUPED, QUIET_HOURS, RATE_LIMITED
from gateway.ports import Entry
from gateway.service.gathering import MOST_NAMED, Changes, Gathered, Item, rfc3339
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.cloudevents.structured import decode
from gateway.spi.digest import DIGEST_TYPE

ID_BYTES = 16
DAY = 86_400.0
SHOWN_NAMES = 10
"""Names of what changed that a sentence lists."""

_ORDER = (
    *("corrupt", "failed", "missed", "partial", "critical", "error", "warning", "notice", "started"),
    *("info", "ok"),
)
_CHANGES = {"newly_failing": "Newly failing", "recovered": "Recovered", "still_failing": "Still failing"}


class Fold(NamedTuple):
    """What is told together: for whom, why, from when to when, what, and what changed since the last."""

    subscription: Subscription
    topic: str
    recipient: str
    reason: str
    policy: NoiseInForce
    start: float
    end: float
    gathered: Gathered
    changes: Changes = Changes()


def fold_entry(fold: Fold, *, now: float, version: int) -> Entry:
    """The event and its delivery, pending."""
    subscription = fold.subscription
    event = decode(to_structured_event(_cloudevent(fold), JSONFormat()).body)
    accepted = AcceptedEvent(
        EventId(new_id()),
        subscription.instance_id,
        SELF,
        event,
        meaning(event, payload(event)),
        now,
        version,
    )
    planned = Planned(
        DeliveryId(new_id()),
        subscription.topic_id,
        subscription.id,
        subscription.destination_id,
        fold.recipient,
    )
    key = event_key(subscription.instance_id, SELF, event.source, event.id)
    return Entry(accepted, key, (planned,))


def _cloudevent(fold: Fold) -> CloudEvent:
    subscription = fold.subscription
    return CloudEvent(
        {
            "id": _id(fold),
            "source": f"/instances/{subscription.instance_id}/subscriptions/{subscription.id}",
            "type": DIGEST_TYPE,
            "specversion": "1.0",
            "time": datetime.fromisoformat(rfc3339(fold.end)),
            "subject": allowed_text(fold.topic) or subscription.topic_id,
            "datacontenttype": "application/json",
            "severity": fold.gathered.worst.word,
        },
        _data(fold),
    )


def _id(fold: Fold) -> str:
    """Made from the receiver and the first delivery that is told of, or the period of an empty digest."""
    first = fold.gathered.first_id or f"{fold.end:.0f}"
    parts = f"{fold.subscription.id}\0{fold.recipient}\0{fold.reason}\0{first}".encode()
    return hashlib.blake2b(parts, digest_size=ID_BYTES).hexdigest()


def _data(fold: Fold) -> dict[str, object]:
    gathered, items = fold.gathered, fold.gathered.items
    changes = {name: list(names[:MOST_NAMED]) for name, names in fold.changes._asdict().items()}
    return {
        "title": _title(fold),
        "summary": _summary(fold),
        "reason": fold.reason,
        "total": gathered.total,
        "shown": len(items),
        "period": {"from": rfc3339(fold.start), "to": rfc3339(fold.end)},
        "counts": {
            "severity": dict(gathered.severities),
            "outcome": dict(gathered.outcomes),
            "words": dict(gathered.words),
        },
        **({"changes": changes} if fold.reason == DIGEST else {}),
        "items": [_shown(item) for item in items],
    }


def _shown(item: Item) -> dict[str, str]:
    members = {name: str(getattr(item, name)) for name in item.__struct_fields__}
    return {name: value for name, value in members.items() if value}


def _title(fold: Fold) -> str:
    total, since = fold.gathered.total, _since(fold)
    if not total:
        return f"Nothing happened since {since}"
    events = f"{total:,} event" + ("s" if total > 1 else "")
    what = {
        DIGEST: f"{events} since {since}",
        QUIET_HOURS: f"{events} in quiet hours since {since}",
        GROUPED: f"{events} within {math.ceil(max(fold.end - fold.start, 1))} s",
        RATE_LIMITED: f"{events} over the rate limit since {since}",
    }[fold.reason]
    return f"{what}: {_counted(fold.gathered.words)}"


def _counted(words: Mapping[str, int]) -> str:
    known = [*_ORDER, *(word for word in words if word not in _ORDER)]
    return ", ".join(f"{words[word]:,} {word}" for word in known if words.get(word))


def _since(fold: Fold) -> str:
    """A moment as somebody says it who lives by the policy's clock."""
    policy = fold.policy
    clock = policy.digest if fold.reason == DIGEST else policy.quiet_hours
    zone = ZoneInfo(clock.zone if clock else "UTC")
    start, end = (datetime.fromtimestamp(moment, zone) for moment in (fold.start, fold.end))
    days = (end.date() - start.date()).days
    shown = f"{start:%H:%M}" if clock else f"{start:%H:%M} UTC"
    if days <= 0:
        return shown
    return f"yesterday {shown}" if days == 1 else f"{start:%a} {start.day} {start:%b} {shown}"


def _summary(fold: Fold) -> str:
    if fold.reason == RATE_LIMITED and (limit := fold.policy.rate_limit):
        return f"More came than {limit.events:,} messages in {limit.seconds:g} seconds."
    sentences = [
        f"{_CHANGES[name]}: {_named(names)}." for name, names in fold.changes._asdict().items() if names
    ]
    return "\n".join(sentences)


def _named(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    shown = ", ".join(names[:SHOWN_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown
