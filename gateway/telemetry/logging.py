"""Log lines: structlog, one JSON object a line, written by a thread so that a blocked sink blocks nobody.

Event names are `noun.verbed`. A line never holds a payload or a secret: values under names that smell of
a secret are masked here, at the end of the chain, whoever wrote the line.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, BinaryIO

import orjson
import structlog

MAX_FIELD = 2048
QUEUE_LINES = 10_000
GATHER_SECONDS = 0.05
MASK = "***"
_SECRET_NAME = re.compile(
    r"authorization|cookie|token|secret|password|apikey|api_key|signature|routing_key", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"whsec_[A-Za-z0-9+/=]+|tcs_[0-9a-f]{8,}_[A-Za-z0-9_-]+|xox[a-z]-[A-Za-z0-9-]+|Bearer \S+"
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_QUIETED = (
    "aiohttp.access",
    "aiohttp.server",
    "aiosmtplib",
    "twilio.http_client",
    "influxdb_client.client.http",
)


class LineWriter:
    """A logger that hands finished lines to a thread; drops and counts them when too many wait."""

    def __init__(self, sink: BinaryIO) -> None:
        self.dropped = 0
        self._sink = sink
        self._lines: deque[bytes] = deque()
        self._waiting = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def msg(self, line: bytes) -> None:
        """Queue one line."""
        if len(self._lines) >= QUEUE_LINES:
            self.dropped += 1
            return
        self._lines.append(line)
        if not self._waiting.is_set():
            self._waiting.set()

    debug = info = warning = error = critical = exception = msg

    def close(self, timeout: float = 2.0) -> None:
        """Write what is queued, for at most `timeout` seconds."""
        self._closing = True
        self._waiting.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closing:
            self._waiting.wait()
            if not self._closing:
                # Lines come in crowds; waking up for each of them costs more than writing it.
                time.sleep(GATHER_SECONDS)
            self._waiting.clear()
            self._write()
        self._write()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            with contextlib.suppress(OSError, ValueError):
                self._sink.write(b"\n".join(lines) + b"\n")
                self._sink.flush()


def configure(level: str, line_format: str, sink: BinaryIO | None = None) -> LineWriter:
    """Set up structlog for this process and quieten libraries that log what they should not."""
    writer = LineWriter(sink or sys.stderr.buffer)
    structlog.configure(
        processors=[_finish, _render_json if line_format == "json" else _render_text],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=True,
    )
    for name in _QUIETED:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return writer


def _finish(logger: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Time, level and traceback, then everything masked: one step, as a line is made for each attempt."""
    if event.get("exc_info"):
        event = structlog.processors.format_exc_info(logger, level, event)
    mask(event)
    event["level"] = level
    event["timestamp"] = _now()
    return event


def mask(event: MutableMapping[str, Any]) -> None:
    """Mask what smells of a secret and bound every field, in place."""
    for name, value in event.items():
        if type(value) is str:
            if _smells(name):
                event[name] = MASK
            elif len(value) > MAX_FIELD or "_" in value or "Bearer " in value or "xox" in value:
                event[name] = _clean(value)
        elif isinstance(value, Mapping | list | tuple):
            event[name] = _clean(str(value))


@lru_cache(maxsize=1024)
def _smells(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _clean(value: str) -> str:
    value = _SECRET_VALUE.sub(MASK, value)
    return value if len(value) <= MAX_FIELD else value[:MAX_FIELD] + "…"


_second: tuple[int, str] = (0, "")


def _now() -> str:
    """RFC 3339 in UTC with milliseconds; the part down to the second is made once a second."""
    global _second  # noqa: PLW0603  a cache of one text
    now = time.time()
    second = int(now)
    if _second[0] != second:
        _second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
    return f"{_second[1]}.{int((now - second) * 1000):03d}Z"


def _render_json(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS)


def _render_text(_: Any, __: str, event: MutableMapping[str, Any]) -> bytes:
    stamp, level, name = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
    fields = " ".join(f"{key}={value!r}" for key, value in event.items())
    return f"{stamp} {level:<7} {name} {fields}".encode("utf-8", "replace")
