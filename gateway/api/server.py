"""The HTTP listener: an aiohttp application behind guarded connections, its errors told in one form.

One wrapper, `Server._handle`, stands around every request; there are no middlewares. What bounds clients is
in `connection.py`, what errors look like in `problem.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import structlog
from aiohttp import HttpVersion10, HttpVersion11, hdrs, http_parser, web

from gateway.api.connection import Connection, Connections, Limits, new_trace
from gateway.api.endpoint import API
from gateway.api.problem import (
    SERVER_NAME,
    TRACE_HEADERS,
    UNEXPECTED,
    VERSION_UNSUPPORTED,
    failure,
    respond,
)
from gateway.api.quick import QuickAnswer, QuickRoutes
from gateway.domain.clock import Clock, SystemClock
from gateway.domain.errors import ConfigurationError
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger()

BACKLOG = 1024
"""Connections that the kernel queues until they are accepted."""
ACCEPTED_AT_ONCE = 4
"""Connections accepted in one turn of the loop: those over the cap are closed only in the turns after it,
and hold a file descriptor until then."""
SWEEPS_PER_LIMIT = 8
FLUSH_SECONDS = 0.5
"""How long answers that are ready may take to leave when the server stops."""

_REQUEST_ID, _TRANSACTION_ID = TRACE_HEADERS
_SPOKEN = (HttpVersion11, HttpVersion10)


class Server:
    """Serves an application on one address. An Api that is mounted on it says how errors are called."""

    def __init__(
        self,
        application: web.Application,
        host: str,
        port: int,
        *,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        share_port: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._address = host, port
        self._share_port = share_port
        self._metrics = metrics or Metrics()
        self._connections = Connections(self._limits, (clock or SystemClock()).monotonic, self._refused)
        self._api = application.get(API)
        self._quick = self._api.quick if self._api is not None else QuickRoutes(())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=FLUSH_SECONDS)
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
        self._busy = 0
        self._stopping = False
        self._quiet = asyncio.Event()

    async def start(self) -> tuple[str, int]:
        """Listen. Returns the address and port that are bound. Raises ConfigurationError."""
        _require_c_parser()
        await self._runner.setup()
        server = cast(web.Server, self._runner.server)
        self._answer, server.request_handler = server.request_handler, self._handle
        loop = asyncio.get_running_loop()
        host, port = self._address
        try:
            self._listener = await loop.create_server(
                lambda: Connection(self._connections, server, loop),
                host,
                port,
                backlog=ACCEPTED_AT_ONCE,
                reuse_port=self._share_port or None,
            )
            _lengthen_queue(self._listener)
        except OSError as error:
            await self._runner.cleanup()
            reason = f"cannot listen on {host}:{port}: {error.strerror}"
            raise ConfigurationError(f"TOCSIN_LISTEN: {reason}") from error
        self._sweeper = asyncio.create_task(self._sweep(), name="connection sweeper")
        bound = self._listener.sockets[0].getsockname()
        return bound[0], bound[1]

    async def stop(self, grace: float) -> None:
        """Stop listening, close unused connections, let requests finish for `grace` seconds, end the rest."""
        self._stopping = True
        if self._listener is not None:
            self._listener.close()
        self._connections.close_unused()
        if self._busy:
            try:
                async with asyncio.timeout(grace):
                    await self._quiet.wait()
            except TimeoutError:
                log.warning("server.stopped_early", requests=self._busy)
        await self._runner.cleanup()
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def busy(self) -> int:
        """How many requests are being handled."""
        return self._busy

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Every request goes through here: deadline off, trace, errors told, deadline on."""
        connection = cast(Connection, request.protocol)
        trace = new_trace()
        connection.begin(trace)
        self._busy += 1
        try:
            if request.version not in _SPOKEN:
                response: web.StreamResponse = respond(VERSION_UNSUPPORTED, trace)
                response.force_close()
            else:
                quick = self._quick.find(request)
                response = await (quick() if quick else self._answer(request))
        except Exception as error:  # noqa: BLE001  the boundary of the server: everything becomes an answer
            response = self._explain(request, error, trace)
        finally:
            connection.finish(request.content)
            self._busy -= 1
            if self._stopping and not self._busy:
                self._quiet.set()
        if isinstance(response, QuickAnswer):
            response.trace = trace
        elif not response.prepared:
            headers = response.headers
            headers[_REQUEST_ID] = headers[_TRANSACTION_ID] = trace
            headers[hdrs.SERVER] = SERVER_NAME
        if self._stopping:
            response.force_close()
        return response

    def _explain(self, request: web.BaseRequest, error: Exception, trace: str) -> web.StreamResponse:
        if isinstance(error, web.HTTPException) and error.status < 400:
            return web.Response(status=error.status, headers=error.headers)
        if request.transport is None and isinstance(error, ConnectionError):
            raise error
        told = failure(error)
        if told is UNEXPECTED:
            log.error("request.failed", trace=trace, method=request.method, exc_info=error)
        if request.writer.output_size:
            raise ConnectionAbortedError("the answer broke off") from error
        self._refused(told.code)
        response = respond(told, trace, plain=self._api is not None and self._api.plain_errors(request.path))
        if told.status == 408:
            response.force_close()
        return response

    def _refused(self, code: str) -> None:
        self._metrics.requests_refused.labels(code).inc()

    async def _sweep(self) -> None:
        shortest = min(self._limits.head_seconds, self._limits.idle_seconds)
        while True:
            await asyncio.sleep(min(shortest / SWEEPS_PER_LIMIT, 0.25))
            self._connections.sweep()


def trace_of(request: web.BaseRequest) -> str:
    """The id of this request, for log lines; it goes back in `X-Request-Id`."""
    return cast(Connection, request.protocol).trace


def _lengthen_queue(listener: asyncio.Server) -> None:
    """asyncio takes one number for the kernel's queue and for how much of it is accepted at once."""
    for bound in listener.sockets:
        with bound.dup() as listening:
            listening.listen(BACKLOG)


def _require_c_parser() -> None:
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigurationError(
            "aiohttp's C parser is not in use: unset AIOHTTP_NO_EXTENSIONS, or install aiohttp as a wheel"
        )
