"""`tocsin listen`: a ready receiver that verifies and prints; with `--source` it subscribes itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

from aiohttp import web
from cyclopts import Parameter

from gateway.cli.client import Client
from gateway.cli.listening.printing import print_line, print_lines
from gateway.cli.listening.receiver import Received, Receiver, application
from gateway.cli.listening.temporary import check, route
from gateway.cli.nouns.common import USUAL, Common
from gateway.cli.screen import console, plain, say
from gateway.cli.secrets import resolve
from gateway.cli.signals import stop_signals
from gateway.domain.clock import SystemClock
from gateway.domain.errors import ConfigurationError, Unauthorized


def listen(
    *,
    listen: Annotated[str, Parameter(name="--listen", help="Address and port; port 0 takes a free one.")] = (
        "127.0.0.1:9000"
    ),
    source: Annotated[
        str | None,
        Parameter(help="Get this source's events, by name or id: subscribed while this runs, then gone."),
    ] = None,
    rule: Annotated[str, Parameter(help="With --source: which events, as in `severity >= error`.")] = "",
    secret: Annotated[
        str | None,
        Parameter(help="Signing secret (whsec_...) to verify with: give `-`, `env:NAME` or `file:PATH`."),
    ] = None,
    common: Common = USUAL,
) -> int:
    """Receive webhooks, verify and print them, until Ctrl-C."""
    host, port = _address(listen)
    receiver = Receiver(SystemClock(), _printer(common.output), _tell)
    if secret is not None:
        receiver.secrets = [resolve("--secret", secret)]
    client = common.client if source else None
    asyncio.run(_listen(receiver, host, port, client, source or "", rule))
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError("--listen must be host:port, as in 127.0.0.1:9000")
    return host.strip("[]"), int(port)


def _printer(output: str) -> Callable[[Received], None]:
    if output == "json":
        return print_line
    screen = console()
    return lambda received: print_lines(received, screen)


def _tell(refused: Unauthorized) -> None:
    say(f"refused with 401, {refused.code}: {refused.detail}")


async def _listen(
    receiver: Receiver, host: str, port: int, client: Client | None, source: str, rule: str
) -> None:
    asked = stop_signals()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_served(receiver, host, port))
        if client is not None:
            await stack.enter_async_context(_subscribed(receiver, client, source, url, rule))
        checked = "verified" if receiver.secrets else "not verified, there is no --secret"
        say(f"listening on {url}, signatures are {checked}; Ctrl-C ends it")
        await asked.wait()


@asynccontextmanager
async def _served(receiver: Receiver, host: str, port: int) -> AsyncIterator[str]:
    """Listen; yields the URL."""
    runner = web.AppRunner(application(receiver), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await _bind(runner, host, port)
        bound = runner.addresses[0][1]
        yield f"http://[{host}]:{bound}/" if ":" in host else f"http://{host}:{bound}/"
    finally:
        await runner.cleanup()


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigurationError(f"--listen: cannot listen on {host}:{port}: {error.strerror}") from error


@asynccontextmanager
async def _subscribed(
    receiver: Receiver, client: Client, source: str, url: str, rule: str
) -> AsyncIterator[None]:
    """Subscribed, and shown to be reached by a test event. The client blocks, so it runs in a thread."""
    temporary = route(client, source, url, rule)
    receiver.secrets = [*receiver.secrets, await asyncio.to_thread(temporary.__enter__)]
    try:
        await asyncio.to_thread(check, client, url)
        say(f"events of {plain(source)} come here")
        yield
    finally:
        await asyncio.to_thread(temporary.__exit__, None, None, None)
