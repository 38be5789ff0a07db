"""`tocsin send`: one event, built by the CloudEvents SDK, to the gateway."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from cyclopts import Parameter

from gateway.cli.client import Client
from gateway.cli.cloudevent import JSON, Mode, build, encode, moment
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import USUAL, Common
from gateway.cli.options import pair
from gateway.cli.screen import show_one
from gateway.domain.clock import SystemClock
from gateway.domain.errors import ConfigurationError
from gateway.domain.ids import new_id
from gateway.domain.severity import Severity, from_word


@Parameter(name="*")
@dataclass(frozen=True)
class Attributes:
    """The attributes of the event."""

    source: Annotated[
        str | None, Parameter(help="Attribute `source`: a URI of the sender's own; unsaid: this host.")
    ] = None
    id: Annotated[str | None, Parameter(help="Attribute `id`; unsaid: a new one.")] = None
    subject: Annotated[str | None, Parameter(help="Attribute `subject`: what it is about.")] = None
    time: Annotated[str | None, Parameter(help="Attribute `time`, RFC 3339; unsaid: now.")] = None
    severity: Annotated[
        str | None, Parameter(help="Extension `severity`: info, notice, warning, error or critical.")
    ] = None
    title: Annotated[str | None, Parameter(help="Extension `title`: one line for people.")] = None
    extension: Annotated[
        list[str] | None, Parameter(help="Any other extension, as `NAME: VALUE`; repeatable.", negative=())
    ] = None

    def all(self, type: str) -> dict[str, Any]:
        """Attributes by name."""
        now = datetime.fromtimestamp(SystemClock().now(), UTC)
        extensions = dict(pair("--extension", entry) for entry in self.extension or ())
        return {
            "id": self.id or new_id(),
            "source": self.source or f"/{socket.gethostname()}",
            "type": type,
            "subject": self.subject,
            "time": moment(self.time) if self.time else now,
            "severity": _severity(self.severity),
            "title": self.title,
            **extensions,
        }


def _severity(word: str | None) -> str | None:
    if word is not None and from_word(word) is None:
        words = ", ".join(one.word for one in Severity)
        raise ConfigurationError(f"--severity: {word!r} is none of {words}")
    return word


NONE = Attributes()


def send(
    *,
    type: Annotated[str, Parameter(help="Attribute `type`, such as backup.failed.")],
    source_id: Annotated[
        str | None,
        Parameter(
            help="The registered source that it comes from, by name or id; a source's own key says so."
        ),
    ] = None,
    attributes: Attributes = NONE,
    data: Annotated[
        str | None, Parameter(help="The data: JSON, `@FILE` for what a file holds, `-` for stdin.")
    ] = None,
    content_type: Annotated[str, Parameter(help="Media type of the data.")] = JSON,
    mode: Annotated[Mode, Parameter(help="Content mode of the request.")] = "structured",
    common: Common = USUAL,
) -> None:
    """Send one event. Returns once it is durable."""
    client = common.client
    members = attributes.all(type)
    value = _data(data, content_type)
    if value is not None:
        members["datacontenttype"] = content_type
    headers, body = encode(build(members, value), mode)
    source = {"source_id": id_of(client, "sources", source_id)} if source_id else {}
    answer = post_event(client, headers, body, source)
    show_one({**answer, "event": members["id"]}, common.output)


def post_event(client: Client, headers: dict[str, str], body: bytes, query: dict[str, str]) -> dict[str, Any]:
    """Post an event that is encoded. Raises Refused or Unreachable."""
    path = "events" + (f"?{urlencode(query)}" if query else "")
    answer: dict[str, Any] = client.send("POST", client.target(path), body, headers)
    return answer


def _data(text: str | None, content_type: str) -> Any:
    if text is None:
        return None
    content = _content(text)
    if content_type != JSON:
        return content
    try:
        return json.loads(content)
    except ValueError as error:
        raise ConfigurationError(f"--data is not JSON ({error}); other data needs --content-type") from None


def _content(text: str) -> str | bytes:
    """What `--data` names, as text where it is text."""
    try:
        if text == "-":
            content = sys.stdin.buffer.read()
        elif text.startswith("@"):
            content = Path(text[1:]).read_bytes()
        else:
            return text
    except OSError as error:
        raise ConfigurationError(f"--data: {text[1:]} cannot be read: {error.strerror}") from None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content
