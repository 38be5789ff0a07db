"""Four messages that the golden files of every kind of alert are made from."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from tests.fakes.digests import digest, repeated
from tests.fakes.messages import make_message

PUBLIC_URL = "https://gateway.example.com"

FAILURE = replace(
    make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        title="Backup of db-1 failed",
        summary="Disk full: 0 bytes of 2 TB are left.\nThe last good backup is of yesterday.",
        resource="db-1",
        job="nightly",
        task_id="42",
        links={"Log": "https://backup.example.org/log?task=42&page=1"},
        data={"size": 1_048_576, "exit_code": 12, "reason": "disk full"},
    ),
    public_url=PUBLIC_URL,
)
SUCCESS = replace(
    make_message(
        severity=Severity.INFO,
        outcome=Outcome.OK,
        title="Backup of db-1 succeeded",
        summary="12 GB in 4 minutes.",
        resource="db-1",
        job="nightly",
        task_id="43",
        attributes={"type": "com.example.backup.completed"},
    ),
    public_url=PUBLIC_URL,
)
HOSTILE = make_message(
    severity=Severity.CRITICAL,
    outcome=Outcome.CORRUPT,
    title='R&D\'s "db" <!channel> **bold**\u2028\u202eexe.gpj \ud800',
    summary="<script>alert(1)</script> ![x](https://evil.example)\n[click](javascript:alert(1)) @all \x00😈",
    resource="db\r\nBcc: everyone@example.org",
    links={"Log](https://evil.example) [": "https://backup.example.org/a_(b)", "Bad": "javascript:alert(1)"},
    data={"text": "\u202e`tick`"},
)
BARE = make_message(attributes={"time": None})

ALL = {
    "failure": FAILURE,
    "success": SUCCESS,
    "hostile": HOSTILE,
    "bare": BARE,
    "digest": digest(),
    "repeated": repeated(FAILURE),
}
