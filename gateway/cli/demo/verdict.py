"""What arrived in the demo, held against what was sent and against the gateway's own ledger.

Everything that should arrive arrives once, unchanged where it is forwarded, and nothing else arrives.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from cloudevents.core.bindings.http import to_structured_event

from gateway.cli.client import Client, segment
from gateway.cli.demo import seed
from gateway.cli.demo.receivers import Arrival, Arrivals
from gateway.cli.demo.story import KINDS, Sent, Stage
from gateway.cli.listening.receiver import Received


@dataclass(frozen=True, slots=True)
class Result:
    """One delivery: the ledger's record of it, and what came; `arrival` is None if nothing did."""

    sent: Sent
    kind: str
    delivery: Mapping[str, Any]
    arrival: Arrival | None

    @property
    def latency(self) -> float | None:
        """Seconds from the post to the receiver."""
        return self.arrival.at - self.sent.at if self.arrival else None


def expected(sent: Iterable[Sent]) -> int:
    """How many arrivals there should be."""
    return sum(len(KINDS) for one in sent if one.act.told)


def settled(client: Client, sent: Iterable[Sent]) -> bool:
    """Whether every delivery of every event has ended, so that nothing more can come."""
    return all(
        delivery["state"] not in ("pending", "leased", "held")
        for one in sent
        for delivery in client.get(f"events/{segment(one.accepted_id)}")["deliveries"]
    )


def results(client: Client, stage: Stage, sent: Sequence[Sent], arrivals: Arrivals) -> list[Result]:
    """Every delivery in the ledger with what came of it."""
    found = []
    by_message: dict[str, list[Arrival]] = {}
    for came in arrivals.slack:
        by_message.setdefault(came.key, []).append(came)
    by_id = {came.key: came for came in [*arrivals.webhook, *arrivals.email]}
    for one in sent:
        for row in client.get(f"events/{segment(one.accepted_id)}")["deliveries"]:
            delivery = client.get(f"deliveries/{segment(row['id'])}")
            kind = stage.kinds[delivery["destination_id"]]
            if kind == "slack":
                same = by_message.get(delivery.get("sent") or "")
                arrival: Arrival | None = same.pop(0) if same else None
            else:
                arrival = by_id.get(_key(kind, delivery["id"]))
            found.append(Result(one, kind, delivery, arrival))
    return found


def _key(kind: str, delivery_id: str) -> str:
    return delivery_id if kind == "webhook" else f"<{delivery_id}@tocsin.local>"


def missing(sent: Sequence[Sent], found: Sequence[Result], arrivals: Arrivals) -> list[str]:
    """Everything that is not as it should be, a sentence each; [] is success."""
    return [
        *arrivals.refused,
        *_not_planned(sent, found),
        *_not_arrived(found),
        *_too_much(found, arrivals),
        *_changed(found),
        *_mail_faults(found),
    ]


def _not_planned(sent: Sequence[Sent], found: Sequence[Result]) -> Iterator[str]:
    for one in sent:
        kinds = Counter(result.kind for result in found if result.sent is one)
        wanted = Counter(KINDS) if one.act.told else Counter()
        if kinds != wanted:
            yield f"{one.act.label}: deliveries to {_names(kinds)} instead of {_names(wanted)}"


def _names(kinds: Counter[str]) -> str:
    return ", ".join(sorted(kinds.elements())) or "nobody"


def _not_arrived(found: Sequence[Result]) -> Iterator[str]:
    for result in found:
        state, detail = result.delivery["state"], result.delivery.get("detail") or ""
        if result.arrival is None:
            yield f"{result.sent.act.label}: nothing came by {result.kind}; it is {state} {detail}".rstrip()
        elif state != "delivered":
            yield f"{result.sent.act.label}: came by {result.kind}, but is {state} {detail}".rstrip()


def _too_much(found: Sequence[Result], arrivals: Arrivals) -> Iterator[str]:
    for kind, came in (("webhook", arrivals.webhook), ("email", arrivals.email), ("slack", arrivals.slack)):
        known = sum(result.arrival is not None for result in found if result.kind == kind)
        if len(came) != known:
            yield f"{len(came)} came by {kind}, of which {known} are accounted for"
        if kind != "slack" and len({arrival.key for arrival in came}) != len(came):
            yield f"something came twice by {kind}"


def _changed(found: Sequence[Result]) -> Iterator[str]:
    for result in found:
        if result.kind != "webhook" or result.arrival is None:
            continue
        received: Received = result.arrival.content
        if json.loads(received.body) != json.loads(to_structured_event(result.sent.act.event).body):
            yield f"{result.sent.act.label}: the webhook does not carry the event as it was sent"
        if not received.verified:
            yield f"{result.sent.act.label}: the webhook is not signed"


def _mail_faults(found: Sequence[Result]) -> Iterator[str]:
    mail = documented_mail(found)
    if mail is None:
        return
    text = text_of(mail)
    body, _, details = text.partition(f"\n\n{seed.MAIL_DETAILS_TITLE}\n\n")
    if mail["Subject"] != seed.MAIL_TITLE:
        yield f"the mail's title is {mail['Subject']!r}, IBM's is {seed.MAIL_TITLE!r}"
    if body != seed.MAIL_BODY:
        yield f"the mail's body is {body!r}, IBM's is {seed.MAIL_BODY!r}"
    if "".join(details.split()) != "".join(json.dumps(seed.MAIL_DETAILS).split()):
        yield "the mail's notification details are not IBM's"


def documented_mail(found: Sequence[Result]) -> EmailMessage | None:
    """The mail that has to equal IBM's."""
    for result in found:
        attributes = result.sent.act.event.get_attributes()
        if result.kind == "email" and attributes.get("ibmendefaultlong") == seed.MAIL_BODY and result.arrival:
            mail: EmailMessage = result.arrival.content
            return mail
    return None


def text_of(mail: EmailMessage) -> str:
    """The text part, lines ended by a line feed."""
    part = mail.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
