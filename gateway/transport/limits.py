"""Every bound of the HTTP client in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, seconds and counts. What a receiver exceeds is cut or refused, never buffered."""

    request_head: int = 262_144
    """A binary-mode CloudEvent may carry all its attributes, near 200 KiB, in headers."""

    request_body: int = 1_048_576
    request_seconds: float = 30.0
    """No request takes longer, whatever it asks for."""

    answer_head: int = 65_536
    """Bytes until the head of the final answer is complete, interim answers included."""

    answer_headers: int = 200
    interim_answers: int = 100
    answer_body: int = 16_384
    """More is not read: the answer counts as truncated and the connection is closed."""

    connections_per_origin: int = 64
    waiting_per_origin: int = 1024
    """Requests that may wait for a connection to become free."""

    idle_connections: int = 256
    idle_seconds: float = 15.0
    connection_seconds: float = 300.0
    """Age at which a connection is replaced, so that changes of policy and of DNS take effect."""

    @property
    def answer_bytes(self) -> int:
        """Bytes of one whole exchange, framing included: chunks of one byte are the worst that is honest."""
        return self.answer_head + 8 * self.answer_body
