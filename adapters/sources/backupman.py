"""Backupman: the body of its webhook.

Reference: heryTz/backupman, webhook_notifier.go and model/backup.go. One event, `backup_report`. What is
"nullable" never is null: texts come empty, times as Go's year 1, lists as null or with one object of
nothing but empty values. A failed dump sends no report at all; `failed` means that an upload failed. A
retried backup sends the same Id with a new status: that is a new event. It sends each report once and
carries a fixed token in `X-Webhook-Token`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, block, spellings
from gateway.spi.foreign import Members
from gateway.spi.source_format import Credential, Decoded, SourceFormat

HEADER = "X-Webhook-Token"
MAX_FILES = 50
"""Files that the summary tells of."""

_OUTCOMES = {"finished": Outcome.OK, "failed": Outcome.FAILED, "pending": Outcome.STARTED}


class Backupman(SourceFormat):
    """Reports of Backupman."""

    name = "backupman"
    title = "Backupman"
    summary = "The webhook notifier of Backupman: one report for each backup and each retry of it."
    schema = "sources/backupman"
    credential = Credential.HEADER
    header = HEADER
    snippet = """\
notifiers:
  webhook:
    enabled: true
    endpoints:
      - name: Tocsin
        url: $url
        token: $key"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without `Event` and an object `Payload`."""
        sent = foreign.read_object(body)
        members = sent.members
        report, kind = foreign.inner(members, "Payload"), foreign.text(members, "Event")
        if kind is None or not report:
            raise foreign.unrecognised("Backupman", "an object with `Event` and `Payload`")
        files = [row for row in foreign.rows(report.get("DriveFiles")) if foreign.text(row, "Id")]
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=foreign.attribute(kind, foreign.MAX_TYPE),
            id=_id(report, files, headers),
            words=_words(report, files),
            time=foreign.moment(report.get("UpdatedAt")) or _created(report),
            subject=foreign.text(report, "Label"),
        )
        return (made,)


def _id(report: Members, files: Sequence[Members], headers: Mapping[str, str]) -> str:
    """Id and Status, what is known of times, and how the uploads stand: all that a new report may change."""
    if not foreign.text(report, "Id"):
        return foreign.fingerprint(headers.get(foreign.RECEIPT, ""), str(report))
    states = [str(row.get(name)) for row in files for name in ("Id", "Status", "CreatedAt", "UpdatedAt")]
    return foreign.fingerprint(*(str(report.get(name)) for name in ("Id", "Status", "UpdatedAt")), *states)


def _created(report: Members) -> str:
    """When the backup was made is when a pending one was reported; of others only the end would do."""
    return foreign.moment(report.get("CreatedAt")) if report.get("Status") == "pending" else ""


def _words(report: Members, files: Sequence[Members]) -> Vocabulary:
    status = foreign.text(report, "Status") or ""
    outcome = _outcome(status, files)
    label = foreign.text(report, "Label")
    word = outcome.value if outcome is Outcome.PARTIAL else status.lower()
    return Vocabulary(
        severity=foreign.SEVERITIES[outcome] if outcome else Severity.NOTICE,
        outcome=outcome,
        title=foreign.attribute(f"Backup {word or 'report'}: {label or 'unnamed'}", MAX_TITLE),
        summary=_summary(files),
        resource=label,
        resources=spellings(label) if label else (),
        job=label,
        task_id=foreign.text(report, "Id"),
    )


def _outcome(status: str, files: Sequence[Members]) -> Outcome | None:
    """What the report says; one that is finished, with a file that failed, is partial."""
    outcome = _OUTCOMES.get(status.lower())
    failed = any(row.get("Status") == "failed" for row in files)
    return Outcome.PARTIAL if outcome is Outcome.OK and failed else outcome


def _summary(files: Sequence[Members]) -> str | None:
    lines = [
        f"{foreign.text(row, 'Label', 'Path') or 'file'} ({foreign.text(row, 'Provider') or 'drive'}): "
        f"{foreign.text(row, 'Status') or 'unknown'}"
        for row in files[:MAX_FILES]
    ]
    return block("\n".join(lines)) or None
