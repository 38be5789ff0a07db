"""A request that another node's change overtook is read again by what is in force now, from its key on."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.domain.errors import Forbidden, Unauthorized
from gateway.domain.source import Instance, Key, Role, Source
from gateway.pipeline.counts import Counts
from gateway.pipeline.dispatcher import Dispatcher, Limits
from gateway.pipeline.flow import Ingest
from gateway.pipeline.rate import RateGate
from gateway.pipeline.receive import receive
from gateway.pipeline.recent import Recent
from gateway.pipeline.results import LastResults
from gateway.pipeline.sightings import Sightings
from gateway.pipeline.snapshot import Current, build
from gateway.pipeline.told import Told
from gateway.ports import Configuration, EventFilter, Put, Remove
from gateway.security.keys import generate
from gateway.service.configuration import Configurator
from gateway.telemetry.metrics import Metrics
from tests.contracts.ledger_values import INSTANCE

FRESH = generate()
SOURCE = Source("s", INSTANCE, "vault", 1.0, 1.0)
KEY = Key(FRESH.id, INSTANCE, "k", Role.SOURCE, FRESH.digest, 1.0, 1.0, SOURCE.id)
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "backup.failed"}


@pytest.fixture
async def ingest(store, clock):
    """Ingest of a node that knows a source and its key, and hears nothing of later changes by itself."""
    entities = [Instance(INSTANCE, "i", 1.0, 1.0), SOURCE, KEY]
    await store.registry.apply([Put(one) for one in entities], expected=0)
    current, metrics = Current(build(Configuration(0, ()), "")), Metrics()
    await Configurator(store.registry, current, "", clock, lambda: None).refresh()

    async def never(claim):
        raise AssertionError("nothing is sent here")

    dispatcher = Dispatcher(store.ledger, current, clock, Limits(), never, lambda _destination: None)
    told = Told(
        metrics, Counts(clock, metrics), Sightings(), LastResults(store.ledger, clock), Recent(store.ledger)
    )
    return Ingest(
        current,
        store.ledger,
        dispatcher,
        clock,
        told,
        gate=RateGate(store.rates, clock),
        signatures=None,
        max_batch_events=10,
    )


def envelope():
    headers = [
        (b"Authorization", f"Bearer {FRESH.text}".encode()),
        (b"Content-Type", b"application/cloudevents+json"),
    ]
    body = json.dumps(EVENT).encode()
    return receive(instance=INSTANCE, headers=headers, body=body, received_at=1.0, max_body=10_000)


async def stored(store):
    return len((await store.ledger.events(INSTANCE, EventFilter())).rows)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (Remove(KEY), Unauthorized),
        (Remove(SOURCE), Forbidden),
        (Put(replace(SOURCE, enabled=False)), Forbidden),
        (Put(replace(SOURCE, allowed_types=("restore.*",))), Forbidden),
    ],
)
async def test_what_may_not_be_sent_any_more_is_refused(store, ingest, change, refusal):
    await store.registry.apply([change], expected=1)
    with pytest.raises(refusal):
        await ingest.take(envelope())
    assert await stored(store) == 0


async def test_what_may_still_be_sent_is_taken(store, ingest):
    await store.registry.apply([Put(replace(SOURCE, name="renamed"))], expected=1)
    await ingest.take(envelope())
    assert await stored(store) == 1
