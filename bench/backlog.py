"""What a long backlog costs: `python -m bench.backlog`, or at the end of `python -m bench`.

For each number of deliveries that wait: claiming 256 of them, starting a gateway on them (time, and memory
while it delivers them), and disabling their destinations (until the answer, until all are held, and how long
an event waits meanwhile). Costs are given as ratios to those of the smallest backlog.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.driver import open_sink
from bench.gateway import Gateway
from gateway.domain.clock import SystemClock
from gateway.domain.delivery import AcceptedEvent, Planned, State
from gateway.domain.event import DataForm, Event
from gateway.domain.ids import DestinationId, InstanceId, SourceId, SubscriptionId, TopicId, new_id
from gateway.domain.vocabulary import Vocabulary
from gateway.pipeline.claim import CLAIM_LIMIT
from gateway.ports import Entry, Hold, Store
from gateway.security.keyprint import Keyprint
from gateway.storage.postgres.store import PostgresStore
from gateway.storage.sqlite.store import SqliteStore
from tests.fakes.postgres import PostgresServer, binaries

SIZES = (1_000, 100_000)
FULL = 1_000_000
DESTINATIONS, PER_EVENT, PER_APPEND = 5, 10, 1000
CLAIMS = 31
SETTLING_SECONDS = 3.0
FLAT, START_SECONDS, EVENT_SECONDS = 2.0, 5.0, 1.0
"""Goals: how much a claim may grow, what a start may take, and an answer while deliveries are held."""
MEMORY_FLAT = 1.1


@dataclass(frozen=True)
class Cost:
    """Of one backlog: seconds, and MiB."""

    waiting: int
    claim: float
    start: float
    memory: float
    answered: float
    held: float
    longest_event: float


@asynccontextmanager
async def places(name: str) -> AsyncIterator[tuple[Path, str]]:
    """A folder, and the address of a database server of its own, or '' for a file in that folder."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        if name == "SQLite":
            yield Path(folder), ""
            return
        server = PostgresServer(fsync="on", shared_buffers="256MB", max_wal_size="4GB")
        try:
            await asyncio.to_thread(server.start)
            yield Path(folder), server.url()
        finally:
            await asyncio.to_thread(server.close)


@asynccontextmanager
async def opened(folder: Path, database: str) -> AsyncIterator[Store]:
    """The store, without a gateway."""
    clock = SystemClock()
    store: Store
    if database:
        store = await PostgresStore.open(database, clock=clock, keyprint=Keyprint.of("bench", ("bench",)))
    else:
        store = await SqliteStore.open(folder / "tocsin.db", clock=clock)
    try:
        yield store
    finally:
        await store.close()


async def cost(name: str, waiting: int, sink_port: int) -> Cost:
    """Measure one backlog on one store."""
    os.environ["TOCSIN_SECRET_KEY"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    async with places(name) as (folder, database):
        settings = {"TOCSIN_DATABASE": database} if database else {}
        first = await asyncio.to_thread(Gateway, folder, sink_port, settings)
        rows = [row["id"] for row in first.listed("destinations") if row["name"].startswith("sink-5-")]
        await asyncio.to_thread(first.close)
        destinations = [DestinationId(row) for row in rows]
        async with opened(folder, database) as store:
            await fill(store, destinations, range(waiting))
            claim = await claiming(store, destinations, waiting)
        began = time.monotonic()
        started = await asyncio.to_thread(Gateway, folder, sink_port, settings, like=first)
        start = time.monotonic() - began
        await asyncio.sleep(SETTLING_SECONDS)
        memory = processes.resident_mib(started.process.pid)
        await asyncio.to_thread(started.close)
        async with opened(folder, database) as store:
            answered, held, longest = await disabling(store, destinations)
    return Cost(waiting, claim, start, memory, answered, held, longest)


async def fill(store: Store, destinations: Sequence[DestinationId], numbers: range) -> None:
    """Have so many more deliveries wait, in equal parts; the numbers are those of no others."""
    version = await store.registry.version()
    for part in range(numbers.start, numbers.stop, PER_APPEND):
        events = range(part, min(part + PER_APPEND, numbers.stop), PER_EVENT)
        entries = [entry(number, version, destinations) for number in events]
        await store.ledger.append(entries, routed_with=version)


def entry(number: int, version: int, destinations: Sequence[DestinationId]) -> Entry:
    """An event whose deliveries all wait."""
    attributes = {"specversion": "1.0", "id": f"waiting-{number:09d}", "source": "/backup/db1"}
    event = Event({**attributes, "type": "backup.failed"}, b'{"job": "nightly"}', DataForm.JSON)
    accepted = AcceptedEvent(
        new_id(), InstanceId("bench"), SourceId("bench"), event, Vocabulary(), time.time(), version
    )
    planned = tuple(
        Planned(
            new_id(),
            TopicId("bench"),
            SubscriptionId("bench"),
            destinations[place % len(destinations)],
            "",
            State.PENDING,
            "",
        )
        for place in range(PER_EVENT)
    )
    return Entry(accepted, f"waiting-{number:09d}".encode(), planned)


async def claiming(store: Store, destinations: Sequence[DestinationId], waiting: int) -> float:
    """Seconds for a claim, as many waiting each time: of some, what a quarter took less than.

    The others may have waited for whatever else the machine does.
    """
    took, added = [], waiting
    for _ in range(CLAIMS):
        began = time.monotonic()
        claims = await store.ledger.claim({}, default_room=CLAIM_LIMIT, limit=CLAIM_LIMIT)
        took.append((time.monotonic() - began) * CLAIM_LIMIT / len(claims))
        await fill(store, destinations, range(added, added + len(claims)))
        added += len(claims) + PER_EVENT
    return statistics.quantiles(took, n=4)[0]


async def disabling(store: Store, destinations: Sequence[DestinationId]) -> tuple[float, float, float]:
    """Seconds until it is answered, until all are held, and that an event waited at most meanwhile."""
    version = await store.registry.version()
    done = asyncio.Event()
    senders = asyncio.create_task(_longest_event(store, destinations[0], version, done))
    began = time.monotonic()
    await store.registry.apply([], [Hold(one, "bench") for one in destinations], expected=version)
    answered = time.monotonic() - began
    while (await store.ledger.counts()).by_state.get(State.PENDING, 0):  # noqa: ASYNC110  counted, not told
        await asyncio.sleep(0.02)
    held = time.monotonic() - began
    done.set()
    return answered, held, await senders


async def _longest_event(
    store: Store, destination: DestinationId, version: int, done: asyncio.Event
) -> float:
    longest, number = 0.0, FULL * 10
    while not done.is_set():
        number += 1
        one = entry(number, version, [destination])
        began = time.monotonic()
        await store.ledger.append([one._replace(planned=())], routed_with=version)
        longest = max(longest, time.monotonic() - began)
        await asyncio.sleep(0.005)
    return longest


async def run(names: Sequence[str], sizes: Sequence[int]) -> dict[str, list[Cost]]:
    """All sizes on all stores."""
    server, sink_port = await open_sink()
    found: dict[str, list[Cost]] = {}
    for name in names:
        found[name] = []
        for size in sorted(sizes):
            found[name].append(await cost(name, size, sink_port))
            print(f"{name:<10} {line(found[name][-1], found[name][0])}", flush=True)
    server.close()
    return found


def line(one: Cost, smallest: Cost) -> str:
    """A backlog in a line, beside the smallest."""
    claim, memory = one.claim / smallest.claim, one.memory / smallest.memory
    held = f"disabled in {one.answered:.2f} s, all held in {one.held:.1f} s"
    goals = {
        f"claim {one.claim * 1000:.1f} ms = {claim:.2f} x": claim <= FLAT,
        f"start {one.start:.1f} s": one.start <= START_SECONDS,
        f"memory {one.memory:.0f} MiB = {memory:.2f} x": memory <= MEMORY_FLAT,
        held: one.answered <= EVENT_SECONDS,
        f"longest event {one.longest_event:.2f} s": one.longest_event <= EVENT_SECONDS,
    }
    shown = ", ".join(text + ("" if met else " OVER") for text, met in goals.items())
    return f"{one.waiting:>9,} waiting: {shown}"


def stores() -> list[str]:
    """Those that can be measured on this machine."""
    return ["SQLite", "PostgreSQL"] if binaries() else ["SQLite"]


def main() -> None:
    """Parse, run."""
    parser = argparse.ArgumentParser(prog="python -m bench.backlog", description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=stores(), default=stores())
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="1000 100000 by default")
    parser.add_argument("--full", action="store_true", help="a million as well")
    options = parser.parse_args()
    asyncio.run(run(options.stores, [*options.sizes, *([FULL] if options.full else [])]))


if __name__ == "__main__":
    os.sched_setaffinity(0, {processes.DRIVING})
    main()
