"""How many client connections the process can afford: each takes a file descriptor, as other things do.

An asyncio loop that has no descriptor left to accept with spins and floods the log (measured on Python
3.11: 37,000 tracebacks in six seconds), so the cap on connections stays below the process's limit.
"""

from __future__ import annotations

import contextlib
import resource

import structlog

log = structlog.get_logger()

RESERVED = 128
"""Descriptors for the store, the log, idle outgoing connections and name lookups, generously."""

LEAST = 8
"""Connections that are taken however low the limit is; the gateway itself opens some 30 descriptors."""


def affordable_connections(wanted: int, deliveries: int) -> int:
    """`wanted`, or what the limit leaves beside `deliveries` at once; raises the soft limit if it may."""
    needed = wanted + deliveries + RESERVED
    limit = _raised(needed)
    if limit >= needed:
        return wanted
    affordable = max(LEAST, limit - deliveries - RESERVED)
    log.warning("connections.capped", wanted=wanted, affordable=affordable, descriptors=limit)
    return min(affordable, wanted)


def _raised(needed: int) -> int:
    """The limit of descriptors (getrlimit(2), RLIMIT_NOFILE), raised towards `needed`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return needed
    raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        return raised
    return soft
