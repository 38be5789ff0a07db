"""Run the benchmark: `python -m bench [--rounds N] [--events N] [--json FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import backlog, nodes, processes, rules
from bench.driver import Load, Sink, open_sink
from bench.gateway import FANS, Gateway, arrived


@dataclass
class Round:
    """CPU microseconds per event of one round, by measure."""

    microseconds: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    canary: float = 0.0

    def ratio(self, measure: str) -> float:
        """The measure over its floor in the same round."""
        floors = {"durable accept": ("S", 0), "fan-out 1": ("S", 1), "fan-out 5": ("S", 5)}
        _, deliveries = floors[measure]
        floor = self.microseconds["S"] + deliveries * self.microseconds["C"]
        return self.microseconds[measure] / floor


TARGETS = {"durable accept": 2.3, "fan-out 1": 2.6, "fan-out 5": 2.2}


async def floor_server(count: int, prefix: str) -> float:
    """S: CPU microseconds per request of a bare aiohttp server."""
    process = processes.start(["-m", "bench.floors", "server"], core=processes.UNDER_TEST)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        await Load(port, "/events", "k", f"{prefix}w", count // 4).run()
        before = processes.cpu_seconds(process.pid)
        await Load(port, "/events", "k", prefix, count).run()
        return (processes.cpu_seconds(process.pid) - before) / count * 1e6
    finally:
        process.kill()
        process.wait()


async def floor_client(sink_port: int, count: int) -> float:
    """C: CPU microseconds per request of a bare aiohttp client."""
    process = processes.start(
        ["-m", "bench.floors", "client", str(sink_port), str(count)], core=processes.UNDER_TEST
    )
    output, _ = await asyncio.to_thread(process.communicate, timeout=120)
    return float(output)


async def measure(gateway: Gateway, fan: int, prefix: str, count: int) -> tuple[float, float]:
    """CPU microseconds per event and events per second, everything delivered included."""
    Sink.reset()
    before, began = processes.cpu_seconds(gateway.process.pid), time.monotonic()
    load = gateway.load(fan, prefix, count)
    await load.run()
    if load.refused:
        raise SystemExit(f"the gateway refused events: {load.refused}")
    await arrived(fan * count)
    took = time.monotonic() - began
    await asyncio.sleep(0.05)
    return (processes.cpu_seconds(gateway.process.pid) - before) / count * 1e6, count / took


async def latency(gateway: Gateway, rate: float, seconds: float) -> tuple[float, float]:
    """p50 and p99 in milliseconds from the 202 to the arrival at the receiver, at a steady rate."""
    Sink.reset()
    load = gateway.load(1, f"pace{time.time_ns()}", max(50, int(rate * seconds)), rate)
    await load.run()
    await arrived(len(load.accepted))
    waits = sorted((Sink.arrivals[key] - at) * 1000 for key, at in load.accepted.items())
    return statistics.median(waits), waits[int(len(waits) * 0.99)]


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """All rounds, interleaved; then latency at half load and memory."""
    server, sink_port = await open_sink()
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        gateway = await asyncio.to_thread(Gateway, Path(folder), sink_port)
        try:
            for fan in FANS:
                await measure(gateway, fan, f"warm{fan}", options.events // 4)
            fresh = processes.resident_mib(gateway.process.pid)
            for number in range(options.rounds):
                rounds.append(await one_round(gateway, sink_port, number, options.events))
                print(f"round {number + 1}/{options.rounds}: {line(rounds[-1])}", flush=True)
            half = statistics.median(one.rates["fan-out 1"] for one in rounds) / 2
            p50, p99 = await latency(gateway, half, options.latency_seconds)
            memory = processes.resident_mib(gateway.process.pid)
        finally:
            gateway.close()
    server.close()
    return summary(rounds, half, p50, p99, fresh, memory)


async def one_round(gateway: Gateway, sink_port: int, number: int, events: int) -> Round:
    """Floors and measures once, one after the other."""
    result = Round(canary=processes.canary())
    result.microseconds["S"] = await floor_server(events, f"s{number}")
    result.microseconds["C"] = await floor_client(sink_port, events)
    for name, fan in (("durable accept", 0), ("fan-out 1", 1), ("fan-out 5", 5)):
        count = events if fan < 5 else events // 3
        microseconds, rate = await measure(gateway, fan, f"r{number}f{fan}", count)
        result.microseconds[name], result.rates[name] = microseconds, rate
    return result


def line(one: Round) -> str:
    """A round in a line."""
    return "  ".join(f"{name} {value:.0f}us" for name, value in one.microseconds.items())


def summary(
    rounds: list[Round], half: float, p50: float, p99: float, fresh: float, memory: float
) -> dict[str, Any]:
    """Medians over the rounds, ratios paired within each."""
    measures = {
        name: {
            "microseconds": statistics.median(one.microseconds[name] for one in rounds),
            "ratio": statistics.median(one.ratio(name) for one in rounds),
            "target": target,
            "events_per_second": statistics.median(one.rates[name] for one in rounds),
        }
        for name, target in TARGETS.items()
    }
    floors = {name: statistics.median(one.microseconds[name] for one in rounds) for name in ("S", "C")}
    spread = max(one.microseconds["S"] for one in rounds) / min(one.microseconds["S"] for one in rounds)
    return {
        "rounds": len(rounds),
        "floors": floors,
        "measures": measures,
        "spread_of_S": spread,
        "latency": {"rate": half, "p50_ms": p50, "p99_ms": p99},
        "memory_mib": {"fresh": fresh, "end": memory},
    }


def report(result: dict[str, Any]) -> None:
    """Print the summary for people."""
    floors, spread = result["floors"], result["spread_of_S"]
    print(f"\nfloors: S {floors['S']:.0f} us, C {floors['C']:.0f} us")
    print(f"S varied by x{spread:.2f}" + (": over x1.6, run again" if spread > 1.6 else ""))
    for name, row in result["measures"].items():
        floor = {"durable accept": "S", "fan-out 1": "(S+C)", "fan-out 5": "(S+5C)"}[name]
        verdict = "ok" if row["ratio"] <= row["target"] else "OVER"
        print(
            f"{name:<15} {row['microseconds']:6.0f} us  {row['ratio']:.2f} x {floor:<7}"
            f" target {row['target']} {verdict:<5} {row['events_per_second']:6.0f} events/s"
        )
    paced, memory = result["latency"], result["memory_mib"]
    print(
        f"202 to arrival at {paced['rate']:.0f} events/s: "
        f"p50 {paced['p50_ms']:.2f} ms, p99 {paced['p99_ms']:.1f} ms"
    )
    print(f"memory: {memory['fresh']:.0f} MiB warm, {memory['end']:.0f} MiB at the end")


def main() -> None:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=8, help="interleaved rounds (default 8)")
    parser.add_argument(
        "--events", type=int, default=6000, help="events per measure and round (default 6000)"
    )
    parser.add_argument(
        "--latency-seconds", type=float, default=8.0, help="length of the latency run (default 8)"
    )
    parser.add_argument(
        "--nodes",
        type=int,
        default=4 if nodes.binaries() else 0,
        help="rounds of several nodes on PostgreSQL (default 4, 0 without a server on this machine)",
    )
    parser.add_argument(
        "--backlog",
        type=int,
        nargs="*",
        default=backlog.SIZES,
        help="how many deliveries wait, to measure what that costs (default 1000 100000)",
    )
    parser.add_argument("--json", type=Path, help="also write the result to this file")
    options = parser.parse_args()
    about_rules = rules.run()
    rules.report(about_rules)
    result = asyncio.run(run(options))
    result["rules"] = about_rules
    report(result)
    if options.nodes:
        result["nodes"] = asyncio.run(nodes.run(options.nodes, options.events))
        nodes.report(result["nodes"])
    if options.backlog:
        found = asyncio.run(backlog.run(backlog.stores(), options.backlog))
        result["backlog"] = {name: [asdict(one) for one in costs] for name, costs in found.items()}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    os.sched_setaffinity(0, {processes.DRIVING})
    main()
