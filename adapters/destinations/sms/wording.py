"""A message as a text for a telephone: severity, title, summary and one link, as far as segments go.

Facts and data are left out: each would cost.
"""

from __future__ import annotations

from adapters.destinations.sms.segments import fitted, plain
from gateway.domain.severity import Severity
from gateway.spi.message import Message
from gateway.spi.rendering import headline, one_line, web_links

MAX_LINE = 1600
"""Characters of a title or a summary that are looked at: no more go into the most segments there may be."""

MARKS = {
    Severity.INFO: "INFO",
    Severity.NOTICE: "NOTE",
    Severity.WARNING: "WARN",
    Severity.ERROR: "ERROR",
    Severity.CRITICAL: "CRIT",
}
RESOLVED = "OK"


def text_of(message: Message, most: int) -> str:
    """The text of a message in at most `most` segments."""
    mark = RESOLVED if message.resolves else MARKS[message.severity]
    title = plain(f"{mark}: {headline(message, MAX_LINE)}")
    return fitted([title, plain(one_line(message.summary, MAX_LINE))], _link(message), most)


def _link(message: Message) -> str:
    """The event's page, else the first link that the event brings."""
    return message.event_url or next((link.url for link in web_links(message.links)), "")
