"""What one message has to tell of many held deliveries: gathered page by page, in bounded memory.

A message that is itself a digest (it was held in its turn) is taken apart again: what it told of counts as if
it was here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.severity import Severity, from_word
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.ports import HeldDelivery
from gateway.spi.cloudevents.payload import payload
from gateway.spi.digest import SHOWN_LINES, is_digest

MOST_THINGS = 2000
"""Things whose state a digest follows; of more, the first."""
MOST_NAMED = 50
"""Names that stand in each list of what changed."""
LONGEST = 200
"""Characters of a title and of a name in an item."""

_PROBLEMS = frozenset({Outcome.PARTIAL, Outcome.FAILED, Outcome.CORRUPT, Outcome.MISSED, Outcome.WARNING})


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event as a digest shows it."""

    title: str
    severity: str
    time: str
    type: str
    event_id: str
    outcome: str = ""
    resource: str = ""


class DigestMemory(msgspec.Struct, frozen=True):
    """What the next digest wants to know of this one: until when it told, what was failing then, by key."""

    period: float = 0.0
    failing: dict[str, str] = {}

    @classmethod
    def read(cls, body: bytes | None) -> DigestMemory:
        """What was kept; nothing where that is nothing, or of another release."""
        try:
            return msgspec.json.decode(body, type=cls) if body else cls()
        except msgspec.DecodeError:
            return cls()

    def kept(self) -> bytes:
        """As it is kept."""
        return msgspec.json.encode(self)


class Changes(NamedTuple):
    """Names of what is failing now and was not, of what is well again, and of what failed before already."""

    newly_failing: Sequence[str] = ()
    recovered: Sequence[str] = ()
    still_failing: Sequence[str] = ()


class Gathered:
    """Deliveries of one stream, taken in the order of their numbers."""

    def __init__(self) -> None:
        self.number, self.up_to = 0, 0
        self.first_id, self.total = "", 0
        self.first_at, self.last_at = 0.0, 0.0
        self.severities: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.words: Counter[str] = Counter()
        self.worst = Severity.INFO
        self._items: list[tuple[int, int, Item]] = []
        self._things: dict[str, tuple[str, bool]] = {}

    def take(self, page: Iterable[HeldDelivery]) -> None:
        """Take more of them."""
        for one in page:
            self.number += 1
            self.up_to = one.number
            self.first_id = self.first_id or one.delivery_id
            self._event(one.accepted)
            if len(self._items) > 4 * SHOWN_LINES:
                self._items = sorted(self._items, key=_worst_first)[:SHOWN_LINES]

    @property
    def items(self) -> Sequence[Item]:
        """The worst, and of the same severity the first."""
        return [item for _, _, item in sorted(self._items, key=_worst_first)[:SHOWN_LINES]]

    def changes(self, before: DigestMemory) -> Changes:
        """What is otherwise than at the last digest."""
        failing, well = self._failing(), [key for key, (_, fails) in self._things.items() if not fails]
        recovered = {key: before.failing[key] for key in well if key in before.failing}
        return Changes(
            [name for key, name in failing.items() if key not in before.failing],
            list(recovered.values()),
            [name for key, name in before.failing.items() if key not in recovered],
        )

    def memory(self, before: DigestMemory, period: float) -> DigestMemory:
        """What the next digest has to know."""
        well = {key for key, (_, fails) in self._things.items() if not fails}
        failing = {key: name for key, name in before.failing.items() if key not in well}
        failing |= self._failing()
        return DigestMemory(period, dict(list(failing.items())[:MOST_THINGS]))

    def _failing(self) -> Mapping[str, str]:
        return {key: name for key, (name, fails) in self._things.items() if fails}

    def _event(self, accepted: AcceptedEvent) -> None:
        self.first_at = min(self.first_at or accepted.received_at, accepted.received_at)
        self.last_at = max(self.last_at, accepted.received_at)
        if is_digest(accepted):
            self._digest(payload(accepted.event))
            return
        words = accepted.vocabulary
        severity = words.severity or Severity.INFO
        self.total += 1
        self.worst = max(self.worst, severity)
        self.severities[severity.word] += 1
        self.words[words.outcome or severity.word] += 1
        if words.outcome:
            self.outcomes[words.outcome] += 1
        self._items.append((severity, self.number, _item(accepted, severity)))
        self._follow(accepted, words, severity)

    def _follow(self, accepted: AcceptedEvent, words: Vocabulary, severity: Severity) -> None:
        """Whether the thing that an event is about is well; some events say nothing of that."""
        fails = words.outcome in _PROBLEMS or (words.outcome is None and severity >= Severity.WARNING)
        if not fails and words.outcome is not Outcome.OK:
            return
        name = (words.resource or words.job or accepted.event.text("subject") or accepted.event.type)[
            :LONGEST
        ]
        key = f"{accepted.source_id}|{name}"
        if key in self._things or len(self._things) < MOST_THINGS:
            self._things[key] = (name, fails)

    def _digest(self, data: object) -> None:
        """What a digest told of."""
        try:
            told = msgspec.convert(data, _Told)
        except msgspec.ValidationError:
            self.total += 1
            return
        self.total += told.total
        self.severities.update(told.counts.severity)
        self.outcomes.update(told.counts.outcome)
        self.words.update(told.counts.words)
        for item in told.items:
            severity = from_word(item.severity) or Severity.INFO
            self._items.append((severity, self.number, item))
        for word in told.counts.severity:
            self.worst = max(self.worst, from_word(word) or Severity.INFO)


class Counts(msgspec.Struct, frozen=True):
    """How many of each severity, of each outcome, and of each word: the outcome, else the severity."""

    severity: dict[str, int]
    outcome: dict[str, int]
    words: dict[str, int]


class _Told(msgspec.Struct, frozen=True):
    total: int
    counts: Counts
    items: list[Item] = []


def _worst_first(row: tuple[int, int, Item]) -> tuple[int, int]:
    severity, number, _ = row
    return -severity, number


def _item(accepted: AcceptedEvent, severity: Severity) -> Item:
    words, event = accepted.vocabulary, accepted.event
    return Item(
        title=" ".join((words.title or event.type).split())[:LONGEST],
        severity=severity.word,
        time=_time(event.text("time"), accepted.received_at),
        type=event.type,
        event_id=accepted.id,
        outcome=words.outcome or "",
        resource=(words.resource or "")[:LONGEST],
    )


def _time(said: str | None, received_at: float) -> str:
    """When it happened, in UTC; when it was received where the event does not say."""
    try:
        moment = datetime.fromisoformat(said or "").timestamp()
    except (ValueError, OverflowError):
        moment = received_at
    return rfc3339(moment)


def rfc3339(moment: float) -> str:
    """A moment as events tell it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
