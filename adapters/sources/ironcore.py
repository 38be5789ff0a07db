"""Ironcore Backup Solution: the standard body of its webhooks, and the shorter one of its template sample.

Reference: the product's page on notifications. It names 24 kinds of
events in words; only `backup.failed` and the prefixes `sync.` and `verify.` are printed as types, so the
other names are ours in its manner. A type that is not in the table below passes as it is. The template
leaves out `event_id`: then the id follows from task, type and time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

KINDS: Mapping[str, tuple[Severity, Outcome | None]] = {
    "backup.started": (Severity.INFO, Outcome.STARTED),
    "backup.completed": (Severity.INFO, Outcome.OK),
    "backup.failed": (Severity.ERROR, Outcome.FAILED),
    "backup.warning": (Severity.WARNING, Outcome.WARNING),
    "restore.started": (Severity.INFO, Outcome.STARTED),
    "restore.completed": (Severity.INFO, Outcome.OK),
    "restore.failed": (Severity.ERROR, Outcome.FAILED),
    "sync.started": (Severity.INFO, Outcome.STARTED),
    "sync.completed": (Severity.INFO, Outcome.OK),
    "sync.failed": (Severity.ERROR, Outcome.FAILED),
    "sync.integrity-error": (Severity.CRITICAL, Outcome.CORRUPT),
    "verify.completed": (Severity.INFO, Outcome.OK),
    "verify.failed": (Severity.ERROR, Outcome.FAILED),
    "datastore.free-space": (Severity.WARNING, Outcome.WARNING),
    "datastore.status-changed": (Severity.WARNING, None),
    "auth.login-failed": (Severity.WARNING, Outcome.FAILED),
    "auth.mfa-lockout": (Severity.WARNING, Outcome.FAILED),
    "auth.token-created": (Severity.NOTICE, None),
    "config.permission-granted": (Severity.NOTICE, None),
    "config.role-created": (Severity.NOTICE, None),
    "config.key-rotated": (Severity.NOTICE, None),
    "system.service-started": (Severity.INFO, None),
    "system.service-stopped": (Severity.WARNING, None),
    "system.certificate-renewed": (Severity.INFO, None),
    "prune.completed": (Severity.NOTICE, Outcome.OK),
    "verify.stale": (Severity.WARNING, Outcome.WARNING),
}
"""Severity, where a body has none, and outcome of every kind: the 24 and two more."""

_corrupt = re.compile(r"\bCORRUPT(?:ED)?\b").search


class Ironcore(SourceFormat):
    """Bodies of Ironcore's webhook targets."""

    name = "ironcore"
    title = "Ironcore Backup Solution"
    summary = "Webhook targets of Ironcore, with the standard body or the template of seven fields."
    schema = "sources/ironcore"
    credential = Credential.KEY
    snippet = """\
Notifications > Targets > Add Webhook
  URL:     $url
  Method:  POST
  Headers: Authorization: Bearer $key
  Body:    the standard payload (leave the template empty)"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without a type."""
        sent = foreign.read_object(body)
        members = sent.members
        kind = foreign.text(members, "type")
        if kind is None:
            raise foreign.unrecognised("Ironcore", "an object with `type`, such as backup.failed")
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=foreign.attribute(kind, foreign.MAX_TYPE),
            id=foreign.text(members, "event_id") or _synthesised(members, headers),
            words=Vocabulary(),
            time=foreign.moment(members.get("timestamp")),
            subject=foreign.text(members, "resource"),
        )
        return (made._replace(vocabulary=_words(made)),)


def _synthesised(members: Members, headers: Mapping[str, str]) -> str:
    """The id of a body that has none: a retry sends the same task, type and time again."""
    parts = [members.get(name) for name in ("task_id", "type", "timestamp", "subject", "resource")]
    occurrence = "" if foreign.moment(members.get("timestamp")) else headers.get(foreign.RECEIPT, "")
    return foreign.fingerprint(*map(str, parts), occurrence)


def _words(made: Decoded) -> Vocabulary:
    """The payload's members carry the names of the vocabulary; what they leave open follows from the kind."""
    words = meaning(made.event, made.payload)
    severity, outcome = KINDS.get(made.event.type, (None, words.outcome))
    told = f"{words.title or ''} {words.summary or ''}"
    if made.event.type.startswith("verify.") and _corrupt(told):
        severity, outcome = Severity.CRITICAL, Outcome.CORRUPT
    return replace(words, severity=words.severity or severity, outcome=outcome)
