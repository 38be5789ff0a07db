"""`tocsin source`: who sends. `create` takes the options of IBM's `sources-create`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from gateway.cli.lookup import path_of
from gateway.cli.nouns.common import (
    USUAL,
    Common,
    Description,
    Enabled,
    Name,
    Named,
    NewName,
    add_usual_verbs,
    given,
    noun_app,
)
from gateway.cli.nouns.connected import show_connected
from gateway.cli.options import SECRET_HINT, pair
from gateway.cli.screen import plain, say, show_json, show_one
from gateway.cli.secrets import resolve
from gateway.domain.errors import ConfigurationError

PLURAL = "sources"

app = noun_app("source", "Who sends events.")
add_usual_verbs(app, PLURAL, ("name", "id", "enabled", "format", "source", "topic_names"))


@Parameter(name="*")
@dataclass(frozen=True)
class Sender:
    """What may be said of a source beside its name."""

    source: Annotated[str | None, Parameter(help="The sender's CRN, unique in the instance.")] = None
    description: Description = None
    enabled: Enabled = None
    format: Annotated[str | None, Parameter(help="Format of what it sends; CloudEvents unless said.")] = None
    format_option: Annotated[
        list[str] | None,
        Parameter(help="What the format leaves open, `NAME: VALUE`, JSON or text; repeatable.", negative=()),
    ] = None
    url: Annotated[
        str | None, Parameter(help="What the gateway asks, with `--format poll`; a query is kept secret.")
    ] = None
    every: Annotated[int | None, Parameter(help="Seconds between two times that it asks.")] = None
    header: Annotated[
        list[str] | None,
        Parameter(help=f"A header to ask with, `NAME: VALUE`, repeatable. {SECRET_HINT}", negative=()),
    ] = None
    default_topic: Annotated[
        str | None, Parameter(help="Topic, by name or id, of events that name none.")
    ] = None
    key_header: Annotated[
        str | None, Parameter(help="Header in which the sender puts its key, if not Authorization.")
    ] = None
    signing: Annotated[
        Literal["standard-webhooks", "x-hub-signature-256", "none"] | None,
        Parameter(help="How its requests are signed; given, it makes a new secret."),
    ] = None
    keep_requests: Annotated[
        int | None, Parameter(help="How many of its last requests are kept, for `tocsin source activity`.")
    ] = None
    incidents: Annotated[
        bool | None, Parameter(help="Whether failures of a thing are told as one incident.")
    ] = None
    incident_key: Annotated[
        list[str] | None,
        Parameter(
            name="--incident-key",
            negative="--usual-incident-key",
            help="What tells one thing from another, such as `job` or `data.vm`; repeatable.",
        ),
    ] = None
    mask: Annotated[
        list[str] | None,
        Parameter(
            negative="--mask-nothing",
            help="Place in the data that nobody gets to see, like /login/password; repeatable.",
        ),
    ] = None
    allowed_types: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-type",
            negative="--all-types",
            help="An event type it may send, `x.*` is a prefix; repeatable.",
        ),
    ] = None
    allowed_sources: Annotated[
        list[str] | None,
        Parameter(
            name="--allowed-source",
            negative="--all-sources",
            help="A `source` URI it may send, `x*` is a prefix; repeatable.",
        ),
    ] = None
    store_notifications: Annotated[
        bool | None, Parameter(help="IBM's flag of that name; every event is stored anyway.")
    ] = None

    def members(self) -> dict[str, Any]:
        """What was said, as members of a body."""
        said = given(**vars(self))
        if options := said.pop("format_option", None):
            pairs = (pair("--format-option", entry) for entry in options)
            said["format_options"] = {name: _value(text) for name, text in pairs}
        if asking := given(url=said.pop("url", None), every=said.pop("every", None), headers=_headers(said)):
            said["format_options"] = said.get("format_options", {}) | asking
        return said | ({"signing": ""} if self.signing == "none" else {})

    @property
    def asks(self) -> bool:
        """Whether a part was said of how it is asked; the rest of its options then stays."""
        return any(one is not None for one in (self.url, self.every, self.header))


def _headers(said: dict[str, Any]) -> dict[str, str] | None:
    pairs = [pair("--header", entry) for entry in said.pop("header", None) or []]
    return {name: resolve(f"--header {name}", word) for name, word in pairs} or None


UNSAID = Sender()


@app.command(sort_key=3)
def create(*, name: Name, sender: Sender = UNSAID, common: Common = USUAL) -> None:
    """Register a sender. With the format of a product, tells what to paste there."""
    body = given(name=name, **sender.members())
    show_connected(common.client.post(PLURAL, body), common.output)


@app.command(sort_key=4)
def update(
    source_name: Named, /, *, name: NewName = None, sender: Sender = UNSAID, common: Common = USUAL
) -> None:
    """Change a source; what is not given stays."""
    client = common.client
    path, members = path_of(client, PLURAL, source_name), sender.members()
    if sender.asks and not sender.format:
        known = client.get(path).get("format_options", {})
        if sender.url is not None:
            known.pop("secret_query", None)  # it belongs to the URL before
        members["format_options"] = known | members["format_options"]
    body = given(name=name, **members)
    show_connected(client.call("PATCH", path, body=body), common.output)


@app.command(sort_key=5)
def activity(source_name: Named, /, *, common: Common = USUAL) -> None:
    """Show when a source was heard last, what no topic takes of it, and its last requests."""
    client = common.client
    path = path_of(client, PLURAL, source_name)
    found = client.get(f"{path}/activity")
    show_one(found, common.output)
    if common.output != "json" and (places := found.get("secret_looking")):
        _offer(source_name, [*client.get(path).get("mask", ()), *places])


@app.command(name="try", sort_key=5)
def attempt(
    source_name: Named,
    file: Annotated[str, Parameter(help="The payload: a file, `-` for stdin.", allow_leading_hyphen=True)],
    /,
    *,
    tail: Annotated[str, Parameter(help="What would follow its URL: `fail`, `3`, `slack`.")] = "",
    format: Annotated[str | None, Parameter(help="In place of the source's format.")] = None,
    format_option: Annotated[
        list[str] | None, Parameter(help="In place of its options; repeatable.", negative=())
    ] = None,
    mask: Annotated[
        list[str] | None, Parameter(help="In place of what it masks; repeatable.", negative="--mask-nothing")
    ] = None,
    common: Common = USUAL,
) -> None:
    """Show what a payload would become, and which topics would take it. Nothing is accepted."""
    client = common.client
    tried = Sender(format=format, format_option=format_option, mask=mask).members()
    body = given(payload=_payload(file), tail=tail, **tried)
    answer = client.post(f"{path_of(client, PLURAL, source_name)}/try", body)
    if common.output == "json":
        show_json(answer)
        return
    for number, event in enumerate(answer["events"]):
        if number:
            say("")
        show_one(event, common.output)
    told = [place for event in answer["events"] for place in event.get("secret_looking", ())]
    if told:
        known = client.get(path_of(client, PLURAL, source_name)).get("mask", ()) if mask is None else mask
        _offer(source_name, [*known, *dict.fromkeys(told)])


def _offer(name: str, places: Sequence[str]) -> None:
    """Say how to mask what looks secret; the list replaces the one before, so it is told whole."""
    options = " ".join(f"--mask {shlex.quote(plain(place))}" for place in dict.fromkeys(places))
    say(f"To mask what looks secret: tocsin source update {shlex.quote(plain(name))} {options}")


def _payload(name: str) -> str:
    """What a file or stdin holds; a payload that is no UTF-8 is none that could be tried here."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return content.decode()
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} is not UTF-8") from None


def _value(text: str) -> Any:
    """JSON where it is, else the text itself: a JSON pointer needs no quotes."""
    try:
        return json.loads(text)
    except ValueError:
        return text
