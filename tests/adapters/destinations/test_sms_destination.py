"""SMS: what Twilio gets, what its answers mean, and which callbacks are believed."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import SecretStr, ValidationError

from adapters.destinations.sms import BuiltInConfig, Sms, SmsConfig, SmsIbm
from adapters.destinations.sms.settings import SmsAddress
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.callback import Callback, CallbackRefused
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import DROP, Reply
from tests.fakes.messages import DELIVERY_ID, make_message
from tests.fakes.twilio_api import (
    ACCOUNT,
    FROM,
    FROM_ERRORS,
    KEY,
    KEY_SECRET,
    SERVICE,
    TO,
    TO_ERRORS,
    TOKEN,
    TwilioApi,
    error,
    segment_count,
    signature,
)

PUBLIC = "https://gw.example"
CALLBACK = f"{PUBLIC}/callbacks/dest-1/{DELIVERY_ID}"


@asynccontextmanager
async def account(tools, **settings):
    async with TwilioApi() as api:
        usual = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": FROM, "base_url": api.url("")}
        given = {name: value for name, value in {**usual, **settings}.items() if value is not None}
        yield api, Sms(SmsConfig(**given), tools)


def message(*, recipient=TO, **given):
    made = make_message(recipient=recipient, **given)
    return replace(made, public_url=PUBLIC, destination_id="dest-1")


MESSAGES = {
    "failure": {
        "severity": Severity.ERROR,
        "outcome": Outcome.FAILED,
        "title": "Backup of db-1 failed",
        "summary": "The disk is full – “/var” has 0 bytes left…",
        "resource": "db-1",
    },
    "recovery": {
        "severity": Severity.INFO,
        "outcome": Outcome.OK,
        "title": "Backup of db-1 is back",
        "summary": "12 GiB in 4 min.",
    },
    "hostile": {
        "severity": Severity.CRITICAL,
        "title": "🚨 نسخ \u202egnp.exe\r\nTo: +15550001111\x00",
        "summary": "<b>%0d%0a</b>&Body=x " * 50,
    },
    "bare": {},
}


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_is_as_in_the_golden_file(tools, name):
    async with account(tools) as (api, sms):
        receipt = await sms.deliver(message(**MESSAGES[name]), SmsAddress())
    (form,) = api.messages
    assert (receipt.code, receipt.detail, receipt.vendor_id) == (201, "queued", form.pop("sid"))
    assert receipt.sent.decode() == form["Body"]
    assert_golden(f"sms/{name}.json", (json.dumps(form, indent=2, ensure_ascii=False) + "\n").encode())


async def test_an_api_key_logs_in_and_a_service_sends(tools):
    given = {"auth_token": None, "key_sid": KEY, "key_secret": KEY_SECRET}
    async with account(tools, **given, from_number="", messaging_service_sid=SERVICE) as (api, sms):
        receipt = await sms.deliver(message(), SmsAddress())
    (form,) = api.messages
    assert form["MessagingServiceSid"] == SERVICE
    assert "From" not in form
    assert "StatusCallback" not in form, "nothing could prove a callback"
    assert receipt.detail == "accepted"


async def test_without_a_public_address_no_callback_is_asked_for(tools):
    async with account(tools) as (api, sms):
        await sms.deliver(make_message(recipient=TO), SmsAddress())
    assert "StatusCallback" not in api.messages[0]


@pytest.mark.parametrize("segments", [1, 3, 10])
async def test_what_is_longer_than_its_segments_is_cut_and_keeps_the_link(tools, segments):
    async with account(tools, max_segments=segments) as (api, sms):
        await sms.deliver(message(title="T" * 40, summary="€" * 5000), SmsAddress())
    body = api.messages[0]["Body"]
    assert segment_count(body) == segments
    assert body.endswith(message().event_url)
    assert "..." in body


@pytest.mark.parametrize("number", TO_ERRORS)
async def test_a_number_that_cannot_be_reached_says_nothing_of_the_others(tools, number):
    async with account(tools) as (_, sms):
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(recipient=number), SmsAddress())
    assert (failed.value.reason, failed.value.recipient_only) == (Reason.REJECTED, True)
    assert str(TO_ERRORS[number][0]) in failed.value.detail
    assert failed.value.status == 400


@pytest.mark.parametrize("number", FROM_ERRORS)
async def test_a_sender_that_may_not_send_is_about_the_destination(tools, number):
    async with account(tools, from_number=number) as (_, sms):
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(), SmsAddress())
    wanted = Reason.THROTTLED if number == "+15005550008" else Reason.MISCONFIGURED
    assert (failed.value.reason, failed.value.recipient_only) == (wanted, False)


async def test_wrong_credentials_are_told_without_them(tools):
    async with account(tools, auth_token="wr0ng-t0ken") as (_, sms):
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(), SmsAddress())
    assert failed.value.reason is Reason.UNAUTHORIZED
    assert "20003" in failed.value.detail
    assert "wr0ng" not in failed.value.detail + failed.value.excerpt


@pytest.mark.parametrize("reply", [DROP, Reply(500), Reply(502), Reply(201, body=b"ok")])
@pytest.mark.parametrize(("setting", "final"), [("drop", True), ("retry", False)])
async def test_what_may_have_been_sent_is_sent_again_only_if_asked_for(tools, reply, setting, final):
    async with account(tools, on_ambiguous=setting) as (api, sms):
        api.usual = reply
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(), SmsAddress())
        assert len(api.requests) == 1, "the SDK repeats nothing by itself"
    assert (failed.value.reason, failed.value.final) == (Reason.AMBIGUOUS, final)


async def test_what_was_surely_not_sent_is_tried_again(tools):
    async with account(tools) as (api, sms):
        api.usual = error(429, 20429, "Too Many Requests")
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(), SmsAddress())
        assert not failed.value.final
    async with account(tools) as (api, sms):
        await api.stop_listening()
        with pytest.raises(DeliveryFailed) as failed:
            await sms.deliver(message(), SmsAddress())
    assert (failed.value.reason, failed.value.final) == (Reason.UNAVAILABLE, False)


async def test_a_test_to_what_is_no_number_reaches_nobody(tools):
    async with account(tools) as (api, sms):
        with pytest.raises(DeliveryFailed, match=r"E\.164"):
            await sms.deliver(message(recipient="ops@example.org"), SmsAddress())
    assert api.requests == []


async def test_the_sdk_reads_no_environment(tools, monkeypatch):
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    async with account(tools) as (api, sms):
        await sms.deliver(message(), SmsAddress())
    assert len(api.messages) == 1


# Settings


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"account_sid": "AC1"}, "account_sid"),
        ({"auth_token": None}, "auth_token, or key_sid and key_secret"),
        ({"key_sid": KEY}, "belong together"),
        ({"from_number": ""}, "one of them"),
        ({"messaging_service_sid": SERVICE}, "one of them"),
        ({"from_number": "0171 123"}, "from_number"),
        ({"max_segments": 11}, "max_segments"),
        ({"base_url": "https://api.twilio.com/2010"}, "no path"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, fault):
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": FROM, **settings}
    with pytest.raises(ValidationError, match=fault):
        SmsConfig(**{name: value for name, value in given.items() if value is not None})


@pytest.mark.parametrize("sender", ["+4930123456", "12345", "Tocsin 1"])
def test_a_sender_is_a_number_a_short_code_or_a_name(sender):
    assert SmsConfig(account_sid=ACCOUNT, auth_token=TOKEN, from_number=sender).from_number == sender


@pytest.mark.parametrize(
    "number", ["", "4930123456", "+0301234567", "+49 30 123456", "+1234567890123456", "+49x"]
)
def test_a_number_that_is_not_e164_is_refused_at_its_place(number):
    with pytest.raises(ValidationError) as refused:
        SmsAddress(invited=[TO, number])
    (fault,) = refused.value.errors()
    assert fault["loc"] == ("invited", 1)


def test_who_unsubscribed_gets_nothing():
    address = SmsAddress(invited=[TO, FROM], subscribed=[FROM, "+4930123456"], unsubscribed=[TO])
    assert Sms.recipients(address) == (FROM, "+4930123456")


# Callbacks

FORM = {"AccountSid": ACCOUNT, "MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"}


def callback(form=FORM, *, url=CALLBACK, token=TOKEN, signed=None, **headers) -> Callback:
    seal = signature(token, url, signed or form)
    return Callback(CALLBACK, {"x-twilio-signature": seal, **headers}, form, b"", 1_785_233_472.0)


async def test_a_signed_callback_is_a_receipt(tools):
    async with account(tools) as (_, sms):
        receipt = sms.receipt_of(callback())
        plain = sms.receipt_of(callback({**FORM, "MessageStatus": "delivered", "ErrorCode": ""}))
    assert (receipt.status, receipt.code, receipt.vendor_id) == ("undelivered", "30003", "SM1")
    assert "cannot be reached" in receipt.detail
    assert (plain.status, plain.code, plain.detail) == ("delivered", "", "")


@pytest.mark.parametrize(
    "forged",
    [
        callback(token="another"),
        callback(url=CALLBACK.replace("dest-1", "dest-2")),
        callback(signed={**FORM, "MessageStatus": "delivered"}),
        callback({**FORM, "AccountSid": "AC" + "f" * 32}),
        callback({"AccountSid": ACCOUNT, "MessageSid": "SM1"}),
        Callback(CALLBACK, {}, FORM, b"", 0.0),
    ],
    ids=["token", "url", "form", "account", "no_status", "no_signature"],
)
async def test_a_callback_that_is_not_genuine_is_refused(tools, forged):
    async with account(tools) as (_, sms):
        with pytest.raises(CallbackRefused):
            sms.receipt_of(forged)


async def test_without_the_token_every_callback_is_refused(tools):
    async with account(tools, auth_token=None, key_sid=KEY, key_secret=KEY_SECRET) as (_, sms):
        with pytest.raises(CallbackRefused, match="auth_token"):
            sms.receipt_of(callback())


# The operator's account


def operated(tools, url) -> SmsIbm:
    return SmsIbm(BuiltInConfig(), replace(tools, sms_url=SecretStr(url) if url is not None else None))


async def test_the_operators_account_sends_as_an_account_of_ones_own(tools):
    async with TwilioApi() as api:
        sms = operated(
            tools, f"twilio://{ACCOUNT}:{TOKEN}@?from={FROM}&max_segments=1&base_url={api.url('')}"
        )
        receipt = await sms.deliver(message(title="T" * 100, summary="S" * 100), SmsAddress(invited=[TO]))
    (form,) = api.messages
    assert (form["From"], form["To"], form["StatusCallback"]) == (FROM, TO, CALLBACK)
    assert segment_count(form["Body"]) == 1
    assert receipt.vendor_id == form["sid"]
    assert sms.receipt_of(callback()).status == "undelivered"
    with pytest.raises(CallbackRefused):
        sms.receipt_of(callback(token="another"))


@pytest.mark.parametrize("url", [None, "", f"twilio://{ACCOUNT}:s3cret@", "s3cret"])
async def test_without_a_usable_account_it_says_what_to_set(tools, url):
    sms = operated(tools, url)
    with pytest.raises(DeliveryFailed) as failed:
        await sms.deliver(message(), SmsAddress())
    assert failed.value.reason is Reason.MISCONFIGURED
    assert "TOCSIN_SMS_URL" in failed.value.detail
    assert "s3cret" not in failed.value.detail
    with pytest.raises(CallbackRefused):
        sms.receipt_of(callback())
    assert SmsIbm.fault(sms.tools) == ("" if url is None else failed.value.detail)


def test_the_built_in_destination_cannot_be_created():
    assert not SmsIbm.creatable
