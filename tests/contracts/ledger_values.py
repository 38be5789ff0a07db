"""Events, plans and settlements in the shortest form that a test of the ledger can say them."""

from __future__ import annotations

import hashlib

from gateway.domain.delivery import AcceptedEvent, Attempt, Planned, Settlement, State
from gateway.domain.errors import Problem
from gateway.domain.event import DataForm, Event
from gateway.domain.ids import new_id
from gateway.domain.vocabulary import Vocabulary
from gateway.ports import DeliveryFilter, Entry, Ledger, Store

INSTANCE, OTHER_INSTANCE = "instance-1", "instance-2"
SOURCE = "source-1"
NOW = 1_800_000_000.0
PROBLEM = Problem("type_unknown", "There is no such type.", "/type", "one of the bound types")


def event(id="1", *, type="backup.failed", data=b'{"size": 1}', form=DataForm.JSON, **attributes):
    base = {"specversion": "1.0", "id": id, "source": "/vault", "type": type}
    return Event(base | attributes, data, form)


def planned(destination="destination-1", state=State.PENDING, *, subscription=None, recipient="", reason=""):
    return Planned(
        new_id(),
        "topic-1",
        subscription or f"subscription-of-{destination}",
        destination,
        recipient,
        state,
        reason,
    )


def entry(
    id="1", *deliveries, instance=INSTANCE, source=SOURCE, key=None, version=0, received_at=NOW, **more
):
    problems = more.pop("problems", ())
    vocabulary = more.pop("vocabulary", Vocabulary(title=f"Backup {id} failed"))
    revision = more.pop("schema_revision", "")
    accepted = AcceptedEvent(
        more.pop("event_id", None) or new_id(),
        instance,
        source,
        event(id, **more),
        vocabulary,
        received_at,
        version,
    )
    digest = hashlib.blake2b((key or f"{instance}/{source}/{id}").encode(), digest_size=20).digest()
    return Entry(accepted, digest, deliveries, problems, revision)


def attempt(number=1, reason="", *, started_at=NOW, code="", detail="", excerpt="", duration=0.25):
    return Attempt(number, started_at, duration, reason, code, detail, excerpt)


def delivered(delivery_id, epoch=1, *, number=1, sent=b""):
    tried = attempt(number, code="200", detail="accepted", excerpt="ok")
    return Settlement(delivery_id, epoch, State.DELIVERED, attempt=tried, sent=sent)


def retry(delivery_id, due_at, epoch=1, *, number=1, sent=b""):
    tried = attempt(number, "unavailable", code="503", detail="try later", excerpt="busy")
    return Settlement(delivery_id, epoch, State.PENDING, "unavailable", due_at, tried, sent)


def dead(delivery_id, epoch=1, *, number=1):
    return Settlement(
        delivery_id, epoch, State.DEAD, "rejected", attempt=attempt(number, "rejected", code="400")
    )


def untried(delivery_id, due_at=NOW, epoch=1):
    return Settlement(delivery_id, epoch, State.PENDING, "paused", due_at)


async def append(store: Store, *entries: Entry, routed_with=0):
    return await store.ledger.append(entries, routed_with=routed_with)


async def append_leased(store: Store, count=1, destination="destination-1", **more):
    """Append as many events with one born-leased delivery each; return the deliveries' ids."""
    plans = [planned(destination, State.LEASED) for _ in range(count)]
    await append(store, *(entry(new_id(), plan, **more) for plan in plans))
    return [plan.id for plan in plans]


async def claim_all(ledger: Ledger, limit=1000, default_room=1000, **room):
    return await ledger.claim(room, default_room=default_room, limit=limit)


async def states(store: Store, instance=INSTANCE):
    """The state of every delivery of an instance, by id."""
    found, cursor = {}, ""
    while True:
        page = await store.ledger.deliveries(instance, DeliveryFilter(), cursor=cursor, limit=500)
        found |= {row.id: row.state for row in page.rows}
        cursor = page.cursor
        if not cursor:
            return found


async def require_true_counts(store: Store):
    """The counts are those of the rows of all instances."""
    rows = await states(store) | await states(store, OTHER_INSTANCE)
    counts = await store.ledger.counts()
    for state in State:
        assert counts.by_state.get(state, 0) == list(rows.values()).count(state), state
