"""What monitors remember, as rows: alike on every store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gateway.domain.monitor import Standing
from gateway.storage import rows


def read(found: Iterable[Any]) -> list[Standing]:
    """Read rows of revision and body."""
    return [replace(rows.standing(body), revision=revision) for revision, body in found]


def row(standing: Standing) -> dict[str, Any]:
    """The columns of a memory by name; `revision` is the one that was read."""
    return {
        "monitor_id": standing.monitor_id,
        "key": standing.key,
        "revision": standing.revision,
        "state": standing.state.value,
        "wake_at": standing.wake_at,
        "body": rows.to_text(standing),
    }
