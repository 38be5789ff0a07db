"""What events of products cost beside plain CloudEvents: `python -m bench.sources [--rounds N] [--events N]`.

CPU time per accepted event without deliveries, each format on its own route with a body of about 1 KiB, as
a ratio to plain CloudEvents in the same round. The goal is 1.5.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import processes
from bench.driver import BODY_BYTES, CONNECTIONS, Load, event_body, open_sink
from bench.gateway import Gateway

GOAL = 1.5
PLAIN = "cloudevents"
SUMMARY = "Task failed at chunk upload step: connection refused"
TIME = "2026-05-21T02:14:35Z"
MAPPING = {
    "type": {"value": "backup.failed"},
    "id": "/id",
    "severity": "/level",
    "title": "/title",
    "job": "/job",
}

Body = Callable[[str], dict[str, Any]]
BODIES: dict[str, Body] = {
    "ironcore": lambda key: {
        "event_id": key,
        "type": "backup.failed",
        "severity": "error",
        "subject": "Backup failed for vm/12345",
        "summary": SUMMARY,
        "actor": "alice@example!backup-job",
        "resource": "primary:production/vm/12345",
        "timestamp": TIME,
        "links": {"task_log": "https://ibs.example.com/api2/json/tasks/1/log"},
    },
    "dbackup": lambda key: {
        "title": "Backup Failed: nightly",
        "message": SUMMARY,
        "success": False,
        "timestamp": TIME,
        "eventType": "backup_failure",
        "fields": [{"name": "Job", "value": key}, {"name": "Error", "value": SUMMARY}],
    },
    "backupman": lambda key: {
        "Event": "backup_report",
        "Payload": {"Id": key, "Status": "failed", "Label": "nightly", "UpdatedAt": TIME, "DriveFiles": None},
    },
    "kymaros": lambda key: {
        "TestName": "web",
        "Score": 42,
        "Result": "fail",
        "ReportRef": key,
        "Message": SUMMARY,
    },
    "slack": lambda key: {"text": f":x: Backup failed: {key}\n{SUMMARY}"},
    "proxmox": lambda key: {
        "title": "vzdump backup status: failed",
        "message": SUMMARY,
        "severity": "error",
        "timestamp": 1779329675,
        "fields": {"type": "vzdump", "hostname": "pve1", "job-id": key},
    },
    "alertmanager": lambda key: {
        "version": "4",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "BackupFailed", "severity": "critical", "instance": "db1"},
                "annotations": {"summary": SUMMARY},
                "startsAt": TIME,
                "fingerprint": key,
            }
        ],
    },
    "json": lambda key: {"id": key, "level": "error", "title": SUMMARY, "job": "nightly"},
}


def padded(make: Body) -> Callable[[str, int], bytes]:
    """A body of BODY_BYTES for each number."""

    def body(prefix: str, number: int) -> bytes:
        members = make(f"{prefix}-{number:08d}")
        short = len(json.dumps(members)) + len(', "log": ""')
        return json.dumps(members | {"log": "x" * (BODY_BYTES - short)}).encode()

    return body


def connected(gateway: Gateway) -> dict[str, tuple[str, str]]:
    """A source of each format: its own path and a key."""
    found = {}
    for name in BODIES:
        options = {"format_options": MAPPING} if name == "json" else {}
        source = gateway.call("sources", {"name": name, "format": name, **options})["id"]
        made = gateway.call(f"sources/{source}/keys", {"name": "bench"})
        found[name] = (urlsplit(made["setup"]["url"]).path, made["key"])
    return found


async def measure(gateway: Gateway, load: Load, count: int) -> float:
    """CPU microseconds per event."""
    before = processes.cpu_seconds(gateway.process.pid)
    await load.run()
    if load.refused:
        raise SystemExit(f"the gateway refused events: {load.refused}")
    await asyncio.sleep(0.05)
    return (processes.cpu_seconds(gateway.process.pid) - before) / count * 1e6


async def run(rounds: int, events: int) -> dict[str, list[float]]:
    """CPU microseconds per event of each format in each round; a warm round before is not counted."""
    found: dict[str, list[float]] = {name: [] for name in (PLAIN, *BODIES)}
    server, sink_port = await open_sink()
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        gateway = await asyncio.to_thread(Gateway, Path(folder), sink_port)
        try:
            sources = await asyncio.to_thread(connected, gateway)
            for number in range(rounds + 1):
                for name, costs in found.items():
                    load = _load(gateway, sources, name, f"r{number}", events)
                    cost = await measure(gateway, load, events)
                    if number:
                        costs.append(cost)
        finally:
            gateway.close()
    server.close()
    return found


def _load(gateway: Gateway, sources: dict[str, tuple[str, str]], name: str, prefix: str, count: int) -> Load:
    if name == PLAIN:
        _, key = gateway.sources[0]
        return Load(gateway.port, "/v1/instances/default/events", key, prefix, count, body=event_body)
    path, key = sources[name]
    body = padded(BODIES[name])
    return Load(gateway.port, path, key, prefix, count, connections=CONNECTIONS, body=body)


def report(found: dict[str, list[float]]) -> None:
    """Print medians, and of the ratios those paired within a round."""
    for name, costs in found.items():
        ratio = statistics.median(cost / plain for cost, plain in zip(costs, found[PLAIN], strict=True))
        verdict = "ok" if ratio <= GOAL else "OVER"
        print(f"{name:<14} {statistics.median(costs):6.0f} us  {ratio:.2f} x  goal {GOAL} {verdict}")


def main() -> None:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(prog="python -m bench.sources", description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="interleaved rounds (default 4)")
    parser.add_argument("--events", type=int, default=4000, help="events per format and round (default 4000)")
    options = parser.parse_args()
    report(asyncio.run(run(options.rounds, options.events)))


if __name__ == "__main__":
    os.sched_setaffinity(0, {processes.DRIVING})
    main()
