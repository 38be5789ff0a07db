"""Why a socket could not be opened. Messages name host, address and port, nothing else of a destination."""

from __future__ import annotations

from gateway.domain.errors import TocsinError


class EgressError(TocsinError):
    """No socket was opened; nothing was sent."""


class BlockedAddress(EgressError):
    """The guard refuses this address. `entry` in TOCSIN_ALLOW_NETWORKS would open it, '' if none can."""

    def __init__(self, address: str, port: int, entry: str, why: str) -> None:
        self.address = address
        self.port = port
        self.entry = entry
        shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        remedy = f"to allow it: TOCSIN_ALLOW_NETWORKS={entry}" if entry else "no setting allows it"
        super().__init__(f"{why}: {shown} is refused; {remedy}")


class NameUnresolved(EgressError):
    """The name has no address, or nobody said which in time."""


class DialFailed(EgressError):
    """The peer or the network refused the connection."""


class DialTimeout(EgressError):
    """No connection in time."""
