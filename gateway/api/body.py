"""Reading a request body: bounded in size and time, and without a task or timer when it is there already."""

from __future__ import annotations

import asyncio

from aiohttp import StreamReader, web

from gateway.domain.errors import Malformed, TooSlow
from gateway.pipeline.receive import too_large

_BROKEN_OFF = (web.RequestPayloadError, ConnectionError, RuntimeError)
"""The last is what aiohttp's StreamReader raises when it is read on a connection that is closed already."""


async def read_body(request: web.BaseRequest, limit: int, timeout: float) -> bytes:
    """The body as it was sent, at most `limit` bytes, within `timeout` seconds.

    Raises TooLarge, TooSlow, and Malformed for a body that is broken off or badly framed.
    """
    content = request.content
    try:
        if content.is_eof():
            body = content.read_nowait()
        elif (request.content_length or 0) > limit:
            raise too_large(limit)
        else:
            body = await _collect(content, limit, timeout)
    except _BROKEN_OFF as error:
        raise Malformed(
            "body_incomplete", "the body ends before it is complete, or is badly framed"
        ) from error
    if len(body) > limit:
        raise too_large(limit)
    return body


async def _collect(content: StreamReader, limit: int, timeout: float) -> bytes:
    chunks, size = [], 0
    try:
        async with asyncio.timeout(timeout):
            while size <= limit and (chunk := await content.readany()):
                chunks.append(chunk)
                size += len(chunk)
    except TimeoutError as error:
        raise TooSlow(
            "body_too_slow",
            "the body did not arrive in time",
            expected=f"the whole body within {timeout:g} seconds",
        ) from error
    return b"".join(chunks)
