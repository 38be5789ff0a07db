"""How `listen` shows what it gets: a few lines for a person, or a JSON object a line for a program."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from gateway.cli.listening.receiver import Received
from gateway.cli.screen import plain, safe

MAX_DATA = 4000
"""Characters of an event's data that are shown."""

COLOURS = {"critical": "bold red", "error": "red", "warning": "yellow", "notice": "cyan", "info": "green"}
HEADLINE = ("type", "title", "subject")


def print_line(received: Received) -> None:
    """One JSON object: the event's attributes and data, and what the receiver found out about the webhook."""
    attributes, data = _parts(received)
    row = {
        "webhook_id": received.webhook_id,
        "verified": received.verified,
        "repeat": received.repeat,
        "event": {**attributes, "data": data},
    }
    sys.stdout.write(safe(json.dumps(row, ensure_ascii=False, default=str)) + "\n")
    sys.stdout.flush()


def print_lines(received: Received, console: Console) -> None:
    """The event for a person."""
    attributes, data = _parts(received)
    severity = str(attributes.get("severity", ""))
    line = Text(datetime.fromtimestamp(received.at).astimezone().strftime("%H:%M:%S  "), style="dim")
    line.append(f"{plain(severity) or 'event':<8}  ", style=COLOURS.get(severity, ""))
    line.append("  ".join(plain(attributes[name]) for name in HEADLINE if attributes.get(name)), style="bold")
    console.print(line)
    console.print(Text(f"          {_origin(received, attributes)}", style="dim"))
    if data is not None:
        console.print(Text(_indented(_shown(data))))


def _parts(received: Received) -> tuple[dict[str, Any], Any]:
    if received.event is None:
        return {}, received.body.decode("utf-8", "replace")
    return dict(received.event.get_attributes()), received.event.get_data()


def _origin(received: Received, attributes: dict[str, Any]) -> str:
    parts = [
        f"id {plain(attributes['id'])} of {plain(attributes['source'])}"
        if attributes
        else "not a CloudEvent",
        f"webhook-id {plain(received.webhook_id)}",
        "signature verified" if received.verified else "signature not checked",
        "a REPEAT" if received.repeat else "",
    ]
    return ", ".join(part for part in parts if part)


def _shown(data: Any) -> str:
    if isinstance(data, bytes):
        return f"{len(data)} bytes"
    text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False)
    return safe(text if len(text) <= MAX_DATA else text[:MAX_DATA] + " [...]")


def _indented(text: str) -> str:
    return "\n".join(f"          {line}" for line in text.splitlines())
