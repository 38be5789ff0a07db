"""Importing what is heavy or optional when it is needed, without stopping the loop meanwhile."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

_whole: set[str] = set()
"""Modules that are imported to their end: another thread may be in the middle of one in `sys.modules`."""


async def load(*names: str) -> None:
    """Import modules in a thread, unless they are there already. Raises ImportError where one is missing."""
    if not all(name in _whole and sys.modules.get(name) is not None for name in names):
        await asyncio.to_thread(_import, names)


def _import(names: tuple[str, ...]) -> None:
    for name in names:
        import_module(name)
        _whole.add(name)
