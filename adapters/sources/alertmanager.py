"""Prometheus Alertmanager: its webhook, version 4; IBM Storage Defender and Cohesity send nearly the same.

Reference: prometheus.io/docs/alerting/latest/configuration, webhook_config (facts: destinations 17, 41). A
message holds a group of alerts; each becomes an event whose data is the same message with that alert alone,
so that nothing is lost. Alertmanager repeats a group as long as it fires: an alert is new when it begins
and when it is resolved, and a repeat in between is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gateway.domain.errors import Invalid
from gateway.domain.severity import Severity, from_word
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, spellings, web_address
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

MAX_ALERTS = 1000
MAX_WRITTEN = 4 * 1024 * 1024
"""Bytes of all the events that one message may become: what a group has in common stands in each of them."""

_LINKS = {"Runbook": "runbook_url", "Dashboard": "dashboard_url", "Help": "help"}


class Alertmanager(SourceFormat):
    """Alerts of Prometheus."""

    name = "alertmanager"
    title = "Prometheus Alertmanager"
    summary = "The webhook receiver of Alertmanager; each alert of a group becomes an event of its own."
    schema = "sources/alertmanager"
    credential = Credential.KEY
    snippet = """\
receivers:
  - name: tocsin
    webhook_configs:
      - url: $url
        send_resolved: true
        http_config:
          authorization:
            type: Bearer
            credentials: $key"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event for each alert. Raises Malformed, and Invalid for more than a message may hold."""
        sent = foreign.read_object(body)
        data, members = sent
        alerts = foreign.rows(members.get("alerts"))
        if not alerts:
            raise foreign.unrecognised("Alertmanager", "an object with a list `alerts` that is not empty")
        rest = {name: value for name, value in members.items() if name != "alerts"}
        if len(alerts) > MAX_ALERTS or len(data) + len(alerts) * len(orjson.dumps(rest)) > MAX_WRITTEN:
            raise Invalid(
                "payload_too_large",
                "this message would become too many or too large events",
                pointer="/alerts",
                expected=f"at most {MAX_ALERTS} alerts, and {MAX_WRITTEN} bytes of events",
            )
        made = [self._event(rest, alert, headers, source) for alert in alerts]
        return list({one.event.id: one for one in made}.values())

    def _event(
        self, group: Members, alert: Members, headers: Mapping[str, str], source: Source | None
    ) -> Decoded:
        status = foreign.text(alert, "status") or foreign.text(group, "status") or "firing"
        labels = {**foreign.inner(group, "commonLabels"), **foreign.inner(alert, "labels")}
        notes = {**foreign.inner(group, "commonAnnotations"), **foreign.inner(alert, "annotations")}
        words = _words(status, labels, notes, alert, group)
        alone: dict[str, Json] = {**group, "alerts": [dict(alert)]}
        begun = foreign.moment(alert.get("startsAt"))
        return foreign.event_of(
            self.name,
            source,
            foreign.Body(orjson.dumps(alone), alone),
            type=f"alert.{'resolved' if status == 'resolved' else 'firing'}",
            id=_id(status, alert, headers if not begun else {}),
            words=words,
            time=(foreign.moment(alert.get("endsAt")) if status == "resolved" else "") or begun,
            subject=foreign.text(labels, "alertname") or words.resource,
        )


def _id(status: str, alert: Members, headers: Mapping[str, str]) -> str:
    """One for the beginning and one for the end of each run of an alert."""
    labels = orjson.dumps(alert.get("labels"), option=orjson.OPT_SORT_KEYS).decode()
    who = foreign.text(alert, "fingerprint") or labels
    return foreign.fingerprint(
        who, status == "resolved", str(alert.get("startsAt")), headers.get(foreign.RECEIPT, "")
    )


def _words(status: str, labels: Members, notes: Members, alert: Members, group: Members) -> Vocabulary:
    name = foreign.text(labels, "alertname") or "Alert"
    title = foreign.text(notes, "summary", "title") or name
    resource = foreign.text(labels, "object_name", "instance", "node", "host", "pod")
    links = {label: url for label, key in _LINKS.items() if (url := web_address(notes.get(key)))}
    for label, address in (("Source", alert.get("generatorURL")), ("Alertmanager", group.get("externalURL"))):
        if found := web_address(address):
            links[label] = found
    return Vocabulary(
        severity=_severity(foreign.text(labels, "severity") or ""),
        outcome=Outcome.OK if status == "resolved" else Outcome.FAILED,
        title=foreign.attribute(f"Resolved: {title}" if status == "resolved" else title, MAX_TITLE),
        summary=foreign.prose(notes, "description", "message", "cause"),
        resource=resource,
        resources=spellings(resource) if resource else (),
        job=foreign.text(labels, "job_name"),
        links=links,
    )


def _severity(word: str) -> Severity:
    """The label `severity`, where there is one; `page` is what Prometheus' own examples wake people with."""
    return Severity.CRITICAL if word.lower() == "page" else from_word(word) or Severity.WARNING
