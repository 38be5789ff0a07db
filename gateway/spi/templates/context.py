"""What a template sees of an event, made of it when it is asked for.

    event.*      the canonical vocabulary by IBS' names: `event.subject` is the human title, `event.timestamp`
                 the time (design section 4)
    data.*       the event's JSON data; `event_payload` all of the event as JSON text (IBM)
    message.*    what the default rendering shows: title, summary, state, color, facts, links; `{{message}}`
                 alone is the summary
    type, id, ibmendefaultshort, ...   attributes and members as the sender wrote them
    title, message, severity, timestamp, fields   Proxmox' names, where the sender has none of that name
    ibmendefaultshort, ibmendefaultlong, notification_id   IBM's, likewise

A member that is not asked for is not made: the data is parsed only for a template that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import orjson

from gateway.domain.members import as_sent
from gateway.domain.view import MISSING, Missing
from gateway.spi.message import Message
from gateway.spi.rendering import colour
from gateway.spi.templates.values import JsonText, Worded

Context = Mapping[str, object]


def context_of(message: Message, *, extra: Mapping[str, object] = MappingProxyType({})) -> Context:
    """The context for one message; `extra` are names that only this delivery has, such as the links in an
    invitation (`ibmen_invitation`), and come before all others."""
    return _Lazy({**_whole(message), **{name: _constant(value) for name, value in extra.items()}})


class _Lazy(Mapping[str, object]):
    """A mapping whose members are made on first use; one that turns out MISSING is not there."""

    __slots__ = ("_made", "_makers")

    def __init__(self, makers: Mapping[str, Callable[[], object]]) -> None:
        self._makers = makers
        self._made: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        if self._made[name] is MISSING:
            raise KeyError(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._makers if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _constant(value: object) -> Callable[[], object]:
    return lambda: value


def _whole(message: Message) -> dict[str, Callable[[], object]]:
    makers: dict[str, Callable[[], object]] = {
        "title": lambda: message.title,
        "message": lambda: Worded(message.summary or message.title, _Lazy(_message(message))),
        "severity": lambda: message.severity.word,
        "timestamp": lambda: _epoch(message),
        "fields": lambda: _fields(message),
        "ibmendefaultshort": lambda: message.title,
        "ibmendefaultlong": lambda: message.summary,
        "notification_id": lambda: str(message.accepted.id),
        "recipient": lambda: message.recipient,
    }
    for name, value in as_sent(message.event).items():
        makers[name] = _constant(value)
    makers["event"] = lambda: _Lazy(_event(message))
    makers["data"] = lambda: message.payload
    makers["event_payload"] = lambda: _as_sent(message)
    return makers


def _event(message: Message) -> dict[str, Callable[[], object]]:
    """By IBS' names, and the words of the vocabulary by their own (Ironcore's page on templates)."""
    event, words = message.event, message.vocabulary
    return {
        "event_id": lambda: event.id,
        "id": lambda: event.id,
        "type": lambda: event.type,
        "source": lambda: event.source,
        "severity": lambda: message.severity.word,
        "outcome": lambda: _text(words.outcome),
        "subject": lambda: message.title,
        "title": lambda: message.title,
        "summary": lambda: message.summary,
        "resource": lambda: _text(words.resource or event.text("subject")),
        "job": lambda: _text(words.job),
        "actor": lambda: _text(words.actor),
        "task_id": lambda: _text(words.task_id),
        "task_url": lambda: _links(message).get("task", MISSING),
        "timestamp": lambda: event.text("time") or _rfc3339(message.accepted.received_at),
        "links": lambda: _links(message),
    }


def _message(message: Message) -> dict[str, Callable[[], object]]:
    return {
        "title": lambda: message.title,
        "summary": lambda: message.summary,
        "severity": lambda: message.severity.word,
        "state": lambda: message.state.value,
        "story": lambda: message.story,
        "is_problem": lambda: message.state.value == "problem",
        "color": lambda: colour(message),
        "facts": lambda: [fact._asdict() for fact in message.facts],
        "links": lambda: [link._asdict() for link in message.links],
        "id": lambda: message.delivery_id,
        "repeats": lambda: message.repeats,
        "public_url": lambda: message.public_url,
    }


def _text(value: str | None) -> str | Missing:
    return MISSING if value is None else str(value)


def _links(message: Message) -> dict[str, str]:
    """URLs by label as a name: the "Task log" is `event.links.task_log`, as IBS calls it."""
    return {label.lower().replace(" ", "_"): url for label, url in message.links}


def _fields(message: Message) -> object:
    """The payload's own fields, or the facts by their names in small letters (Proxmox' `fields.hostname`)."""
    if isinstance(message.payload, dict) and "fields" in message.payload:
        return message.payload["fields"]
    return {fact.name.lower(): fact.value for fact in message.facts}


def _as_sent(message: Message) -> JsonText:
    whole: dict[str, object] = dict(as_sent(message.event))
    if message.payload is not MISSING:
        whole["data"] = message.payload
    return JsonText(orjson.dumps(whole).decode())


def _epoch(message: Message) -> int:
    """Seconds since 1970, as Proxmox gives them; of the receipt where the event tells no time."""
    try:
        return int(datetime.fromisoformat(message.event.text("time") or "").timestamp())
    except (ValueError, OverflowError):
        return int(message.accepted.received_at)


def _rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
