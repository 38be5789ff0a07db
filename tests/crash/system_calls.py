"""What a process asked of the kernel, as `strace -f -y` wrote it down."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

_BEGUN = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<text>.*)$")
_RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<text>.*)$")
_UNFINISHED = " <unfinished ...>"
_RESULT = re.compile(r"\) += (-?\d+)")
PAGE_BYTES = 8192


@dataclass
class Call:
    """A system call: its arguments as text, its result, and the lines of the trace it began and ended in."""

    name: str
    text: str
    begun: int
    ended: int

    @property
    def result(self) -> int:
        found = _RESULT.findall(self.text)
        return int(found[-1]) if found else -1


def tracing(trace: Path, calls: str) -> tuple[str, ...]:
    """The command to put before the one to be traced; skips where strace is missing, but not in CI."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("strace is needed and not installed")
        pytest.skip("strace is not installed")
    return (
        "strace",
        "-f",
        "-y",
        "--seccomp-bpf",
        "-s",
        str(PAGE_BYTES),
        "-e",
        f"trace={calls}",
        "-o",
        str(trace),
    )


def read(trace: Path) -> list[Call]:
    """Every call in the order they began."""
    calls: list[Call] = []
    open_calls: dict[str, Call] = {}
    for number, line in enumerate(trace.read_text(encoding="latin-1").splitlines()):
        if begun := _BEGUN.match(line):
            call = Call(begun["name"], begun["text"], number, number)
            calls.append(call)
            if line.endswith(_UNFINISHED):
                open_calls[begun["thread"]] = call
        elif resumed := _RESUMED.match(line):
            call = open_calls.pop(resumed["thread"])
            call.text, call.ended = call.text.removesuffix(_UNFINISHED) + resumed["text"], number
    return calls
