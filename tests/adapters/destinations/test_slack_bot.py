"""Slack by a bot's token: chat.postMessage, to channels and members, in a thread that is named."""

from __future__ import annotations

import json

import pytest

from adapters.destinations.slack import Slack, SlackAddress, SlackConfig
from adapters.destinations.slack.answers import _BY_CODE
from gateway.domain.vocabulary import Outcome
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.secret_fields import plain_secrets
from tests.contracts.test_incident_messages import messages
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import DELIVERY_ID, make_message
from tests.fakes.occasions import failure
from tests.fakes.slack_rules import problems

TOKEN = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy"
SENT = Reply(200, body=b'{"ok": true, "channel": "C0123", "ts": "1503435956.000247", "message": {}}')


def bot(sink: HttpSink, tools) -> Slack:
    return Slack(SlackConfig(token=TOKEN, api_url=sink.url("/api")), tools)


def test_a_token_alone_makes_it_a_bot():
    config = SlackConfig(token=TOKEN)
    assert config.type == "direct_message"
    assert config.target == "https://slack.com/api/chat.postMessage"
    assert config.endpoints() == (("slack.com", 443),)
    assert plain_secrets(config) == {"token": TOKEN}
    assert set(config.shown()) == {"type", "token", "format", "api_url"}
    again = SlackConfig.model_validate(config.shown(), context={"stored": plain_secrets(config)})
    assert again == config


async def test_a_message_is_posted_with_the_token_to_the_channel(tools):
    async with HttpSink(SENT) as sink:
        receipt = await bot(sink, tools).deliver(failure(), SlackAddress(channel="#ops"))
    (request,) = sink.requests
    assert (request.method, request.target) == ("POST", "/api/chat.postMessage")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    post = json.loads(request.body)
    assert problems(post) == []
    assert (post["channel"], post["unfurl_links"], "thread_ts" in post) == ("#ops", False, False)
    assert post["blocks"][0]["text"]["text"] == "Backup of db-1 failed"
    assert receipt.vendor_id == "C0123/1503435956.000247"
    assert TOKEN.encode() not in receipt.sent


async def test_programs_in_the_workspace_can_tell_which_messages_belong_together(tools):
    async with HttpSink(SENT) as sink:
        for outcome in (Outcome.FAILED, Outcome.OK):
            message = make_message(resource="db-1", outcome=outcome)
            await bot(sink, tools).deliver(message, SlackAddress(channel="C1"))
    told = [json.loads(request.body)["metadata"]["event_payload"] for request in sink.requests]
    assert {one["thread_key"] for one in told} == {"src-1|db-1"}
    assert {one["delivery_id"] for one in told} == {DELIVERY_ID}
    assert [one["resolves"] for one in told] == [False, True]


async def test_a_message_goes_under_the_one_that_is_named(tools):
    async with HttpSink(SENT) as sink:
        address = SlackAddress(channels=["C0123"], thread_ts="1503435956.000247")
        await bot(sink, tools).deliver(make_message(recipient="C0123"), address)
    post = json.loads(sink.requests[0].body)
    assert (post["channel"], post["thread_ts"]) == ("C0123", "1503435956.000247")


def test_each_of_ibms_channels_gets_a_delivery_of_its_own():
    address = SlackAddress(channels=[{"id": "C1"}, "U2", {"id": "C1"}])
    assert Slack.recipients(address) == ("C1", "U2")
    assert address.model_dump(mode="json")["channels"] == [{"id": "C1"}, {"id": "U2"}, {"id": "C1"}]
    assert Slack.recipients(SlackAddress(channel="C1")) == ("",)


async def test_a_bot_without_a_channel_says_what_is_missing(tools):
    async with HttpSink(SENT) as sink:
        with pytest.raises(DeliveryFailed, match="name one in the subscription") as failed:
            await bot(sink, tools).deliver(failure(), SlackAddress())
    assert failed.value.reason is Reason.MISCONFIGURED
    assert not sink.requests


@pytest.mark.parametrize("error", [*_BY_CODE, "an_error_of_tomorrow"])
async def test_an_error_in_an_answer_of_200_is_one(tools, error):
    async with HttpSink(Reply(200, body=json.dumps({"ok": False, "error": error}).encode())) as sink:
        with pytest.raises(DeliveryFailed) as failed:
            await bot(sink, tools).deliver(failure(), SlackAddress(channel="C1"))
    assert failed.value.reason is _BY_CODE.get(error, Reason.UNEXPECTED)
    assert error in failed.value.detail
    assert len(sink.requests) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("ratelimited", Reason.THROTTLED),
        ("internal_error", Reason.UNAVAILABLE),
        ("invalid_auth", Reason.UNAUTHORIZED),
        ("not_in_channel", Reason.MISCONFIGURED),
        ("msg_too_long", Reason.REJECTED),
    ],
)
def test_errors_mean_what_the_page_says(error, reason):
    assert _BY_CODE[error] is reason


@pytest.mark.parametrize(
    ("reply", "reason", "words", "pause"),
    [
        (Reply(429, {"Retry-After": "30"}, b'{"ok":false}'), Reason.THROTTLED, "429", 30.0),
        (Reply(200, body=b"<html>captive portal</html>"), Reason.UNEXPECTED, "not as Slack does", None),
        (Reply(200, body=b'{"ok": "true"}'), Reason.UNEXPECTED, "not as Slack does", None),
        (
            Reply(200, body=b'{"ok":false,"error":"missing_scope","needed":"chat:write"}'),
            Reason.UNAUTHORIZED,
            "needs chat:write",
            None,
        ),
        (Reply(500), Reason.UNAVAILABLE, "500", None),
    ],
)
async def test_what_slack_says_beside_errors_is_kept(tools, reply, reason, words, pause):
    async with HttpSink(reply) as sink:
        with pytest.raises(DeliveryFailed, match=words) as failed:
            await bot(sink, tools).deliver(failure(), SlackAddress(channel="C1"))
    assert (failed.value.reason, failed.value.retry_after) == (reason, pause)


async def test_what_follows_a_failure_stands_below_its_first_message(tools):
    """Recovery and reminders are said in the channel too: there somebody sees them."""
    async with HttpSink(SENT) as sink:
        adapter = bot(sink, tools)
        for message in messages("slack", ""):
            receipt = await adapter.deliver(message, SlackAddress(channel="#ops"))
        named = SlackAddress(channel="#ops", thread_ts="1500000000.000001")
        await adapter.deliver(messages("slack", "")[1], named)
        posts = [json.loads(one.body) for one in sink.requests]
    assert receipt.vendor_id == "C0123/1503435956.000247"
    assert [one.get("thread_ts") for one in posts] == [
        None,
        "1503435956.000247",
        "1503435956.000247",
        "1500000000.000001",
    ]
    assert [one.get("reply_broadcast", False) for one in posts] == [False, False, True, False]
    assert [list(problems(one)) for one in posts] == [[]] * 4
