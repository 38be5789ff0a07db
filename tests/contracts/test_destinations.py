"""What every kind of destination has to keep, built in or not: one suite over all that discovery finds.

Each kind talks to a real server on loopback through the real transport and the egress guard; how is in
`rigs/`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
from traceback import format_exception

import pytest
from pydantic import ValidationError

from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi import discovery
from gateway.spi.destination import MASK, MAX_ATTEMPT_SECONDS
from gateway.spi.outcome import MAX_SENT, DeliveryFailed, Reason, Receipt
from gateway.spi.secret_fields import open_settings, plain_secrets, secret_fields, with_secrets
from tests.contracts.destination_profiles import RIGS
from tests.contracts.rigs.rig import EVERY_KIND_JUDGES, Rig
from tests.fakes.certificates import Authority
from tests.fakes.messages import DELIVERY_ID, make_message

KINDS = sorted(discovery.destinations())
CASES = [(kind, case) for kind in KINDS if kind in RIGS for case in RIGS[kind].cases]
GOES_ON = [case for case in CASES if case[1] != "unreachable" and not case[1].startswith("silent_")]
"""Cases after which the same server can be talked to again; of the silent ones the hardest is enough."""

SHORT = 1.0
"""Seconds, where the timeout itself is what is tested."""

OF_THE_SINKS = {"mail.log", "aiohttp.access"}
"""Loggers of the servers, which may say what they get."""

SCALARS = {"string", "integer", "number", "boolean", "null"}

HOSTILE = {
    "quotes": 'it\'s "quoted" \\ and `ticked`',
    "markup": "<script>alert(1)</script> <b>bold</b> &amp; &lt; <!channel> <@U1> <https://evil.example|click>",
    "broadcast": "@channel @here @everyone @all",
    "right_to_left": "نسخ احتياطي فشل \u202egnp.exe",
    "emoji": "🚨 👩‍👩‍👧‍👦 ❌",
    "line_separators": "one\u2028two\u2029three\x85four\x0bfive\r\nsix",
    "headers": "x\r\nBcc: everyone@example.org\r\n\r\nbody",
    "dots": ".\r\n.\r\nQUIT",
    "encoded_word": "=?utf-8?q?not_an_encoded_word?=",
    "nul": "a\x00b\x01c\x7fd",
    "template": "{{event.secret}} ${jndi:ldap://x} %s %n {0}",
    "blank": " \t ",
    "format_marks": "\u200b\ufeff\u2066\u2069",
}


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def rig_of(kind: str, authority: Authority, timeout: float = 10.0, networks: str = "127.0.0.0/8") -> Rig:
    return RIGS[kind](discovery.destinations()[kind], authority, timeout, networks)


@pytest.fixture(params=KINDS)
async def rig(request, authority):
    async with rig_of(request.param, authority) as rig:
        yield rig


def message_to(rig: Rig, **given):
    """A message whose event's data repeats title and summary, for kinds that forward only the event."""
    texts = {name: given[name] for name in ("title", "summary") if name in given}
    return make_message(recipient=rig.recipient, **{"data": texts, **given})


# Self-description


def test_every_kind_has_a_rig():
    assert set(KINDS) <= set(RIGS), "write a Rig in tests/contracts/rigs/"


@pytest.mark.parametrize("kind", KINDS)
def test_the_rig_of_a_kind_tries_all_that_every_kind_has_to_judge(kind):
    assert set(RIGS[kind].cases) >= EVERY_KIND_JUDGES


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_says_what_it_is(kind):
    adapter = discovery.destinations()[kind]
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,31}", adapter.kind)
    assert adapter.title
    assert adapter.summary.endswith(".")
    assert "Reference" in (inspect.getmodule(adapter).__doc__ or "")
    assert 0 < adapter.timeout <= MAX_ATTEMPT_SECONDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", ["Config", "Address"])
def test_every_setting_is_flat_and_has_a_title_and_a_description(kind, part):
    schema = getattr(discovery.destinations()[kind], part).model_json_schema()
    assert schema["additionalProperties"] is False
    for name, declared in schema.get("properties", {}).items():
        assert declared.get("title"), name
        assert declared.get("description", "").endswith("."), name
        assert _is_flat(declared), name


def _is_flat(declared) -> bool:
    if "anyOf" in declared:
        return all(map(_is_flat, declared["anyOf"]))
    if declared["type"] == "array":
        return _is_flat(declared["items"])
    if declared["type"] == "object":
        return declared["additionalProperties"]["type"] in SCALARS
    return declared["type"] in SCALARS


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_named_like_a_secret_is_one(kind):
    adapter = discovery.destinations()[kind]
    named = {name for name in adapter.Config.model_fields if re.search("password|token|secret|_key", name)}
    assert named <= secret_fields(adapter.Config)
    assert not secret_fields(adapter.Address)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_setting_is_refused_without_repeating_its_value(kind):
    adapter = discovery.destinations()[kind]
    with pytest.raises(ValidationError) as refused:
        adapter.Config.model_validate({"no_such_setting": "s3cret"})
    assert "s3cret" not in str(refused.value)


async def test_settings_survive_being_taken_apart_and_put_together_again(rig):
    config = rig.adapter.config
    apart = open_settings(config), plain_secrets(config)
    assert type(config).model_validate(with_secrets(*apart)) == config
    assert not [secret for secret in rig.secrets if secret in str(apart[0])]


async def test_shown_settings_hold_no_secret_and_given_back_change_nothing(rig):
    config = rig.adapter.config
    shown = config.shown()
    assert not [secret for secret in rig.secrets if secret in str(shown)]
    assert (MASK in str(shown)) == bool(plain_secrets(config))
    assert type(config).model_validate(shown, context={"stored": plain_secrets(config)}) == config


# Success


async def test_a_message_arrives_once_with_its_title_and_text(rig):
    receipt = await rig.deliver(message_to(rig, title="Backup of db-1 failed", summary="The disk is full."))
    assert isinstance(receipt, Receipt)
    assert rig.is_success(receipt.code)
    assert rig.tries == 1
    assert "Backup of db-1 failed" in rig.said().title
    assert "The disk is full." in rig.said().text


async def test_a_receipt_keeps_what_was_sent_without_secrets(rig):
    receipt = await rig.deliver(message_to(rig, title="Backup failed", summary=" ".join(rig.secrets)))
    assert b"failed" in receipt.sent
    assert len(receipt.sent) <= MAX_SENT
    if not rig.recipient:  # a mail's text is the event's own, in an encoding that no secret shows through
        assert not [secret for secret in rig.secrets if secret.encode() in receipt.sent]


async def test_every_try_carries_the_same_id_and_different_deliveries_different_ones(rig):
    for delivery_id in (DELIVERY_ID, DELIVERY_ID, DELIVERY_ID.replace("d001", "d002")):
        title = f"Backup failed ({delivery_id})"
        await rig.deliver(message_to(rig, delivery_id=delivery_id, title=title))
    first, second, other = rig.ids
    assert first == second != other


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.FAILED, None])
async def test_every_severity_and_outcome_can_be_said(rig, severity, outcome):
    message = message_to(
        rig,
        title="Said",
        severity=severity,
        outcome=outcome,
        resource="db-1",
        job="nightly",
        actor="root",
        task_id="7",
        links={"Log": "https://example.org/log?a=1&b=<2>", "Bad": "javascript:alert(1)"},
    )
    await rig.deliver(message)
    assert "javascript" not in rig.said().text


async def test_an_event_that_says_nothing_but_its_type_can_be_said(rig):
    await rig.deliver(make_message(recipient=rig.recipient))
    assert rig.tries == 1
    rig.said()


# Hostile text


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_arrives_as_text(rig, name):
    text = HOSTILE[name]
    await rig.deliver(
        message_to(
            rig,
            title=text,
            summary=text,
            resource=text,
            job=text,
            attributes={"subject": "x"},
            links={text: "https://example.org/"},
        )
    )
    said = rig.said()
    assert len(said.title.splitlines()) <= 1
    for word in re.findall(r"[A-Za-z0-9]{3,}", text):
        assert word in said.text


async def test_text_over_every_limit_is_cut_and_delivered(rig):
    await rig.deliver(
        message_to(
            rig,
            title="T" * 50_000,
            summary="<&>" * 33_000,
            data={},
            **dict.fromkeys(("resource", "job", "actor", "task_id"), "&<" * 5_000),
            links={
                "L" * 5_000: "https://example.org/" + "a" * 1_900,
                "M": "https://example.org/" + "b" * 50_000,
            },
        )
    )
    rig.said()


# Failure


@pytest.mark.parametrize(("kind", "case"), CASES)
async def test_the_far_end_is_judged(kind, case, authority):
    expected = RIGS[kind].cases[case]
    timeout = SHORT if "silent" in case else 10.0
    async with rig_of(kind, authority, timeout) as rig:
        await rig.act(case)
        with pytest.raises(DeliveryFailed) as failed:
            await rig.deliver(message_to(rig, title="Backup failed"))
        assert (failed.value.reason, failed.value.retry_after) == (expected.reason, expected.retry_after)
        assert failed.value.detail
        assert b"failed" in failed.value.sent
        assert rig.tries == (0 if case == "unreachable" else 1), "an adapter tries once"


@pytest.mark.parametrize(("kind", "case"), GOES_ON)
async def test_after_a_failure_the_next_delivery_succeeds(kind, case, authority):
    async with rig_of(kind, authority, SHORT if "silent" in case else 10.0) as rig:
        await rig.act(case)
        with pytest.raises(DeliveryFailed):
            await rig.deliver(message_to(rig, title="First"))
        rig.recover()
        await rig.deliver(message_to(rig, title="Second"))
        assert "Second" in rig.said().title


@pytest.mark.parametrize("kind", KINDS)
async def test_an_address_that_the_guard_refuses_is_blocked(kind, authority):
    async with rig_of(kind, authority, networks="") as rig:
        with pytest.raises(DeliveryFailed) as failed:
            await rig.deliver(message_to(rig, title="x"))
    assert failed.value.reason is Reason.BLOCKED_ADDRESS
    assert "TOCSIN_ALLOW_NETWORKS" in failed.value.detail
    assert rig.tries == 0


async def test_no_secret_is_seen_in_errors_logs_or_what_is_kept(rig, caplog):
    caplog.set_level(logging.DEBUG)
    rig.echo(" ".join(rig.secrets))
    with pytest.raises(DeliveryFailed) as failed:
        await rig.deliver(message_to(rig, title="x"))
    failure = failed.value
    logged = [record.getMessage() for record in caplog.records if record.name not in OF_THE_SINKS]
    traceback = "".join(format_exception(failure))
    seen = f"{failure!r} {failure.detail} {failure.excerpt} {failure.sent!r} {logged} {traceback}"
    seen += f"{rig.adapter!r} {rig.adapter.config!r} {rig.adapter.config} {vars(rig.adapter.config)}"
    assert rig.tries == 1
    assert not [secret for secret in rig.secrets if secret in seen]


async def test_a_cancelled_delivery_leaves_nothing_behind(rig):
    await rig.act("silent")
    delivering = asyncio.create_task(rig.deliver(message_to(rig, title="First")))
    await rig.reached()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    rig.recover()
    for title in ("Second", "Third"):
        await rig.deliver(message_to(rig, title=title))
        assert title in rig.said().title


async def test_twenty_deliveries_at_once_all_arrive(rig):
    sending = [
        rig.deliver(message_to(rig, title=f"Title {number}", delivery_id=f"{DELIVERY_ID[:-2]}{number}"))
        for number in range(10, 30)
    ]
    await asyncio.gather(*sending)
    assert len(set(rig.ids)) == 20


async def test_a_closed_destination_delivers_nothing(rig):
    await rig.deliver(message_to(rig, title="Before"))
    before = len(rig.ids)
    await rig.adapter.close()
    with pytest.raises(DeliveryFailed) as failed:
        await rig.deliver(message_to(rig, title="After"))
    assert failed.value.reason is Reason.UNAVAILABLE
    assert len(rig.ids) == before


@pytest.mark.parametrize("kind", KINDS)
def test_recipients_are_many_or_the_empty_one(kind):
    adapter = discovery.destinations()[kind]
    address = adapter.Address.model_validate(RIGS[kind].address)
    recipients = adapter.recipients(address)
    assert recipients
    assert len(set(recipients)) == len(recipients)
    assert (recipients == ("",)) == (RIGS[kind].recipient == "")
