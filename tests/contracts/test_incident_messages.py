"""The thread of an incident in every channel: what went out for a failure, its repeat and its recovery."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gateway.domain.incident import Chapter, Sign, Thread, met
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.message import Message, MessageState
from tests.contracts.test_destinations import KINDS, authority, rig_of
from tests.fakes.golden import assert_golden
from tests.fakes.messages import make_message

__all__ = ["authority"]

OPENED = 1_785_220_000.0
HOUR = 3_600.0
SAME = {"smtp_custom", "smtp_ibm", "sms_ibm"}
"""Kinds that send what another one sends."""
ACKNOWLEDGE = "https://gw.example/acknowledge/token"


def chapters() -> list[Chapter]:
    bad, good = (
        Sign("src-1|vm-7", failing, Severity.ERROR, "Backup of vm-7 failed") for failing in (True, False)
    )
    told: list[Chapter] = []
    for number, (sign, after) in enumerate(((bad, 0.0), (bad, HOUR), (good, 3.2 * HOUR))):
        known = told[-1].incident if told else None
        chapter = met(known, sign, instance_id="inst-1", event_id=f"evt-{number}", at=OPENED + after)
        assert chapter is not None
        told.append(chapter)
    return told


def thread_of(rig_name: str, recipient: str) -> Thread:
    answer = {"slack": "C0123/1503435956.000247", "telegram": "365"}.get(rig_name, "")
    return Thread("evt-0", "sub-1", recipient, "01998b2e-0000-7000-8000-00000000d000", answer, OPENED)


def messages(kind: str, recipient: str) -> list[Message]:
    made = []
    for number, chapter in enumerate(chapters()):
        well = number == 2
        message = make_message(
            delivery_id=f"01998b2e-0000-7000-8000-00000000d00{number}",
            recipient=recipient,
            data={"vm": "vm-7"},
            title="Backup of vm-7 succeeded" if well else "Backup of vm-7 failed",
            summary="All 12 disks were saved." if well else "Disk 3 cannot be read.",
            severity=Severity.INFO if well else Severity.ERROR,
            outcome=Outcome.OK if well else Outcome.FAILED,
            resource="vm-7",
        )
        thread = thread_of(kind, recipient) if number else None
        url = "" if well else ACKNOWLEDGE
        made.append(replace(message, chapter=chapter, thread=thread, acknowledge_url=url))
    return made


@pytest.mark.parametrize("kind", sorted(set(KINDS) - SAME))
async def test_the_thread_of_an_incident(kind, authority):
    sent = []
    async with rig_of(kind, authority) as rig:
        for message in messages(kind, rig.recipient):
            sent.append((await rig.deliver(message)).sent)
    shown = b"\n-- next --\n".join(one.rstrip() for one in sent)
    assert_golden(f"{kind}/incident.txt", re.sub(rb"127\.0\.0\.1:\d+", b"127.0.0.1:PORT", shown) + b"\n")


def test_what_the_messages_say():
    failed, again, well = messages("email", "")
    assert [one.state for one in (failed, again, well)] == [
        MessageState.PROBLEM,
        MessageState.PROBLEM,
        MessageState.RECOVERY,
    ]
    assert failed.summary == "Disk 3 cannot be read."
    assert again.summary == "Disk 3 cannot be read.\n\nFailing for 1 h, 2 failures."
    assert well.summary == "All 12 disks were saved.\n\nRecovered after 3 h 12 min, 2 failures."
    assert {one.thread_key for one in (failed, again, well)} == {"src-1|vm-7"}
    assert ("Acknowledge", ACKNOWLEDGE) in again.links and not well.links
