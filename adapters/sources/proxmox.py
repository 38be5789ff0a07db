"""Proxmox VE and Proxmox Backup Server: webhook targets with the body that we ship for them.

Reference: pve-docs notifications.adoc, proxmox-backup notifications.rst (facts: destinations 35). The body
of such a target is the user's own template; the one in the snippet below carries everything a notification
has. Severity is info, notice, warning, error or unknown; `timestamp` is in seconds; the type stands in
`fields` (vzdump, gc, prune, sync, verification, ...), `job-id` only for scheduled jobs. Proxmox sends each
notification once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.severity import Severity, from_word
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, spellings
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

UNTYPED = "notification"

_JOBS = frozenset(
    ("vzdump", "replication", "gc", "prune", "sync", "verification", "verify", "tape-backup", "acme")
)
"""Types that tell how a job ended; of the others (package-updates, fencing, system-mail) nothing ended."""


class Proxmox(SourceFormat):
    """Notifications of Proxmox VE and Proxmox Backup Server."""

    name = "proxmox"
    title = "Proxmox VE and Proxmox Backup Server"
    summary = "Webhook notification targets of Proxmox, with the body of the snippet."
    schema = "sources/proxmox"
    credential = Credential.KEY
    snippet = """\
Datacenter (or Configuration) > Notifications > Add > Webhook
  Method/URL: POST $url
  Headers:    Authorization: Bearer {{ secrets.token }}
              Content-Type: application/json
  Body:       {"title":"{{ escape title }}","message":"{{ escape message }}","severity":"{{ severity }}",
               "timestamp":{{ timestamp }},"fields":{{ json fields }}}
  Secrets:    token = $key"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without title, message and severity."""
        sent = foreign.read_object(body)
        data, members = sent
        if not (foreign.prose(members, "title", "message") and foreign.text(members, "severity")):
            raise foreign.unrecognised("Proxmox", "an object with `title`, `message` and `severity`")
        fields, told = foreign.inner(members, "fields"), foreign.moment(members.get("timestamp"))
        kind = foreign.text(fields, "type") or UNTYPED
        words = _words(kind, fields, members)
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=foreign.attribute(kind, foreign.MAX_TYPE),
            id=foreign.digest(data, "" if told else headers.get(foreign.RECEIPT, "")),
            words=words,
            time=told,
            subject=words.resource or words.job,
        )
        return (made,)


def _words(kind: str, fields: Members, members: Members) -> Vocabulary:
    severity = from_word(foreign.text(members, "severity") or "") or Severity.NOTICE
    resource = foreign.text(fields, "datastore", "media-pool", "hostname")
    title = foreign.text(members, "title") or foreign.text(members, "message") or ""
    return Vocabulary(
        severity=severity,
        outcome=_outcome(kind, severity),
        title=foreign.attribute(title, MAX_TITLE),
        summary=foreign.prose(members, "message"),
        resource=resource,
        resources=spellings(resource) if resource else (),
        job=foreign.text(fields, "job-id"),
    )


def _outcome(kind: str, severity: Severity) -> Outcome | None:
    if severity >= Severity.ERROR:
        return Outcome.FAILED
    if kind not in _JOBS:
        return None
    return Outcome.WARNING if severity is Severity.WARNING else Outcome.OK
