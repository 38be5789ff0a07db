"""DBackup: the body of its generic webhook.

Reference: Skyfay/DBackup, generic-webhook.ts and notifications/types.ts.
Seventeen event ids and `test`; `eventType` and `fields` are absent when empty, and then the title says what
it is about. Job, size and duration stand in `fields` only, as text. `timestamp` is the time of sending, so
a reminder is a new event. A user's own payload template may leave anything out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, block, outcome_of_type, spellings
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

KINDS: Mapping[str, tuple[Severity, Outcome | None]] = {
    "user_login": (Severity.INFO, None),
    "user_created": (Severity.INFO, None),
    "backup_success": (Severity.INFO, Outcome.OK),
    "backup_partial": (Severity.WARNING, Outcome.PARTIAL),
    "backup_failure": (Severity.ERROR, Outcome.FAILED),
    "restore_complete": (Severity.INFO, Outcome.OK),
    "restore_failure": (Severity.ERROR, Outcome.FAILED),
    "config_backup": (Severity.INFO, Outcome.OK),
    "system_error": (Severity.ERROR, Outcome.FAILED),
    "storage_usage_spike": (Severity.WARNING, Outcome.WARNING),
    "storage_limit_warning": (Severity.WARNING, Outcome.WARNING),
    "storage_missing_backup": (Severity.ERROR, Outcome.MISSED),
    "update_available": (Severity.NOTICE, None),
    "connection_offline": (Severity.ERROR, Outcome.FAILED),
    "connection_online": (Severity.INFO, Outcome.OK),
    "db_version_changed": (Severity.NOTICE, None),
    "integrity_check_failure": (Severity.CRITICAL, Outcome.CORRUPT),
    "test": (Severity.INFO, None),
}
"""Severity and outcome of every event id."""

UNTOLD = "notification"
"""The type of a body that says in no way what it is about."""

_TITLES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"Backup Success", "backup_success"),
        (r"Backup Partial", "backup_partial"),
        (r"Backup Failed", "backup_failure"),
        (r"Restore Completed", "restore_complete"),
        (r"Restore Failed", "restore_failure"),
        (r"Missing Backup", "storage_missing_backup"),
        (r"Integrity Check Failed", "integrity_check_failure"),
        (r".{0,100} Offline\Z", "connection_offline"),
        (r".{0,100} Recovered\Z", "connection_online"),
    )
]
_of_job = re.compile(r"Backup \w+: (.+)").fullmatch
_RESOURCES = ("source", "target db", "database", "destination", "storage")


class DBackup(SourceFormat):
    """Bodies of DBackup's generic webhook."""

    name = "dbackup"
    title = "DBackup"
    summary = "The generic webhook channel of DBackup, for jobs and for system events."
    schema = "sources/dbackup"
    credential = Credential.KEY
    snippet = """\
Notifications > Add channel > Generic Webhook
  Webhook URL:          $url
  Method:               POST
  Content-Type:         application/json
  Authorization header: Bearer $key
  Payload template:     (leave empty)"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without title, message and event id."""
        sent = foreign.read_object(body)
        data, members = sent
        title = foreign.text(members, "title")
        if not (title or foreign.prose(members, "message") or foreign.text(members, "eventType")):
            raise foreign.unrecognised("DBackup", "an object with `title` and `message`")
        kind = foreign.text(members, "eventType") or _told_by(title or "")
        told = foreign.moment(members.get("timestamp"))
        words = _words(kind, title, members)
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=foreign.attribute(kind, foreign.MAX_TYPE),
            id=foreign.digest(data, "" if told else headers.get(foreign.RECEIPT, "")),
            words=words,
            time=told,
            subject=words.job or words.resource,
        )
        return (made,)


def _told_by(title: str) -> str:
    return next((kind for pattern, kind in _TITLES if pattern.match(title)), UNTOLD)


def _words(kind: str, title: str | None, members: Members) -> Vocabulary:
    fields = _fields(members)
    severity, outcome = KINDS.get(kind, (None, outcome_of_type(kind)))
    if severity is None and isinstance(success := members.get("success"), bool):
        severity = Severity.INFO if success else Severity.ERROR
        outcome = outcome or (Outcome.OK if success else Outcome.FAILED)
    job = _of_job(title or "")
    resource = foreign.text(fields, *_RESOURCES)
    return Vocabulary(
        severity=severity,
        outcome=outcome,
        title=foreign.attribute(title, MAX_TITLE) if title else None,
        summary=_summary(members, fields),
        resource=resource,
        resources=spellings(resource) if resource else (),
        job=foreign.text(fields, "job") or (foreign.attribute(job[1]) if job else None),
        actor=foreign.text(fields, "user", "created by"),
    )


def _fields(members: Members) -> Members:
    """The values of `fields` by the lower-case names that people read."""
    named = [(foreign.text(row, "name"), row.get("value")) for row in foreign.rows(members.get("fields"))]
    return {name.lower(): value for name, value in named if name}


def _summary(members: Members, fields: Members) -> str | None:
    """The message, and the error if it does not tell it."""
    message, error = foreign.prose(members, "message") or "", foreign.prose(fields, "error") or ""
    return block(message if error in message else f"{message}\n{error}") or None
