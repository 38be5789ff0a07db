"""Speed of several nodes: `python -m bench.nodes`, or at the end of `python -m bench`.

CPU per event, accepted and delivered to one webhook, all gateway processes together: one node on PostgreSQL
beside one on SQLite, two nodes beside one, and the busier half of a pair of which one only receives and the
other only sends. All on one core, in the same round; the database and the load are elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
from pathlib import Path

from bench import processes
from bench.driver import CONNECTIONS, Sink, open_sink
from bench.gateway import Gateway, arrived
from tests.fakes.postgres import PostgresServer, binaries

FAN = 1
GOALS = {"PostgreSQL": 1.2, "two nodes": 1.1, "busier role": 0.55}
"""Ratios: to SQLite, to one node on PostgreSQL, to one node on PostgreSQL."""


async def measure(count: int, sink_port: int, *roles: str, database: str = "") -> list[float]:
    """CPU microseconds per event of each process; events go to those that receive, in equal parts."""
    os.environ["TOCSIN_SECRET_KEY"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        gateways: list[Gateway] = []
        try:
            for number, role in enumerate(roles):
                settings = {"TOCSIN_DATABASE": database, "TOCSIN_ROLE": role} if database else {}
                home = Path(folder) / str(number)
                home.mkdir()
                first = gateways[0] if gateways else None
                gateways.append(await asyncio.to_thread(Gateway, home, sink_port, settings, like=first))
            await _send(gateways, roles, "warm", count // 4)
            before = [processes.cpu_seconds(one.process.pid) for one in gateways]
            await _send(gateways, roles, "measure", count)
            after = [processes.cpu_seconds(one.process.pid) for one in gateways]
        finally:
            for one in gateways:
                one.close()
    return [(end - begin) / count * 1e6 for begin, end in zip(before, after, strict=True)]


async def _send(gateways: list[Gateway], roles: tuple[str, ...], prefix: str, count: int) -> None:
    Sink.reset()
    receiving = [one for one, role in zip(gateways, roles, strict=True) if role != "dispatch"]
    share = count // len(receiving)
    each = CONNECTIONS // len(receiving)
    loads = [
        one.load(FAN, f"{prefix}{number}", share, connections=each) for number, one in enumerate(receiving)
    ]
    await asyncio.gather(*(load.run() for load in loads))
    if any(load.refused for load in loads):
        raise SystemExit(f"events were refused: {[load.refused for load in loads]}")
    await arrived(share * len(receiving))
    await asyncio.sleep(0.05)


async def one_round(count: int, sink_port: int) -> dict[str, float]:
    """Ratios of one round."""
    (sqlite,) = await measure(count, sink_port, "all")
    single = await _on_postgres(count, sink_port, "all")
    pair = await _on_postgres(count, sink_port, "all", "all")
    split = await _on_postgres(count, sink_port, "ingest", "dispatch")
    (alone,) = single
    return {
        "PostgreSQL": alone / sqlite,
        "two nodes": sum(pair) / alone,
        "busier role": max(split) / alone,
        "us": alone,
    }


async def _on_postgres(count: int, sink_port: int, *roles: str) -> list[float]:
    server = PostgresServer(fsync="on", shared_buffers="256MB")
    try:
        await asyncio.to_thread(server.start)
        return await measure(count, sink_port, *roles, database=server.url())
    finally:
        await asyncio.to_thread(server.close)


async def run(rounds: int, count: int) -> dict[str, float]:
    """Medians over the rounds."""
    server, sink_port = await open_sink()
    found = []
    for number in range(rounds):
        found.append(await one_round(count, sink_port))
        shown = "  ".join(f"{name} {found[-1][name]:.2f}" for name in GOALS)
        print(f"round {number + 1}/{rounds} of nodes: {shown}", flush=True)
    server.close()
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def report(result: dict[str, float]) -> None:
    """Print the summary for people."""
    for name, goal in GOALS.items():
        verdict = "ok" if result[name] <= goal else "OVER"
        print(f"{name:<15} {result[name]:.2f} target {goal} {verdict}")


def main() -> None:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.nodes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="interleaved rounds (default 4)")
    parser.add_argument("--events", type=int, default=6000, help="events per measure (default 6000)")
    options = parser.parse_args()
    if binaries() is None:
        raise SystemExit("there is no PostgreSQL on this machine")
    report(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    os.sched_setaffinity(0, {processes.DRIVING})
    main()
