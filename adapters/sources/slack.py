"""What products send to Slack's incoming webhooks, and to `/slack` endpoints that take the same.

Reference: Slack's incoming webhooks, `text`, `attachments` and `blocks` (facts: destinations 5). A message
has no type, id or time, so each is a new one, and what it means is read from words, colours and signs. A
line of Kymaros is read whole, in its documented form and in its real one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import (
    MAX_LINKS,
    MAX_TITLE,
    block,
    outcome_of_word,
    spellings,
    web_address,
)
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

MESSAGE = "message"
"""The type of a message that is nobody's we know."""
MAX_PARTS = 100
"""Texts of one message that are read."""
MAX_READ = 16 * 1024
"""Characters of one text that are read."""

_documented = re.compile(
    r":[a-z_]{1,40}: (?P<test>[^|\n]{1,300}?) \| Score: (?P<score>\d{1,3})/100 \| "
    r"(?P<result>\w{1,20})(?P<more>[^\n]*)"
).match
_real = re.compile(
    r":[a-z_]{1,40}: \*Kymaros\* \S{1,3} `(?P<test>[^`\n]{1,300})` score: \*(?P<score>\d{1,3})/100\* "
    r"\((?P<result>\w{1,20})\)(?P<more>.*)",
    re.DOTALL,
).match
_ENDINGS = {Outcome.OK: "passed", Outcome.FAILED: "failed", Outcome.PARTIAL: "partial"}

_label = re.compile(r"\*([^*\n]{1,100}?):?\*:?\s*(.+)", re.DOTALL).fullmatch
_link = re.compile(r"<(https?://[^|<>\s]{1,2000})\|([^<>]{1,300})>")
_sign = re.compile(r":([a-z0-9_+-]{1,40}):")
_word = re.compile(r"[A-Za-z]+")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))

_SIGNS = {
    "rotating_light": Severity.CRITICAL,
    "x": Severity.ERROR,
    "red_circle": Severity.ERROR,
    "no_entry": Severity.ERROR,
    "fire": Severity.ERROR,
    "warning": Severity.WARNING,
    "large_orange_circle": Severity.WARNING,
    "large_yellow_circle": Severity.WARNING,
    "white_check_mark": Severity.INFO,
    "heavy_check_mark": Severity.INFO,
    "large_green_circle": Severity.INFO,
    "information_source": Severity.INFO,
}
_COLOURS = {
    "danger": Severity.ERROR,
    "#ef4444": Severity.ERROR,
    "warning": Severity.WARNING,
    "#f97316": Severity.WARNING,
    "#f59e0b": Severity.WARNING,
    "good": Severity.INFO,
    "#22c55e": Severity.INFO,
    "#3b82f6": Severity.INFO,
    "#8b5cf6": Severity.INFO,
}
"""Slack's three names, and what DBackup paints with."""


@dataclass(frozen=True, slots=True)
class _Message:
    """The texts of a message in their order, and the fields among them, by lower-case name."""

    texts: Sequence[str]
    fields: Mapping[str, Json]
    colours: Sequence[str]


class SlackCompatible(SourceFormat):
    """Messages for Slack."""

    name = "slack"
    title = "Slack-compatible messages"
    summary = "What products post to an incoming webhook of Slack, or to a `/slack` endpoint."
    schema = "sources/slack"
    credential = Credential.URL
    snippet = """\
Webhook URL, wherever the product asks for one of Slack's:
  $url/slack"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without text, attachments and blocks."""
        sent = foreign.read_object(body)
        data, members = sent
        message = _read(members)
        if not message.texts:
            raise foreign.unrecognised("Slack's users", "an object with `text`, `attachments` or `blocks`")
        type_, words = _of_kymaros(message.texts[0]) or (MESSAGE, _words(message))
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=type_,
            id=foreign.digest(data, headers.get(foreign.RECEIPT, "")),
            words=words,
            subject=words.job,
        )
        return (made,)


def _of_kymaros(text: str) -> tuple[str, Vocabulary] | None:
    found = _real(text) or _documented(text)
    if found is None:
        return None
    test, more = foreign.attribute(found["test"]), block(found["more"])
    regressed = found["result"].lower() == "regression" or more.startswith("Score regression")
    outcome = outcome_of_word(found["result"]) or Outcome.WARNING
    if regressed and outcome is Outcome.OK:
        outcome = Outcome.WARNING
    ending = "regression" if regressed else _ENDINGS.get(outcome, "reported")
    return f"restore-test.{ending}", Vocabulary(
        severity=foreign.SEVERITIES[outcome],
        outcome=outcome,
        title=foreign.attribute(f"Restore test {ending}: {test} ({found['score']}/100)", MAX_TITLE),
        summary=more or None,
        resource=test or None,
        resources=spellings(test) if test else (),
        job=test or None,
    )


def _words(message: _Message) -> Vocabulary:
    first, _, rest = message.texts[0].partition("\n")
    title = foreign.attribute(_plain(first), MAX_TITLE) or "Message"
    outcome = next((found for word in _word.findall(title)[:50] if (found := outcome_of_word(word))), None)
    told = "\n".join([rest.strip(), *message.texts[1:], *(f"{k}: {v}" for k, v in message.fields.items())])
    _, named, after = title.partition(": ")
    return Vocabulary(
        severity=_severity(message) or (foreign.SEVERITIES[outcome] if outcome else Severity.NOTICE),
        outcome=outcome,
        title=title,
        summary=block(_plain(told)) or None,
        job=foreign.text(message.fields, "job") or (after.strip() or None if named and outcome else None),
        links={
            foreign.attribute(label, 100) or "Link": url
            for text in message.texts
            for url, label in islice(_link.findall(text), MAX_LINKS)
            if web_address(url)
        },
    )


def _severity(message: _Message) -> Severity | None:
    """By the signs in the first text, else by the colours: the worst of them."""
    signs = [_SIGNS[sign] for sign in _sign.findall(message.texts[0][:MAX_READ]) if sign in _SIGNS]
    colours = [_COLOURS[colour] for colour in message.colours if colour in _COLOURS]
    return max(signs or colours, default=None)


def _plain(text: str) -> str:
    """Slack's markup as people read it."""
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return _sign.sub("", _link.sub(r"\2", text)).replace("*", "").strip()


def _read(members: Members) -> _Message:
    texts, fields = [], {}
    attachments = foreign.rows(members.get("attachments"))
    for text in islice(_texts(members, attachments), MAX_PARTS):
        labelled = _label(text)
        if labelled:
            fields[labelled[1].strip().lower()] = labelled[2].strip()
        elif text.strip() and text not in texts:
            texts.append(text)
    for row in attachments[:MAX_PARTS]:
        for field in foreign.rows(row.get("fields")):
            if (name := foreign.text(field, "title")) and (value := foreign.text(field, "value")):
                fields[name.lower()] = value
    colours = [str(row.get("color")).lower() for row in attachments[:MAX_PARTS]]
    return _Message(texts or [f"{name}: {value}" for name, value in fields.items()][:1], fields, colours)


def _texts(members: Members, attachments: Sequence[Members]) -> Iterator[str]:
    """Every text in the order in which it is shown."""
    yield from _strings(members, "text")
    yield from _of_blocks(members.get("blocks"))
    for row in attachments:
        yield from _strings(row, "pretext", "title", "text")
        yield from _of_blocks(row.get("blocks"))
        if not row.get("text") and not row.get("blocks"):
            yield from _strings(row, "fallback")


def _of_blocks(blocks: Json) -> Iterator[str]:
    for row in foreign.rows(blocks):
        yield from _strings(foreign.inner(row, "text"), "text")
        for field in foreign.rows(row.get("fields")):
            yield from _strings(field, "text")
        if row.get("type") == "context":
            for element in foreign.rows(row.get("elements")):
                yield from _strings(element, "text")


def _strings(members: Members, *names: str) -> Iterator[str]:
    for name in names:
        value = members.get(name)
        if isinstance(value, str) and value.strip():
            yield value[:MAX_READ]
