"""What a set policy costs: `python -m bench.noise [--rounds N] [--events N]`.

CPU time per event with one webhook subscribed, as a ratio to no policy in the same round. `accept` is the
path up to the durable event and its delivery: the destination is disabled, so that nothing is sent. `deliver`
is all of it, for the policies that let these events through. The goal is 1.3.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from bench import processes
from bench.driver import Load, Sink, open_sink
from bench.gateway import Gateway, arrived

GOAL = 1.3
NONE = "none"
ACCEPT, DELIVER = "accept", "deliver"
EVERYTHING_ON = {"rule": "severity in (info, notice)"}

POLICIES: dict[str, dict[str, Any]] = {
    NONE: {},
    "duplicates": {"duplicates": True},
    "duplicates by key": {"duplicates": {"key": ["id"]}},
    "digest, not its": {"digest": EVERYTHING_ON},
    "digest": {"digest": True},
    "quiet hours": {"quiet_hours": True},
    "grouping": {"grouping": {"by": ["resource"]}},
    "once per target": {"once_per_target": True},
    "rate limit": {"rate_limit": {"events": 10_000, "seconds": 1}},
    "all that lets through": {
        "duplicates": {"key": ["id"]},
        "digest": EVERYTHING_ON,
        "quiet_hours": {"let_through": "error"},
        "rate_limit": {"events": 10_000, "seconds": 1},
        "once_per_target": True,
    },
}
LETTING_THROUGH = (
    NONE,
    "duplicates by key",
    "digest, not its",
    "once per target",
    "rate limit",
    "all that lets through",
)


def connected(gateway: Gateway, sink_port: int) -> dict[tuple[str, str], str]:
    """The key of a source of its own for each policy and path."""
    found = {}
    for path in (ACCEPT, DELIVER):
        for name, policy in POLICIES.items():
            if path == DELIVER and name not in LETTING_THROUGH:
                continue
            found[path, name] = _route(gateway, sink_port, f"{path} {name}", policy, sends=path == DELIVER)
    return found


def _route(gateway: Gateway, sink_port: int, name: str, policy: dict[str, Any], *, sends: bool) -> str:
    source = gateway.call("sources", {"name": name})["id"]
    key = str(gateway.call(f"sources/{source}/keys", {"name": "bench"})["key"])
    sources = [{"id": source, "rules": [{"rule": ""}]}]
    topic = gateway.call("topics", {"name": name, "sources": sources, "policy": policy})["id"]
    params = {"url": f"http://127.0.0.1:{sink_port}/hook", "verb": "post"}
    destination = gateway.call(
        "destinations", {"name": name, "type": "webhook", "enabled": sends, "config": {"params": params}}
    )["id"]
    gateway.call("subscriptions", {"name": name, "topic_id": topic, "destination_id": destination})
    return key


async def measure(gateway: Gateway, path: str, key: str, prefix: str, count: int) -> float:
    """CPU microseconds per event."""
    Sink.reset()
    before = processes.cpu_seconds(gateway.process.pid)
    load = Load(gateway.port, "/v1/instances/default/events", key, prefix, count)
    await load.run()
    if load.refused:
        raise SystemExit(f"the gateway refused events: {load.refused}")
    if path == DELIVER:
        await arrived(count)
    await asyncio.sleep(0.05)
    return (processes.cpu_seconds(gateway.process.pid) - before) / count * 1e6


async def run(rounds: int, events: int) -> dict[tuple[str, str], list[float]]:
    """CPU microseconds per event of each path and policy in each round; a warm round is not counted."""
    server, sink_port = await open_sink()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        gateway = await asyncio.to_thread(Gateway, Path(folder), sink_port)
        try:
            keys = await asyncio.to_thread(connected, gateway, sink_port)
            found: dict[tuple[str, str], list[float]] = {place: [] for place in keys}
            for number in range(rounds + 1):
                for (path, name), costs in found.items():
                    cost = await measure(gateway, path, keys[path, name], f"r{number}{name}", events)
                    if number:
                        costs.append(cost)
        finally:
            gateway.close()
    server.close()
    return found


def report(found: dict[tuple[str, str], list[float]]) -> None:
    """Print medians, and of the ratios those paired within a round."""
    for (path, name), costs in found.items():
        floor = found[path, NONE]
        ratio = statistics.median(cost / none for cost, none in zip(costs, floor, strict=True))
        verdict = "ok" if ratio <= GOAL else "OVER"
        print(
            f"{path:<8} {name:<22} {statistics.median(costs):6.0f} us  {ratio:.2f} x  goal {GOAL} {verdict}"
        )


def main() -> None:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.noise", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="interleaved rounds (default 4)")
    parser.add_argument("--events", type=int, default=3000, help="events per policy and round (default 3000)")
    options = parser.parse_args()
    report(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    os.sched_setaffinity(0, {processes.DRIVING})
    main()
