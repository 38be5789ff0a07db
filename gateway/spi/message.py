"""The message: what one delivery says, made once from the event, for every channel to translate.

Adapters do not invent wording; what they put into a title, a line or a card stands here. Anything that
needs the event's data parsed is worked out on first use, because a forwarded webhook never asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.event import Event
from gateway.domain.incident import Chapter, Part, Thread, story
from gateway.domain.severity import Severity
from gateway.domain.source import SELF
from gateway.domain.view import EventView, Json, Missing
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi.callback import callback_url
from gateway.spi.cloudevents.payload import payload
from gateway.spi.digest import digest_lines, is_digest


class MessageState(StrEnum):
    """What kind of news it is."""

    PROBLEM = "problem"
    RECOVERY = "recovery"
    INFO = "info"
    DIGEST = "digest"


class Fact(NamedTuple):
    """A name and a value to show side by side."""

    name: str
    value: str


class Link(NamedTuple):
    """A label and an http(s) URL."""

    label: str
    url: str


TITLE, TEXT, HTML, BODY = "title", "text", "html", "body"
"""The parts that a template may give: two that replace the title and all that stands below it, the HTML
beside them, and the whole of what is posted."""

EVENT_LINK, ACKNOWLEDGE_LINK = "Event", "Acknowledge"

_OF_A_DIGEST = frozenset({"Severity", "Time"})
_PROBLEMS = frozenset({Outcome.PARTIAL, Outcome.FAILED, Outcome.CORRUPT, Outcome.MISSED, Outcome.WARNING})


@dataclass(frozen=True)
class Message:
    """One delivery's content. `delivery_id` is the id that a receiver sees on every try.

    `templated` holds the parts that the subscription's template made, escaped for their target; `note` is
    for the attempt: what the reader of the message does not see. `unsubscribe_url` is where the recipient
    wants no more of them, `acknowledge_url` where somebody says that they care for it; '' where there is no
    such place. `repeats` is how many like it were suppressed since the last one that was told. `chapter` is
    the incident that the event belongs to, and `thread` the first message of it that this recipient got, None
    for the first.
    """

    delivery_id: str
    accepted: AcceptedEvent
    recipient: str = ""
    public_url: str = ""
    templated: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    destination_id: str = ""
    unsubscribe_url: str = ""
    repeats: int = 0
    acknowledge_url: str = ""
    chapter: Chapter | None = None
    thread: Thread | None = None

    @property
    def event(self) -> Event:
        """The CloudEvent itself, for channels that forward it unchanged."""
        return self.accepted.event

    @property
    def vocabulary(self) -> Vocabulary:
        return self.accepted.vocabulary

    @cached_property
    def payload(self) -> Json | Missing:
        """The event's JSON data, parsed."""
        return payload(self.event)

    @property
    def view(self) -> EventView:
        """The event as rules and templates read it."""
        return EventView(self.event, self.vocabulary, self.payload)

    @property
    def severity(self) -> Severity:
        """The event's severity; info where it has none."""
        return self.vocabulary.severity or Severity.INFO

    @property
    def state(self) -> MessageState:
        """Whether this tells of a problem, of its end, of something that went well, or of several things."""
        if is_digest(self.accepted):
            return MessageState.DIGEST
        if self.chapter is not None:
            return MessageState.RECOVERY if self.chapter.part is Part.RECOVERY else MessageState.PROBLEM
        if self.vocabulary.outcome in _PROBLEMS or self.severity >= Severity.WARNING:
            return MessageState.PROBLEM
        return MessageState.INFO

    @property
    def resolves(self) -> bool:
        """Whether it tells that all is well: channels that keep alerts open close theirs of `thread_key`."""
        return self.vocabulary.outcome is Outcome.OK

    @cached_property
    def title(self) -> str:
        """One line, without line breaks: what happened."""
        named = self.templated.get(TITLE) or self.vocabulary.title
        if not named:
            subject = self.vocabulary.resource or self.vocabulary.job or self.event.text("subject")
            named = f"{self.event.type}: {subject}" if subject else self.event.type
        return " ".join(named.split())

    @property
    def summary(self) -> str:
        """Why, in a sentence or two, and how long it lasts; '' where neither is known."""
        return self.templated.get(TEXT) or self._told

    @cached_property
    def _told(self) -> str:
        """The event's summary, what were suppressed, and its incident; of a digest, a line for each that it
        tells of."""
        told = self.vocabulary.summary or ""
        if self.state is MessageState.DIGEST:
            return "\n\n".join(part for part in (told, "\n".join(digest_lines(self.payload))) if part)
        if told and self.repeats:
            told = f"{told}\n+{self.repeats:,} like this were suppressed."
        return "\n\n".join(part for part in (told, self.story) if part)

    @property
    def story(self) -> str:
        """How long the incident lasts or lasted and how often it failed; '' for what is the first of it."""
        return story(self.chapter) if self.chapter else ""

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """What is known of the event beyond title and summary, in reading order; none where a template
        says what is to be said."""
        if TEXT in self.templated:
            return ()
        words = self.vocabulary
        suppressed = f"+{self.repeats:,} like this" if self.repeats and not words.summary else None
        known = (
            ("Severity", words.severity.word if words.severity else None),
            ("Outcome", words.outcome),
            ("Suppressed", suppressed),
            ("Resource", words.resource),
            ("Job", words.job),
            ("Actor", words.actor),
            ("Task", words.task_id),
            ("Type", self.event.type),
            ("Source", self.event.source),
            ("Time", self.event.text("time")),
        )
        shown = [Fact(name, value) for name, value in known if value]
        if self.state is MessageState.DIGEST:  # where it comes from says nothing to its readers
            return tuple(fact for fact in shown if fact.name in _OF_A_DIGEST)
        return tuple(shown)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Where to look next; last of all at the event itself, where the gateway has a public address."""
        links = [Link(label, url) for label, url in self.vocabulary.links.items()]
        if self.acknowledge_url:
            links.append(Link(ACKNOWLEDGE_LINK, self.acknowledge_url))
        if self.public_url:
            links.append(Link(EVENT_LINK, self.event_url))
        return tuple(links)

    @property
    def event_url(self) -> str:
        """Where the gateway shows the event; '' where it has no public address."""
        if not self.public_url:
            return ""
        instance, event = self.accepted.instance_id, self.accepted.id
        return f"{self.public_url.rstrip('/')}/v1/instances/{instance}/events/{event}"

    @property
    def callback_url(self) -> str:
        """Where the channel may tell later what became of it; '' where the gateway has no public address."""
        return callback_url(self.public_url, self.destination_id, self.delivery_id)

    @property
    def dedup_key(self) -> str:
        """What a receiver may use to recognise a repeat: the same on every try."""
        return self.delivery_id

    @property
    def thread_key(self) -> str:
        """What messages about the same thing have in common.

        What a monitor tells is a thing by itself: the end of one breach closes no alert of another.
        """
        if self.chapter is not None:
            return self.chapter.incident.key
        thing = (
            self.vocabulary.resource or self.vocabulary.job or self.event.text("subject") or self.event.type
        )
        teller = self.event.source if self.accepted.source_id == SELF else self.accepted.source_id
        return f"{teller}|{thing}"
