"""TLS on a connected socket, by the loop: paho's own handshake would stop it, or need a thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any


async def secured(sock: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """TLS on a connected socket, without a thread; closes the socket when it fails."""
    wrapped = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    loop = asyncio.get_running_loop()
    try:
        while True:
            try:
                wrapped.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(wrapped, loop.add_reader, loop.remove_reader)
            except ssl.SSLWantWriteError:
                await _ready(wrapped, loop.add_writer, loop.remove_writer)
            else:
                return wrapped
    except BaseException:
        wrapped.close()
        raise


async def _ready(sock: socket.socket, add: Any, remove: Any) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(sock, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        remove(sock)
