"""Processes of a benchmark: started on a core of their own, their CPU time and memory read from /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
UNDER_TEST, DRIVING = CORES[0], CORES[-1]


def start(
    arguments: Sequence[str], *, core: int, env: dict[str, str] | None = None, capture: bool = True
) -> subprocess.Popen[str]:
    """Start `python <arguments>` on one core."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.DEVNULL if capture else None,
        text=True,
        env={**os.environ, **(env or {})},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509  before any thread runs
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far, to the nanosecond (schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mib(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def canary() -> float:
    """Seconds for a fixed piece of pure Python: tells how fast the machine is right now."""
    began = os.times().user
    total = 0
    for number in range(400_000):
        total += number * number % 7
    return os.times().user - began
