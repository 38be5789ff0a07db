"""Slack: what a post looks like, its limits, and what Slack's answers mean."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from slack_sdk.models.blocks import Block

from adapters.destinations.slack import PACE, Slack, SlackAddress, SlackConfig
from adapters.destinations.slack.blocks import content, escaped
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.message import Message
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.rendering import colour
from gateway.spi.secret_fields import plain_secrets
from tests.docs.pages import text_of
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.occasions import OCCASIONS
from tests.fakes.slack_rules import problems, shown, texts

HOOK = "/services/T000/B000/XXXX"


@asynccontextmanager
async def posting(tools, authority, host: str, reply: Reply | None = None, path: str = HOOK):
    """An adapter whose host name leads to a sink with a certificate for that name."""
    async with HttpSink(reply, tls=authority.server(host)) as sink:
        yield sink, Slack(SlackConfig(url=f"https://{host}:{sink.port}{path}"), tools)


def failed_backup() -> Message:
    return make_message(
        severity=Severity.ERROR,
        outcome=Outcome.FAILED,
        title="Backup of R&D <db-1> failed",
        summary="Disk full on <!channel>\nsee the log",
        resource="db-1",
        job="nightly",
        links={"Log | all": "https://example.org/log?a=1&b=x|y"},
        data={"size": 1},
    )


def post(message: Message) -> dict:
    return content(message, colour(message))


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_post_is_as_in_the_golden_file(tools, authority, occasion):
    async with posting(tools, authority, "hooks.slack.com") as (sink, slack):
        receipt = await slack.deliver(OCCASIONS[occasion](), SlackAddress())
    (request,) = sink.requests
    assert (request.method, request.target) == ("POST", HOOK)
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert receipt.sent == request.body
    sent = json.loads(request.body)
    assert problems(sent) == []
    assert_golden(f"slack/{occasion}.json", (json.dumps(sent, indent=2, ensure_ascii=False) + "\n").encode())


def test_the_page_shows_what_is_posted():
    page = text_of("destinations/slack.md")
    shown = ("failure", "attachments-recovery")
    assert all(golden(f"slack/{name}.json").decode() in page for name in shown)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(200, body=b"no_service"), Reason.MISCONFIGURED),
        (Reply(200, body=b"<html>captive portal</html>"), Reason.UNEXPECTED),
        (Reply(202, body=b""), None),
        (Reply(200, body=b"ok\n"), None),
        (Reply(429, {"Retry-After": "30"}, b"rate_limited"), Reason.THROTTLED),
        (Reply(404, body=b"no_team"), Reason.MISCONFIGURED),
        (Reply(403, body=b"invalid_token"), Reason.UNAUTHORIZED),
        (Reply(400, body=b"invalid_payload"), Reason.REJECTED),
    ],
)
async def test_slack_itself_is_believed_only_when_it_says_ok(tools, authority, reply, reason):
    async with posting(tools, authority, "hooks.slack.com", reply) as (_, slack):
        if reason is None:
            assert (await slack.deliver(failed_backup(), SlackAddress())).code == reply.status
            return
        with pytest.raises(DeliveryFailed) as failed:
            await slack.deliver(failed_backup(), SlackAddress())
    assert failed.value.reason is reason


@pytest.mark.parametrize("body", [b"", b"true", b'{"ok":true}'])
async def test_any_success_of_a_compatible_host_counts(tools, authority, body):
    async with posting(tools, authority, "chat.example.org", Reply(200, body=body)) as (sink, slack):
        await slack.deliver(failed_backup(), SlackAddress())
    assert len(sink.requests) == 1


async def test_a_wrong_channel_is_told_apart_from_a_bad_message(tools, authority):
    async with posting(tools, authority, "chat.example.org", Reply(404, body=b"?")) as (_, slack):
        with pytest.raises(DeliveryFailed, match="URL or the channel is wrong"):
            await slack.deliver(failed_backup(), SlackAddress(channel="#nowhere"))


async def test_the_subscription_chooses_channel_thread_and_colour(tools, authority):
    async with posting(tools, authority, "hooks.slack.com") as (sink, slack):
        address = SlackAddress(channel="#ops", thread_ts="1.2", attachment_color="#00ff00")
        await slack.deliver(failed_backup(), address)
        await slack.deliver(failed_backup(), SlackAddress())
    chosen, usual = (json.loads(request.body) for request in sink.requests)
    assert (chosen["channel"], chosen["thread_ts"]) == ("#ops", "1.2")
    assert chosen["attachments"][0]["color"] == "#00ff00"
    assert not {"channel", "thread_ts"} & set(usual)


def test_the_colour_is_that_of_the_severity():
    colours = {
        severity: post(make_message(severity=severity))["attachments"][0]["color"] for severity in Severity
    }
    assert colours[Severity.ERROR] == "#E74C3C"
    assert len(set(colours.values())) == len(Severity)


def test_a_host_that_shows_no_blocks_still_shows_title_and_summary():
    assert shown(post(failed_backup())["text"]) == (
        "Backup of R&D <db-1> failed\nDisk full on <!channel>\nsee the log"
    )


def test_a_link_keeps_its_target_and_its_label_cannot_break_out():
    context = post(failed_backup())["attachments"][0]["blocks"][-1]
    assert context["elements"][-1]["text"] == "<https://example.org/log?a=1&amp;b=x%7Cy|Log ¦ all>"


def test_a_long_summary_is_cut_as_ibm_cuts_it():
    sent = post(make_message(title="t", summary="s" * 3001))
    section = sent["attachments"][0]["blocks"][0]["text"]["text"]
    assert len(section) == 3000
    assert section.endswith("s[...]")


@given(st.text(max_size=400), st.integers(10, 60))
def test_escaped_text_keeps_its_limit_and_reads_as_the_text_or_its_beginning(text, limit):
    result = escaped(text, limit)
    assert len(result) <= limit
    read = shown(result)
    assert read == text.replace("@\u200b", "@") or text.replace("@\u200b", "@").startswith(
        read.removesuffix("[...]").rstrip("\u200b")
    )


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4000),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8000),
    st.text(max_size=3000),
)
def test_no_event_makes_a_post_that_slack_refuses(title, summary, resource):
    sent = post(make_message(title=title, summary=summary, resource=resource, job="&" * 5000))
    assert problems(json.loads(json.dumps(sent))) == []


def test_the_texts_of_all_blocks_together_stay_below_what_slack_takes():
    long = "x" * 20_000
    links = {f"{number}": f"https://example.org/{'y' * 1_500}" for number in range(20)}
    message = make_message(
        title=long, summary=long, resource=long, job=long, actor=long, task_id=long, links=links
    )
    sent = post(message)
    blocks = [*sent["blocks"], *sent["attachments"][0]["blocks"]]
    assert sum(len(text["text"]) for text in texts(blocks)) <= 12_000


def test_the_whole_url_is_the_secret():
    config = SlackConfig(url="https://hooks.slack.com/services/T/B/s3cret")
    assert plain_secrets(config) == {"url": "https://hooks.slack.com/services/T/B/s3cret"}
    assert "hooks.slack.com" not in f"{config!r}{config.shown()}"
    again = SlackConfig.model_validate(config.shown(), context={"stored": plain_secrets(config)})
    assert again == config


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (SlackConfig, {"url": "ftp://example.org/s3cret"}),
        (SlackConfig, {"url": "https://example.org/s3cret", "type": "direct_message"}),
        (SlackConfig, {"type": "incoming_webhook", "token": "s3cret"}),
        (SlackConfig, {"url": "https://example.org/s3cret", "token": "x"}),
        (SlackConfig, {"token": "s3cret\r\nx: y"}),
        (SlackConfig, {"token": "x", "api_url": "https://slack.com/api?s3cret"}),
        (SlackConfig, {}),
        (SlackAddress, {"channel": "#a", "channels": ["C1"]}),
        (SlackAddress, {"channels": ["C1", "C2"], "thread_ts": "1.2"}),
        (SlackAddress, {"channels": [{"id": "C1", "operation": "x"}]}),
        (SlackAddress, {"channels": ["a b"]}),
        (SlackAddress, {"channels": "C1"}),
        (SlackAddress, {"thread_ts": "yesterday"}),
        (SlackAddress, {"attachment_color": "red; s3cret"}),
        (SlackAddress, {"attachment_color": "#12345"}),
        (SlackAddress, {"channel": "#a\nb"}),
    ],
)
def test_settings_that_cannot_work_are_refused(model, given):
    with pytest.raises(ValidationError) as refused:
        model.model_validate(given)
    assert "s3cret" not in str(refused.value) or model is SlackAddress


def test_plain_http_is_taken_with_a_warning():
    assert SlackConfig(url="http://chat.example.org/hook").warnings()
    assert not SlackConfig(url="https://chat.example.org/hook").warnings()


@pytest.mark.parametrize(
    ("given", "pace"),
    [
        ({"url": f"https://hooks.slack.com{HOOK}"}, PACE),
        ({"url": f"https://hooks.slack-gov.com{HOOK}"}, PACE),
        ({"token": "xoxb-1"}, PACE),
        ({"token": "xoxb-1", "api_url": "https://slack-gov.com/api/"}, PACE),
        ({"url": "https://chat.example.org/hooks/1"}, None),
    ],
)
def test_slacks_rate_is_kept_for_slacks_own_hosts_only(tools, given, pace):
    assert Slack(SlackConfig.model_validate(given), tools).pace == pace


@given(st.text(max_size=4000), st.text(max_size=8000), st.text(max_size=3000))
def test_slacks_own_models_take_every_block(title, summary, resource):
    links = {title: "https://example.org/?a=1&b=<2>", "Log": "https://example.org/é|x"}
    sent = post(make_message(title=title, summary=summary, resource=resource, links=links))
    for block in [*sent["blocks"], *sent["attachments"][0]["blocks"]]:
        parsed = Block.parse(block)
        parsed.validate_json()
        assert parsed.to_dict() == block
