"""SIGINT and SIGTERM as something to wait for."""

from __future__ import annotations

import asyncio
import signal


def stop_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM; a second one ends the process at once, as signals do by default."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask)
    return asked
