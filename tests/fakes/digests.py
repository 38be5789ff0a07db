"""A digest as the gateway makes one, of failures, a warning and what went well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.destination import Subscription
from gateway.domain.event import Event
from gateway.domain.noise import Digest, NoiseInForce
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.pipeline.noise import DIGEST
from gateway.ports import HeldDelivery
from gateway.service.folding import Fold, fold_entry
from gateway.service.gathering import DigestMemory, Gathered
from gateway.spi.message import Message
from tests.fakes.messages import DELIVERY_ID

END = datetime(2026, 7, 28, 9, tzinfo=UTC).timestamp()
SUBSCRIPTION = Subscription("sub-1", "inst-1", "mail", "topic-1", "dest-1", 1.0, 1.0)
ROWS = [
    (Severity.ERROR, Outcome.FAILED, "Backup of db-1 failed", "db-1"),
    (Severity.INFO, Outcome.OK, "Backup of web-1 succeeded", "web-1"),
    (Severity.WARNING, Outcome.WARNING, "The pool is 85 % full", "tank"),
    (Severity.ERROR, Outcome.FAILED, "Backup of <b>db-2</b> failed", "db-2"),
    *((Severity.INFO, Outcome.OK, f"Backup of vm-{number} succeeded", f"vm-{number}") for number in range(8)),
]


def held(number: int, severity: Severity, outcome: Outcome | None, title: str, resource: str) -> HeldDelivery:
    """A held delivery of an event that came so many minutes before the digest."""
    event = Event({"specversion": "1.0", "id": str(number), "source": "/pve", "type": "backup"})
    words = Vocabulary(severity, outcome, title, resource=resource)
    at = END - 43_200 + 60 * number
    accepted = AcceptedEvent(f"event-{number}", "inst-1", "src-1", event, words, at, 1)
    return HeldDelivery(number, f"delivery-{number}", accepted, END)


def digest() -> Message:
    """The message of a daily digest."""
    gathered = Gathered()
    gathered.take(held(number, *row) for number, row in enumerate(ROWS, 1))
    before = DigestMemory(END - 86_400, {"src-1|web-1": "web-1", "src-1|nas": "nas", "src-1|db-1": "db-1"})
    policy = NoiseInForce(digest=Digest())
    changes = gathered.changes(before)
    fold = Fold(SUBSCRIPTION, "nightly", "", DIGEST, policy, END - 86_400, END, gathered, changes)
    accepted = fold_entry(fold, now=END, version=1).accepted._replace(id="digest-event")
    return Message(DELIVERY_ID, accepted, public_url="https://tocsin.example.com")


def repeated(message: Message) -> Message:
    """One before which others like it were suppressed."""
    return replace(message, repeats=37)
