"""Mattermost, Rocket.Chat and other hosts that take Slack's webhooks: what they get, and what they answer."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.attachments import Attachment, AttachmentField

from adapters.destinations.slack import Slack, SlackAddress, SlackConfig
from adapters.destinations.slack.attachments import content, inert
from gateway.spi.outcome import DeliveryFailed, Reason
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.occasions import OCCASIONS, failure

COLOUR = "#E74C3C"
LINK = re.compile(r"<(?P<url>https?://[^\s<>|()\[\]]+)\|(?P<label>[^<>|\[\]]+)>")


def problems(post: dict) -> list[str]:
    """What these hosts would make markup of, and what is longer than Rocket.Chat takes of a text."""
    (attachment,) = post["attachments"]
    texts = [post["text"], attachment["fallback"], attachment["text"], attachment["footer"]]
    texts += [field["value"] for field in attachment["fields"]]
    found = [f"{len(text)} characters" for text in texts if len(text) > 5000]
    found += ["no text"] * (not post["text"])
    for text in map(plain, texts):
        if re.search(r"(?<!\w)@\w|<[^\s\u200b]|\][(\[:]", text) or ("<" in text and "|" in text):
            found.append(f"markup: {text[:200]}")
    return found


def plain(text: str) -> str:
    return LINK.sub("", text)


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_host_without_blocks_gets_an_attachment_as_in_the_golden_file(tools, occasion):
    async with HttpSink() as sink:
        slack = Slack(SlackConfig(url=sink.url("/hooks/1/2")), tools)
        await slack.deliver(OCCASIONS[occasion](), SlackAddress(channel="backups", thread_ts="1.2"))
    sent = json.loads(sink.requests[0].body)
    assert problems(sent) == []
    pretty = json.dumps(sent, indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"slack/attachments-{occasion}.json", pretty.encode())


@pytest.mark.parametrize(("format", "blocks"), [("blocks", True), ("attachments", False), ("auto", False)])
async def test_the_format_can_be_chosen(tools, format, blocks):
    async with HttpSink() as sink:
        slack = Slack(SlackConfig(url=sink.url("/hooks/1"), format=format), tools)
        await slack.deliver(failure(), SlackAddress())
    assert ("blocks" in json.loads(sink.requests[0].body)) is blocks


@given(st.text(max_size=4000), st.text(max_size=9000), st.text(max_size=3000), st.text(max_size=99))
def test_slacks_own_model_takes_every_attachment_and_nothing_in_it_is_markup(title, summary, resource, label):
    links = {label: "https://example.org/(a)[b]?x=1|2", "Log": "https://example.org/"}
    sent = content(make_message(title=title, summary=summary, resource=resource, links=links), COLOUR)
    assert problems(json.loads(json.dumps(sent))) == []
    (given_one,) = sent["attachments"]
    fields = [AttachmentField(**field) for field in given_one["fields"]]
    attachment = Attachment(**{**given_one, "fields": fields})
    attachment.validate_json()
    assert {name: attachment.to_dict()[name] for name in given_one} == given_one


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("@all and ops@example.com", "@\u200ball and ops@example.com"),
        ("<!channel> <https://evil|x>", "<\u200b!channel> <\u200bhttps://evil¦x>"),
        (
            "[a](https://evil) [b][1] [1]: https://evil",
            "[a]\u200b(https://evil) [b]\u200b[1] [1]\u200b: https://evil",
        ),
        ("web | Score: 71/100 | 3 < 4", "web ¦ Score: 71/100 ¦ 3 < 4"),
        ("web | Score: 71/100", "web | Score: 71/100"),
    ],
)
def test_what_would_be_markup_is_taken_apart(hostile, shown):
    assert inert(hostile, 200) == shown


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, {"id": "web.incoming_webhook.channel.app_error", "status_code": 404}, Reason.MISCONFIGURED),
        (403, {"id": "web.incoming_webhook.channel_locked.app_error"}, Reason.MISCONFIGURED),
        (400, {"id": "web.incoming_webhook.invalid.app_error"}, Reason.MISCONFIGURED),
        (501, {"id": "web.incoming_webhook.disabled.app_error"}, Reason.MISCONFIGURED),
        (400, {"id": "web.incoming_webhook.text.app_error"}, Reason.REJECTED),
        (400, {"success": False, "error": "invalid-channel"}, Reason.MISCONFIGURED),
        (400, {"success": False, "error": "error-message-size-exceeded"}, Reason.REJECTED),
        (200, {"success": False, "error": "invalid-channel"}, Reason.MISCONFIGURED),
        (200, {"success": False}, Reason.REJECTED),
        (
            400,
            {"error": "overriding destination channel is disabled for this integration"},
            Reason.MISCONFIGURED,
        ),
        (503, {"success": False, "error": "Service Unavailable"}, Reason.UNAVAILABLE),
        (429, {"success": False, "error": "error-too-many-requests"}, Reason.THROTTLED),
    ],
)
async def test_their_own_errors_are_understood(tools, status, body, reason):
    async with HttpSink(Reply(status, body=json.dumps(body).encode())) as sink:
        slack = Slack(SlackConfig(url=sink.url("/hooks/1")), tools)
        with pytest.raises(DeliveryFailed) as failed:
            await slack.deliver(failure(), SlackAddress())
    assert failed.value.reason is reason


@pytest.mark.parametrize("body", [b"ok", b'{"success": true}', b"", b"[]"])
async def test_their_successes_count(tools, body):
    async with HttpSink(Reply(200, body=body)) as sink:
        await Slack(SlackConfig(url=sink.url("/hooks/1")), tools).deliver(failure(), SlackAddress())
    assert len(sink.requests) == 1
