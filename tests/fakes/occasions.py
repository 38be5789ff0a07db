"""The occasions of which a golden file shows what a receiver gets: a failure, a recovery, an event that
means harm, an event with next to nothing in it, a digest, and a failure like those that were suppressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.message import Message
from tests.fakes.digests import digest, repeated
from tests.fakes.messages import make_message

PUBLIC_URL = "https://tocsin.example.com"


def failure() -> Message:
    made = make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        title="Backup of db-1 failed",
        summary="The disk of vault-2 is full.\n12 of 40 GB were written.",
        resource="db-1",
        job="nightly",
        task_id="7f3a",
        links={"Log": "https://backup.example.com/jobs/7f3a?tab=log&line=1"},
        data={"task": "7f3a", "written_gb": 12, "error": "ENOSPC"},
    )
    return replace(made, public_url=PUBLIC_URL)


def recovery() -> Message:
    made = make_message(
        severity=Severity.INFO,
        outcome=Outcome.OK,
        title="Backup of db-1 succeeded",
        summary="40 GB in 12 minutes, after 2 failures.",
        resource="db-1",
        job="nightly",
        attributes={"type": "com.example.backup.succeeded"},
    )
    return replace(made, public_url=PUBLIC_URL)


def hostile() -> Message:
    return make_message(
        severity=Severity.CRITICAL,
        outcome=Outcome.FAILED,
        title="@everyone <!channel> **R&D** <b>db-1</b> \u202egnp.exe\r\n# x",
        summary="<@U1> <at>all</at> [click](https://evil.example) `x` \\ _a_ ||b||\n> quote\n1. {{x}}\x00",
        resource='"; DROP <script>alert(1)</script>',
        job="&lt;&amp;",
        links={"](https://evil.example) | all": "https://example.org/a_(b)?x=1&y=2"},
        data={"<at>": ["\u202e", "]("]},
    )


def bare() -> Message:
    return make_message(attributes={"time": None, "type": "x"})


OCCASIONS: Mapping[str, Callable[[], Message]] = {
    "failure": failure,
    "recovery": recovery,
    "hostile": hostile,
    "bare": bare,
    "digest": digest,
    "repeated": lambda: repeated(failure()),
}
