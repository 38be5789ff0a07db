"""`tocsin destination update NAME`: options of all kinds, of which the ones of NAME's kind may be given."""

from __future__ import annotations

from typing import Any

from gateway.cli.lookup import path_of
from gateway.cli.nouns.common import Common, Named, NewName, given
from gateway.cli.nouns.destination_create import COMMON, OWN, own_options
from gateway.cli.nouns.kinds import config_options, creatable, settings
from gateway.cli.options import keyword, positional, with_parameters
from gateway.cli.screen import show_one
from gateway.spi.discovery import destinations


@with_parameters(
    [
        positional("destination", Named),
        *own_options(keyword("name", NewName)),
        *config_options(creatable(), creating=False),
        COMMON,
    ]
)
def update(destination: str, /, *, common: Common, **options: Any) -> None:
    """Change a destination; what is not given stays, secrets too. Lists and maps are added to."""
    client = common.client
    path = path_of(client, "destinations", destination)
    known = client.get(path)
    own = {name: options.pop(name) for name in OWN}
    changed = settings(destinations()[known["type"]], options)
    params = known["config"]["params"]
    for name, value in changed.items():
        # Secrets come masked, and a mask given back means: leave it as it is.
        if isinstance(value, dict):
            changed[name] = {**(params.get(name) or {}), **value}
        elif isinstance(value, list):
            changed[name] = list(dict.fromkeys([*(params.get(name) or ()), *value]))
    config = {"params": changed} if changed else None
    show_one(client.call("PATCH", path, body=given(**own, config=config)), common.output)
