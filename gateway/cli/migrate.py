"""`tocsin migrate`: the schema of the store brought up to date, by itself, before nodes are."""

from __future__ import annotations

import asyncio

from gateway.cli.options import options, with_parameters
from gateway.cli.screen import say
from gateway.settings import NOT_OF_THE_STORE, Settings, load


@with_parameters(options(Settings, without=NOT_OF_THE_STORE))
def migrate(**given: object) -> None:
    """Bring the schema of the store up to date. `tocsin serve` does the same when it starts."""
    settings = load(**given)
    from gateway.app import migrate as bring_up_to_date

    say(asyncio.run(bring_up_to_date(settings)))
