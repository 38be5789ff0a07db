"""The demo's chat is as strict as Slack."""

from __future__ import annotations

import pytest

from gateway.cli.demo import slack_limits


def text(value: str) -> dict:
    return {"type": "mrkdwn", "text": value}


def test_a_message_within_the_limits_is_taken():
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150}},
        {"type": "section", "text": text("x" * 3000)},
        {"type": "section", "fields": [text("x" * 2000)] * 10},
        {"type": "context", "elements": [text("x")] * 10},
    ]
    assert (
        slack_limits.faults({"text": "x", "blocks": blocks[:1], "attachments": [{"blocks": blocks[1:]}]})
        == []
    )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}},
        {"type": "header", "text": text("markup in a header")},
        {"type": "section", "text": text("")},
        {"type": "section", "fields": [text("x")] * 11},
        {"type": "section", "fields": [text("x" * 2001)]},
        {"type": "context", "elements": []},
        {"type": "marquee"},
    ],
)
def test_a_block_over_the_limits_is_refused(block):
    assert slack_limits.faults({"text": "x", "blocks": [block]})


def test_a_message_without_text_or_with_too_many_blocks_is_refused():
    block = {"type": "section", "text": text("x")}
    assert slack_limits.faults({"blocks": [block]}) == ["no_text"]
    assert slack_limits.faults({"text": "x", "blocks": [block] * 51}) == ["51 blocks"]
