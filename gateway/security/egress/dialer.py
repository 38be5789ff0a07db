"""Opening TCP connections: resolve, check every address, dial the very address that was checked."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, zip_longest

from gateway.security.egress.errors import (
    BlockedAddress,
    DialFailed,
    DialTimeout,
    EgressError,
    NameUnresolved,
)
from gateway.security.egress.policy import EgressPolicy
from gateway.security.egress.resolver import Resolver

MAX_ADDRESSES = 4
"""Addresses tried for one connection, IPv6 and IPv4 in turn."""

WEB_SERVICES = frozenset({80, 443})
MAIL_SERVICES = frozenset({25, 465, 587})
"""Ports below 1024 that may be dialled at public addresses, for HTTP and for mail."""


class Dialer:
    """Opens sockets to the outside. Fails closed: what cannot be checked is not dialled."""

    def __init__(
        self, policy: EgressPolicy, resolver: Resolver, *, services: Collection[int] = WEB_SERVICES
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._services = services

    async def open(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connected, non-blocking socket to a host name or an address without brackets.

        `timeout` is in seconds for everything; the addresses left to try share what is left of it. Raises
        BlockedAddress, NameUnresolved, DialFailed, DialTimeout.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        addresses = self._permitted(await self._addresses(host, deadline), port)
        failure: EgressError = NameUnresolved(f"{host}: the name has no address")
        for tried, address in enumerate(addresses):
            now = loop.time()
            try:
                return await _connect(address, port, now + (deadline - now) / (len(addresses) - tried))
            except (DialFailed, DialTimeout) as error:
                failure = error
        raise failure

    async def check(self, host: str, port: int, timeout: float) -> None:
        """Whether a socket to there would be opened; a name that has no address (yet) is not refused.

        `timeout` is in seconds. Raises BlockedAddress.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            self._permitted(await self._addresses(host, deadline), port)
        except NameUnresolved:
            return

    async def _addresses(self, host: str, deadline: float) -> Sequence[str]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return _interleaved(await self._resolve(host, deadline))
        return (host,)

    async def _resolve(self, host: str, deadline: float) -> Sequence[str]:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._resolver.resolve(host)
        except TimeoutError:
            raise NameUnresolved(f"{host}: the name lookup took too long") from None

    def _permitted(self, addresses: Sequence[str], port: int) -> Sequence[str]:
        """The first few that may be dialled; the first refusal is raised when none may."""
        permitted: list[str] = []
        refusals: list[BlockedAddress] = []
        for address in addresses:
            try:
                permitted.append(self._policy.check(address, port, self._services))
            except BlockedAddress as refusal:
                refusals.append(refusal)
            if len(permitted) == MAX_ADDRESSES:
                break
        if refusals and not permitted:
            raise refusals[0]
        return permitted


def _interleaved(addresses: Iterable[str]) -> Sequence[str]:
    """IPv6 and IPv4 in turn, the resolver's first choice first: one broken family costs half the tries."""
    by_family: dict[bool, list[str]] = {}
    for address in addresses:
        by_family.setdefault(":" in address, []).append(address)
    turns = chain.from_iterable(zip_longest(*by_family.values()))
    return [address for address in turns if address is not None]


async def _connect(address: str, port: int, deadline: float) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    shown = f"[{address}]:{port}" if family is socket.AF_INET6 else f"{address}:{port}"
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise DialFailed(f"{shown}: {_explanation(error)}") from error
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout_at(deadline):
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException as error:
        sock.close()
        if isinstance(error, TimeoutError):
            raise DialTimeout(f"{shown}: no connection in time") from error
        if isinstance(error, OSError):
            raise DialFailed(f"{shown}: {_explanation(error)}") from error
        raise
    return sock


def _explanation(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "the connection failed"
