"""`tocsin key`: who may call. A key is shown once, when it is made."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from gateway.cli.client import segment
from gateway.cli.lookup import path_of
from gateway.cli.nouns.common import USUAL, Common, given, noun_app
from gateway.cli.nouns.connected import show_connected
from gateway.cli.screen import say, show_rows

app = noun_app("key", "Who may call: keys of sources and of the instance.")


@app.command(name="list", sort_key=1)
def list_(
    *,
    source: Annotated[str | None, Parameter(help="Only keys of this source, by name or id.")] = None,
    common: Common = USUAL,
) -> None:
    """List live keys, without their text."""
    client = common.client
    path = f"{path_of(client, 'sources', source)}/keys" if source else "keys"
    show_rows(
        client.get(path)["keys"], ("name", "id", "role", "use", "source_id", "created_at"), common.output
    )


@app.command(sort_key=3)
def create(
    *,
    name: Annotated[str, Parameter(help="What it is for.")] = "",
    source: Annotated[
        str | None, Parameter(help="A key that may send as this source and do nothing else.")
    ] = None,
    role: Annotated[
        Literal["admin", "sender"] | None,
        Parameter(help="Without a source: may do everything in the instance, or send as any source."),
    ] = None,
    use: Annotated[
        Literal["header", "url"] | None,
        Parameter(help="With a source: for a header, or a URL for senders that can set none."),
    ] = None,
    common: Common = USUAL,
) -> None:
    """Make a key. Its text is shown this once."""
    client = common.client
    if source:
        answer = client.post(f"{path_of(client, 'sources', source)}/keys", given(name=name, use=use))
    else:
        answer = client.post("keys", given(name=name, role=role))
    show_connected(answer, common.output)


@app.command(sort_key=6, alias="revoke")
def delete(
    id: Annotated[str, Parameter(help="The id that `tocsin key list` shows.")], /, *, common: Common = USUAL
) -> None:
    """Revoke a key; it ends at once."""
    common.client.call("DELETE", f"keys/{segment(id)}")
    say(f"key {id} is revoked")
