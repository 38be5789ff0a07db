"""`tocsin explain`: why an event went where it went, as one tree."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text
from rich.tree import Tree

from gateway.cli.client import Client, segment
from gateway.cli.lookup import id_of
from gateway.cli.nouns.common import USUAL, Common
from gateway.cli.reasons import said
from gateway.cli.screen import console, plain, show_json
from gateway.domain.errors import ConfigurationError
from gateway.domain.source import SELF

Row = Mapping[str, Any]
YES, NO = "green", "dim"


def explain(
    event: Annotated[
        str, Parameter(help="The id that the inbox shows; or `@FILE`, `-` for stdin: a CloudEvent as JSON.")
    ],
    /,
    *,
    now: Annotated[bool, Parameter(help="By today's configuration.", negative=())] = False,
    topic: Annotated[str | None, Parameter(help="Only this topic, by name or id.")] = None,
    subscription: Annotated[str | None, Parameter(help="Only this subscription, by name or id.")] = None,
    source_id: Annotated[
        str | None, Parameter(help="The source, by name or id, that would send the event of a file.")
    ] = None,
    common: Common = USUAL,
) -> None:
    """Show every topic and subscription, the conditions that decided, and what then happened."""
    client = common.client
    if event == "-" or event.startswith("@"):
        if source_id is None:
            raise ConfigurationError("say which source would send it: --source-id")
        body = {"source_id": id_of(client, "sources", source_id), "event": _event(event)}
        answer = client.post("explain", body)
    else:
        answer = client.get(
            f"events/{segment(event)}/explain",
            now="true" if now else None,
            topic_id=_named(client, "topics", topic),
            subscription_id=_named(client, "subscriptions", subscription),
        )
    if common.output == "json":
        show_json(answer)
        return
    console().print(tree(answer))


def tree(answer: Row) -> Tree:
    """The answer as a tree: topics, their rules and subscriptions, and what each delivery came to."""
    version, newest = answer["registry_version"], answer["newest_version"]
    asked = f"configuration {version}" + (", today's" if version == newest else f", today's is {newest}")
    head = f"{answer.get('event_id') or 'this event'}, {answer['type']}, {_origin(answer)} ({asked})"
    root = Tree(Text(plain(head)))
    for problem in answer.get("problems") or ():
        root.add(_text(f"quarantined: {problem['detail']} at {problem['pointer'] or '/'}", NO))
    for topic in answer["topics"]:
        _add_topic(root, topic)
    if answer["other_deliveries"]:
        others = root.add(Text("deliveries of none of these"))
        _add_all(others, _consequences(answer["other_deliveries"]))
    if answer.get("left_out"):
        root.add(_text(f"{answer['left_out']} more subscriptions; --topic or --subscription shows them", NO))
    if not answer["topics"]:
        root.add(_text("no topic was considered", NO))
    return root


def _origin(answer: Row) -> str:
    if answer["source_id"] == SELF:
        return "a test, which goes out whatever topics and rules say"
    return f"of {answer['source_name'] or answer['source_id']}"


def _add_topic(root: Tree, topic: Row) -> None:
    kind = "fallback topic" if topic.get("fallback") else "topic"
    branch = root.add(_verdict(f"{kind} {topic['name']}", topic["took"], topic["text"]))
    for rule in topic["rules"]:
        written = [rule.get(part) for part in ("event_type_filter", "notification_filter", "rule")]
        text = "; ".join(part for part in written if part) or "everything"
        said = branch.add(_verdict(f"rule {text}", rule["holds"], _said(rule)))
        _add_all(said, _findings(rule["decided_by"]))
    for subscription in topic["subscriptions"]:
        where = f"{subscription['destination_type']} {subscription['destination_name']}"
        name = f"subscription {subscription['name']} to {where}"
        below = branch.add(_verdict(name, subscription["wanted"], subscription["text"]))
        _add_all(below, _findings(subscription["decided_by"]))
        if silence := subscription.get("silence"):
            why = (
                f"silenced by {silence['author']}: {silence['reason']} (tocsin silence show {silence['id']})"
            )
            below.add(_text(why, NO))
        _add_all(below, _consequences(subscription["deliveries"]))


def _said(rule: Row) -> str:
    if rule.get("problem"):
        return f"could not be evaluated: {rule['problem']}"
    return "held" if rule["holds"] else "did not hold"


def _findings(findings: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for one in findings:
        found = f"the event has {one['found']}" if one.get("found") else "the event has nothing there"
        yield f"{'yes' if one['holds'] else 'no'}: {one['atom']} ({found})", YES if one["holds"] else NO


def _consequences(deliveries: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for one in deliveries:
        parts = [
            f"{one['state']} {one['settled_at']}" if one.get("settled_at") else one["state"],
            f"to {one['recipient']}" if one.get("recipient") else "",
            said(one["reason"]) if one.get("reason") else "",
            _due(one),
        ]
        yield f"delivery {one['id']}: {', '.join(part for part in parts if part)}", ""
        for attempt in one["tries"]:
            ended = attempt.get("reason") or "accepted"
            answer = " ".join(str(attempt[name]) for name in ("code", "detail") if attempt.get(name))
            took = f"{attempt['duration_ms']:g} ms"
            yield f"  try {attempt['number']} at {attempt['started_at']}: {ended} {answer} in {took}", ""


def _due(delivery: Row) -> str:
    """When it goes on; of what is held for no known time, nothing."""
    due = delivery.get("due_at")
    if delivery["state"] == "held":
        return f"until {due}" if due and due > delivery["created_at"] else ""
    return f"due {due}" if due else ""


def _add_all(branch: Tree, lines: Iterator[tuple[str, str]]) -> None:
    for line, style in lines:
        branch.add(_text(line, style))


def _verdict(name: str, positive: bool, text: str) -> Text:
    return Text.assemble(
        (plain(name), "bold" if positive else ""), (f": {plain(text)}", YES if positive else NO)
    )


def _text(line: str, style: str) -> Text:
    return Text(plain(line), style=style)


def _named(client: Client, noun: str, name: str | None) -> str | None:
    return None if name is None else id_of(client, noun, name)


def _event(word: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if word == "-" else Path(word[1:]).read_text(encoding="utf-8")
        event = json.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{word}: no CloudEvent can be read from it ({error})") from None
    if not isinstance(event, dict):
        raise ConfigurationError(f"{word}: a CloudEvent is a JSON object")
    return event
