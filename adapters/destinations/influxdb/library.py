"""Loading the influxdb-client package, which takes a second or two: never while anything else waits."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

_loaded: dict[str, Any] = {}


async def module(name: str) -> Any:
    """A module of the package, loaded in a thread on first use."""
    if name not in _loaded:
        _loaded[name] = await asyncio.to_thread(importlib.import_module, f"influxdb_client.{name}")
    return _loaded[name]
