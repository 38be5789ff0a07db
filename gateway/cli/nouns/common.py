"""What all nouns share: options of every command, and the verbs that are the same for all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from cyclopts import App, Parameter

from gateway.cli.client import Client
from gateway.cli.lookup import SINGULAR, path_of
from gateway.cli.panels import ARGUMENTS, COMMON, OPTIONS
from gateway.cli.screen import Format, say, show_one, show_rows


@Parameter(name="*", group=COMMON)
@dataclass(frozen=True)
class Common:
    """Options of every command."""

    output: Format = "table"
    instance_id: Annotated[
        str | None, Parameter(help="The instance; else TOCSIN_INSTANCE, else the gateway's first one.")
    ] = None

    @property
    def client(self) -> Client:
        """The gateway to speak to."""
        return Client.here(self.instance_id)


USUAL = Common()

Named: TypeAlias = Annotated[str, Parameter(help="Its name, or its id.")]
Name: TypeAlias = Annotated[str, Parameter(help="What to call it.")]
NewName: TypeAlias = Annotated[str | None, Parameter(help="What to call it from now on.")]
Description: TypeAlias = Annotated[str | None, Parameter(help="A sentence for people.")]
Enabled: TypeAlias = Annotated[bool | None, Parameter(help="Whether it is in use.")]


def noun_app(name: str, help: str) -> App:
    """An app for one noun."""
    app = App(name=name, help=help, help_epilogue="", group_arguments=ARGUMENTS, group_parameters=OPTIONS)
    app["--help"].group = COMMON
    return app


def given(**members: object) -> dict[str, Any]:
    """The members of a body that were given: None was not."""
    return {name: value for name, value in members.items() if value is not None}


def add_usual_verbs(
    app: App, plural: str, columns: tuple[str, ...], shown: Callable[[dict[str, Any], str], None] = show_one
) -> None:
    """`list`, `show` and `delete`, which are the same for every noun with a name; `shown` shows one."""
    word = SINGULAR[plural]

    @app.command(name="list", help=f"List {plural}.", sort_key=1)
    def _list(
        *,
        search: Annotated[str, Parameter(help="Part of the name, in any case.")] = "",
        common: Common = USUAL,
    ) -> None:
        show_rows(common.client.every(plural, search), columns, common.output)

    @app.command(name="show", help=f"Show one {word}.", sort_key=2)
    def _show(name: Named, /, *, common: Common = USUAL) -> None:
        client = common.client
        shown(client.get(path_of(client, plural, name)), common.output)

    @app.command(name="delete", help=f"Delete a {word}.", sort_key=6)
    def _delete(name: Named, /, *, common: Common = USUAL) -> None:
        client = common.client
        client.call("DELETE", path_of(client, plural, name))
        say(f"{word} {name} is deleted")
