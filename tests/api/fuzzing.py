"""Schemathesis against a running gateway: what it may know beforehand, and what it found.

A description cannot say which ids exist, so a fuzzer that knows nothing else is told 404 and gets no further.
Here it knows things of every noun, which it may change and delete, and one source that stays.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.engine import Status, events, from_schema
from schemathesis.generation import GenerationMode

from gateway.api.shapes.identity import APIKEY_GRANT
from tests.harness import ADMIN_KEY, Client, cloudevent
from tests.waiting import until_async

THINGS = 12
"""How many of each noun there are to begin with."""

WAITING = 40
"""Events in quarantine: each is let out once."""

REFUSED = "http://127.0.0.1:9/"
"""A receiver that never answers: the discard port, where nobody listens."""

INSTANCE = "/v1/instances/{instance_id}"
RELEASE, DISCARD = f"{INSTANCE}/events/{{id}}/release", f"{INSTANCE}/events/{{id}}/discard"

EVENTS, DESTINATIONS = f"{INSTANCE}/events", f"{INSTANCE}/destinations"
TRY, BY_URL = f"{INSTANCE}/sources/{{id}}/try", "/in/{token}/{tail}"
PREVIEW = f"{INSTANCE}/templates/preview"
TEMPLATES = {f"{INSTANCE}/templates", f"{INSTANCE}/templates/{{id}}", PREVIEW}
TEMPLATE = b64encode(b"{{event.subject}}").decode()
MONITORS = {f"{INSTANCE}/monitors", f"{INSTANCE}/monitors/{{id}}"}
WATCHABLE = {"rule": "", "failure": "false", "success": "true", "key": "job", "value": "data.size"}
SILENCES = f"{INSTANCE}/silences"
NOTIFICATIONS, BULK = f"{INSTANCE}/notifications", f"{INSTANCE}/notifications/bulk"
OLD_NOTIFICATIONS = "/event-notifications/v1/apps/{instance_id}/notifications"

LEFT_OUT = {
    # What a JSON Schema cannot say is refused rightly: a rule that is none, a cursor or an id of nothing.
    "positive_data_acceptance": {"enabled": False},
}
LEFT_OUT_OF_NOTIFICATIONS = {
    # Described is what should be sent; as with IBM, members that are not used may be anything.
    "negative_data_rejection": {"enabled": False},
}
LEFT_OUT_OF_PREVIEW = {
    # GET is allowed there, since `/templates/{id}` takes `preview` for an id; OpenAPI cannot say so.
    "allow_header_conformance": {"enabled": False},
}
LEFT_OUT_OF_BULK = LEFT_OUT_OF_NOTIFICATIONS | LEFT_OUT_OF_PREVIEW


@dataclass(frozen=True)
class Known:
    """Ids by noun, and the id of the source that stays."""

    ids: Mapping[str, list[str]]
    lasting: str


async def prepare(url: str) -> Known:
    """Make things of every noun, dead letters included."""
    ids: dict[str, list[str]] = {}
    async with Client(url) as client:
        for number in range(THINGS):
            route = await client.webhook_route(
                REFUSED,
                name=f"thing {number}",
                retry_schedule=[0.01],
                params={"signature": "ed25519"},
                format="ping",
            )
            failure = cloudevent(str(number), severity="error", subject=f"thing {number}")
            await client.send(failure, route["source"])
            schema = await client.create(
                "schemas", name=f"thing {number}", event_types=["x"], schema={"type": "object"}
            )
            for noun in ("source", "topic", "destination", "subscription"):
                ids.setdefault(f"{noun}s", []).append(route[noun])
            ids.setdefault("schemas", []).append(schema["id"])
            template = await client.create(
                "templates", name=f"thing {number}", type="webhook.notification", params={"body": TEMPLATE}
            )
            ids.setdefault("templates", []).append(template["id"])
            monitor = await client.create("monitors", name=f"thing {number}", kind="failures")
            ids.setdefault("monitors", []).append(monitor["id"])
            silence = await client.create("silences", rule="false", reason="a thing", lasts=3600)
            ids.setdefault("silences", []).append(silence["id"])

        async def all_dead() -> bool:
            return len((await client.get("deliveries?state=dead"))["deliveries"]) == THINGS

        await until_async(all_dead)
        for noun in ("keys", "events", "deliveries", "incidents"):
            ids[noun] = [row["id"] for row in (await client.get(noun))[noun]]
        lasting = await client.create("sources", name="stays")
        ids["waiting"] = await _quarantined(client, lasting["id"])
        ids["presets"] = [row["name"] for row in (await client.get("presets"))["presets"]]
        reached = await client.create("sources", name="stays too", format="ping")
        ids["tokens"] = [reached["setup"]["url"].rpartition("/")[2]]
    return Known(ids, lasting["id"])


async def _quarantined(client: Client, source_id: str) -> list[str]:
    """Events that wait for somebody to release or discard them."""
    never: dict[str, object] = {"not": {}}
    await client.create("schemas", name="never", event_types=["waiting"], schema=never, mode="quarantine")
    sent = [
        await client.send(cloudevent(f"waiting {number}", type="waiting"), source_id)
        for number in range(WAITING)
    ]
    return [answer["notification_id"] for _, answer in sent]


def load(url: str, known: Known, *, max_examples: int) -> schemathesis.BaseSchema:
    """The description that the gateway serves, ready to be fuzzed."""
    config = schemathesis.Config.from_dict(_configured(known, max_examples))
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)

    def map_case(context: Any, case: Any) -> Any:
        if case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE:
            _complete(case, known)
        return case

    schema.hook(map_case)
    return schema


def _complete(case: Any, known: Known) -> None:
    """Make a request that fits the description one that can succeed."""
    body, place = case.body, (case.method.upper(), case.operation.path)
    if place[1] == BY_URL:
        case.path_parameters["tail"] = "fail"
    if place == ("POST", EVENTS):
        case.query = {**(case.query or {}), "source_id": known.lasting}
    if not isinstance(body, dict):
        return
    if place[1] == RELEASE:
        body.clear()
    if "ibmensourceid" in body:
        body["ibmensourceid"] = known.lasting
    if place == ("POST", BULK) and isinstance(body.get("bulk_messages"), list):
        for message in body["bulk_messages"]:
            message["ibmensourceid"] = known.lasting
    if place[1] == TRY:
        body["format"], body["tail"], body["format_options"] = "ping", "fail", {}
    if place == ("POST", DESTINATIONS):
        body["type"], body["config"] = "webhook", {"params": {"url": REFUSED}}
    if place[1] in TEMPLATES and isinstance(body.get("params"), dict):
        body["type"], body["params"] = "webhook.notification", {"body": TEMPLATE}
    if place[1] in MONITORS:
        body |= {name: value for name, value in WATCHABLE.items() if name in body}
        body |= {"schedule": {"every_seconds": 60}, "from_start": False}
    if place == ("POST", SILENCES):
        body |= {"rule": "false", "lasts": 60}
        body.pop("ends_at", None), body.pop("starts_at", None)
    if place == ("POST", "/identity/token"):
        body["grant_type"], body["apikey"] = APIKEY_GRANT, ADMIN_KEY


def _configured(known: Known, max_examples: int) -> dict[str, Any]:
    def bound(noun: str) -> dict[str, Any]:
        return {"dictionary": noun, "probability": 0.75}

    nouns = [noun for noun in known.ids if noun not in ("keys", "tokens", "waiting", "presets")]
    return {
        "headers": {"Authorization": f"Bearer {ADMIN_KEY}"},
        "dictionaries": {noun: {"values": ids} for noun, ids in known.ids.items()},
        "parameters": {
            "path.instance_id": "default",
            "path.key_id": bound("keys"),
            "path.name": bound("presets"),
            "path.revision": "1",
            "path.token": bound("tokens"),
            "query.source_id": bound("sources"),
            "query.event_id": bound("events"),
            "body.topic_id": bound("topics"),
            "body.destination_id": bound("destinations"),
            "body.template_id": bound("templates"),
            "body.event_id": bound("events"),
            "body.source_id": bound("sources"),
        },
        "operations": [
            {"include-path": [RELEASE, DISCARD], "parameters": {"path.id": bound("waiting")}},
            {"include-path": [NOTIFICATIONS, OLD_NOTIFICATIONS], "checks": LEFT_OUT_OF_NOTIFICATIONS},
            {"include-path": BULK, "checks": LEFT_OUT_OF_BULK},
            {"include-path": PREVIEW, "checks": LEFT_OUT_OF_PREVIEW},
            *({"include-path-regex": f"/{noun}/", "parameters": {"path.id": bound(noun)}} for noun in nouns),
        ],
        "generation": {
            "mode": "all",
            "max-examples": max_examples,
            "deterministic": True,
            "database": "none",
        },
        "checks": LEFT_OUT,
        "continue-on-failure": True,
        "request-timeout": 10,
        # How fast examples are made, and how many thrown away, hangs on seed and machine, not on the gateway.
        "suppress-health-check": ["filter_too_much", "too_slow"],
    }


@dataclass
class Findings:
    """What a run did and found: how often each operation answered with which status, and what was wrong."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        return sum(self.answers.values())

    def statuses(self, operation: str) -> set[int]:
        return {status for label, status in self.answers if label == operation}


def run(schema: schemathesis.BaseSchema) -> Findings:
    """Every phase, to its end."""
    findings = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.FatalError):
            raise event.exception
        if isinstance(event, events.NonFatalError):
            findings.failures[f"{event.label}: {event.value!r}"] = ""
        if isinstance(event, events.ScenarioFinished):
            _read(event.recorder, findings)
    return findings


def _read(recorder: Any, findings: Findings) -> None:
    for id, interaction in recorder.interactions.items():
        if id in recorder.cases and interaction.response is not None:
            label = recorder.cases[id].value.operation.label
            findings.answers[label, interaction.response.status_code] += 1
    for label, failure, sample in _failed(recorder):
        findings.failures.setdefault(f"{label}: {failure.title}: {failure.message}", sample)


def _failed(recorder: Any) -> Iterator[tuple[str, Failure, str]]:
    for id, checks in recorder.checks.items():
        for check in checks:
            if check.status is Status.FAILURE:
                label = recorder.cases[id].value.operation.label
                yield label, check.failure_info.failure, check.failure_info.code_sample
