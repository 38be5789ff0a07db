"""`tocsin node`: the processes that share a store."""

from __future__ import annotations

from gateway.cli.nouns.common import USUAL, Common, noun_app
from gateway.cli.screen import show_rows

COLUMNS = ("name", "state", "since", "seen_at", "leases", "version")

app = noun_app("node", "The processes that share a store.")


@app.command(name="list", sort_key=1)
def list_(*, common: Common = USUAL) -> None:
    """List who lives, since when, holding how many deliveries; and who ended within the last hour."""
    show_rows(common.client.outside("/v1/nodes")["nodes"], COLUMNS, common.output)
