"""The floors: `python -m bench.floors server` answers 202, `python -m bench.floors client PORT N` posts."""

from __future__ import annotations

import asyncio
import resource
import sys

import aiohttp
from aiohttp import web

from bench.driver import event_body

CONNECTIONS = 64


async def serve() -> None:
    """A bare aiohttp server: reads the body, answers 202."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def post(port: int, count: int) -> None:
    """A bare aiohttp client: posts `count` events over 64 connections, prints its CPU microseconds each."""
    url = f"http://127.0.0.1:{port}/hook"
    body = event_body("floor", 0)
    headers = {"Content-Type": "application/cloudevents+json"}
    remaining = iter(range(count))
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def worker() -> None:
            for _ in remaining:
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()

        before = _cpu()
        await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
        print((_cpu() - before) / count * 1e6, flush=True)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    if sys.argv[1] == "server":
        asyncio.run(serve())
    else:
        asyncio.run(post(int(sys.argv[2]), int(sys.argv[3])))
