"""`tocsin backup` and `tocsin restore`: a store into a file and back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.options import options, positional, with_parameters
from gateway.cli.screen import say
from gateway.settings import NOT_OF_THE_STORE, Settings, load

EVERY_SECONDS = 0.5
NEW_FILE = positional("file", Annotated[Path, Parameter(help="A file that is not there yet.")])
COPY = positional("file", Annotated[Path, Parameter(help="What `tocsin backup` made.")])


@with_parameters([NEW_FILE, *options(Settings, without=NOT_OF_THE_STORE)])
def backup(file: Path, /, **given: object) -> None:
    """Copy the store, as of one moment, into a file; the gateway may go on meanwhile.

    The master key is not in the copy: keep `secret.key` at another place, once.
    """
    settings = load(**given)
    from gateway.app import back_up

    say(asyncio.run(back_up(settings, file, _progress())))


@with_parameters([COPY, *options(Settings, without=NOT_OF_THE_STORE)])
def restore(file: Path, /, **given: object) -> None:
    """Put a copy in the place of the store. The gateway has to be stopped, every node of it."""
    settings = load(**given)
    from gateway.app import restore as put_back

    say(asyncio.run(put_back(settings, file, _progress())))


def _progress() -> Callable[[float], None]:
    """Tells a person at a terminal how far it is."""
    told_at = time.monotonic()

    def progress(done: float) -> None:
        nonlocal told_at
        if sys.stderr.isatty() and time.monotonic() - told_at >= EVERY_SECONDS:
            told_at = time.monotonic()
            sys.stderr.write(f"\r{done:4.0%}\r")
            sys.stderr.flush()

    return progress
