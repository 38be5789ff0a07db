"""A gateway in this process, from its start to a clean end.

While it runs, `<data folder>/url` holds the address that is bound, for the other commands and for
whoever asked for port 0.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from gateway.app import Gateway, open_gateway
from gateway.cli.first_steps import first_steps
from gateway.cli.places import URL_FILE
from gateway.cli.signals import stop_signals
from gateway.domain.errors import ConfigurationError
from gateway.settings import Settings
from gateway.telemetry.logging import LineWriter, configure

log = structlog.get_logger()

GC_THRESHOLD = 20_000
"""Objects made beyond those freed between two rounds of the garbage collector."""

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names them, binds nothing


def run_gateway(settings: Settings, *, line_format: str, parent: int | None = None) -> int:
    """Run until a signal. Returns 0, or 1 if the gateway ended because a part of it failed.

    `parent` is a descriptor of a pipe whose end is like a signal.
    Raises ConfigurationError: one line that says what to change.
    """
    writer = configure(settings.log_level, line_format)
    try:
        return asyncio.run(_run(settings, writer, parent))
    finally:
        writer.close()


async def _run(settings: Settings, writer: LineWriter, parent: int | None) -> int:
    asked = stop_signals()
    if parent is not None:
        _stop_with(parent, asked)
    gateway = await open_gateway(settings)
    try:
        host, port = await _start(gateway)
        gateway.metrics.follow(gateway.metrics.log_lines_dropped, lambda: writer.dropped)
        settle_memory()
        url = url_of(host, port)
        with published(settings.data_dir / URL_FILE, url):
            _greet(gateway, url)
            failed = await _ended_by_itself(asked, gateway.stopping)
            # Withdrawn before the drain, so that no new command comes to a gateway that leaves.
    finally:
        await gateway.stop()
    return 1 if failed else 0


def settle_memory() -> None:
    """Take what is loaded by now out of the garbage collector's rounds, and make those rarer.

    The path of an event makes no cycles; looking for them cost a fifth of its time (measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)


def _stop_with(parent: int, asked: asyncio.Event) -> None:
    """Stop as after a signal when the other end of a pipe is closed: by a parent that ends, or was killed."""
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(parent, 1):
            loop.remove_reader(parent)
            if not asked.is_set():
                log.warning("worker.orphaned")
                asked.set()

    loop.add_reader(parent, readable)


async def _start(gateway: Gateway) -> tuple[str, int]:
    try:
        return await gateway.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(
            f"TOCSIN_LISTEN: cannot listen on {gateway.settings.listen}: {reason}"
        ) from error


async def _ended_by_itself(asked: asyncio.Event, failed: asyncio.Event) -> bool:
    """Wait for either event; True if nobody asked and the gateway stopped by itself."""
    waits = [asyncio.create_task(event.wait()) for event in (asked, failed)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return failed.is_set() and not asked.is_set()


def url_of(host: str, port: int) -> str:
    """The address at which this machine reaches a bound socket."""
    host = WILDCARDS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def published(path: Path, url: str) -> Iterator[None]:
    """Keep the URL in a file, whole from the first moment, for as long as the block runs."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(url + "\n", encoding="ascii")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _greet(gateway: Gateway, url: str) -> None:
    """Tell a person at a terminal where the gateway is; first also the key and what to do."""
    if not sys.stdout.isatty():
        return
    settings = gateway.settings
    sys.stdout.write(f"Tocsin listens on {url}; Ctrl-C stops it.\n")
    if gateway.identity.admin_key_is_new:
        sys.stdout.write(f"\nThe operator's key, shown this once: {gateway.identity.admin_key}\n")
        sys.stdout.write(first_steps(settings.data_dir, loopback_is_open=bool(settings.allow_networks)))
    sys.stdout.flush()
