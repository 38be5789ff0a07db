"""What a set policy costs the store: `python -m bench.noise_store`.

Groups of events with one delivery each are appended: without a policy, each with a window of its own, all
within one window, and held in one stream. Costs are given as ratios to those without a policy. An event's
whole way in is longer than that, and its ratio smaller; groups of one show what a lone sender waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench.backlog import opened, places
from gateway.domain.clock import SystemClock
from gateway.domain.delivery import AcceptedEvent, Hold, Planned, State, Window
from gateway.domain.event import DataForm, Event
from gateway.domain.ids import (
    DeliveryId,
    DestinationId,
    EventId,
    InstanceId,
    SourceId,
    SubscriptionId,
    TopicId,
    new_id,
)
from gateway.domain.vocabulary import Vocabulary
from gateway.ports import Entry, Store

SIZES = (1, 100, 1000)
ROUNDS, WARM_UP = 60, 5
GOAL = 1.3

Policy = Callable[[Planned], Planned]


def none(planned: Planned) -> Planned:
    """No policy."""
    return planned


def own_window(planned: Planned) -> Planned:
    """Every event opens a window: nothing is the same."""
    return planned._replace(window=Window(planned.id.encode(), time.time() + 300))


def one_window(planned: Planned) -> Planned:
    """Everything is the same."""
    return planned._replace(window=Window(b"the same", time.time() + 300))


def one_stream(planned: Planned) -> Planned:
    """Everything waits for one digest."""
    hold = Hold("digest", time.time() + 3600)
    return planned._replace(state=State.HELD, reason="digest", hold=hold)


POLICIES: tuple[Policy, ...] = (none, own_window, one_window, one_stream)


def entry(policy: Policy) -> Entry:
    """An event of 1 KiB with one delivery, born leased unless its policy says otherwise."""
    planned = Planned(
        DeliveryId(new_id()),
        TopicId("topic"),
        SubscriptionId("subscription"),
        DestinationId("destination"),
        state=State.LEASED,
    )
    attributes = {"specversion": "1.0", "id": new_id(), "source": "/bench", "type": "backup.failed"}
    accepted = AcceptedEvent(
        EventId(new_id()),
        InstanceId("instance"),
        SourceId("source"),
        Event(attributes, b'{"text": "' + b"x" * 1000 + b'"}', DataForm.JSON),
        Vocabulary(title="Backup failed"),
        SystemClock().now(),
        0,
    )
    return Entry(accepted, accepted.id.encode(), (policy(planned),))


async def timed(store: Store, policy: Policy, size: int) -> float:
    """Seconds of one append."""
    entries = [entry(policy) for _ in range(size)]
    began = time.perf_counter()
    await store.ledger.append(entries, routed_with=0)
    return time.perf_counter() - began


async def measure(store: Store, size: int) -> Sequence[float]:
    """The median of each policy, taken in turns, so that what else goes on meets all of them alike."""
    seconds: dict[Policy, list[float]] = {policy: [] for policy in POLICIES}
    for _ in range(ROUNDS + WARM_UP):
        for policy in POLICIES:
            seconds[policy].append(await timed(store, policy, size))
    return [statistics.median(seconds[policy][WARM_UP:]) for policy in POLICIES]


async def run(names: Sequence[str]) -> None:
    """Print a table."""
    print("| store | events at once | no policy | own windows | one window | held |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in names:
        async with places(name) as (folder, database), opened(folder, database) as store:
            for size in SIZES:
                base, *others = await measure(store, size)
                ratios = " | ".join(f"{one / base:.2f}" for one in others)
                print(f"| {name} | {size} | {base * 1000:.2f} ms | {ratios} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="append", choices=("SQLite", "PostgreSQL"))
    chosen = parser.parse_args().store or ("SQLite", "PostgreSQL")
    asyncio.run(partial(run, chosen)())
