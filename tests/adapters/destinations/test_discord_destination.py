"""Discord: what an embed looks like, its limits, where it goes, and what answers tell."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.discord import (
    Discord,
    DiscordAddress,
    DiscordConfig,
    embed,
    escaped,
    post,
    told_pace,
)
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import Pace
from gateway.spi.secret_fields import plain_secrets
from gateway.spi.transport import Headers, HttpAnswer
from tests.docs.pages import text_of
from tests.fakes.discord_rules import limited, problems, shown
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.occasions import OCCASIONS

HOOK = "/api/webhooks/1131/token"
MADE = b'{"id": "1400000000000000001"}'


def rate(limit: str, remaining: str, seconds: str) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": remaining,
        "X-RateLimit-Reset-After": seconds,
    }


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_post_is_as_in_the_golden_file(tools, occasion):
    async with HttpSink(Reply(body=MADE)) as sink:
        discord = Discord(DiscordConfig(url=sink.url(HOOK)), tools)
        receipt = await discord.deliver(OCCASIONS[occasion](), DiscordAddress())
    (request,) = sink.requests
    assert (request.method, request.target) == ("POST", f"{HOOK}?wait=true")
    assert request.headers["user-agent"].startswith("DiscordBot (https://")
    assert receipt.vendor_id == "1400000000000000001"
    pretty = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"discord/{occasion}.json", pretty.encode())
    assert problems(json.loads(request.body)) == []


def test_the_page_shows_a_failure_and_a_recovery_as_they_are_sent():
    page = text_of("destinations/discord.md")
    assert all(golden(f"discord/{name}.json").decode() in page for name in ("failure", "recovery"))


async def test_a_thread_is_named_in_the_query_and_a_new_one_in_the_body(tools):
    async with HttpSink(Reply(body=MADE)) as sink:
        discord = Discord(DiscordConfig(url=sink.url(f"{HOOK}?with_components=true")), tools)
        await discord.deliver(make_message(), DiscordAddress(thread_id="42", username="Backups"))
        await discord.deliver(make_message(), DiscordAddress(thread_name="Backups of today"))
    first, second = sink.requests
    assert first.target == f"{HOOK}?with_components=true&wait=true&thread_id=42"
    assert second.target == f"{HOOK}?with_components=true&wait=true"
    assert json.loads(first.body)["username"] == "Backups"
    assert json.loads(second.body)["thread_name"] == "Backups of today"
    assert not {"thread_name", "username"} & set(post(make_message(), DiscordAddress()))


async def test_the_rate_that_answers_tell_becomes_the_pace(tools):
    async with HttpSink(Reply(headers=rate("5", "4", "1.97"), body=MADE)) as sink:
        discord = Discord(DiscordConfig(url=sink.url(HOOK)), tools)
        assert discord.pace is None
        await discord.deliver(make_message(), DiscordAddress())
        assert discord.pace == Pace(5, 2.0)
        sink.usual = Reply(headers=rate("5", "2", "0.4"), body=MADE)
        await discord.deliver(make_message(), DiscordAddress())
        assert discord.pace == Pace(5, 2.0), "in the middle of a period nobody says how long it is"


@pytest.mark.parametrize(
    "told",
    [
        {},
        rate("x", "4", "1"),
        rate("5", "4", "-1"),
        rate("0", "-1", "1"),
        rate("inf", "inf", "1"),
        rate("5", "4", "nan"),
        rate("5", "4", "1e9"),
    ],
)
def test_what_is_no_rate_is_passed_over(told):
    fields = [(name.encode(), value.encode()) for name, value in told.items()]
    assert told_pace(HttpAnswer(200, headers=Headers(fields))) is None


def test_the_colour_is_that_of_the_severity_as_a_number():
    assert embed(make_message(severity=Severity.ERROR))["color"] == 0xE74C3C
    assert embed(make_message(outcome=Outcome.OK))["color"] == 0x2ECC71


def test_nobody_is_pinged():
    hostile = make_message(title="@everyone", summary="<@1> <@&2> <#3> <t:0:R> @here")
    sent = post(hostile, DiscordAddress())
    assert sent["allowed_mentions"] == {"parse": []}
    assert sent["embeds"][0]["description"] == r"\<@1> \<@&2> \<#3> \<t:0:R> @here"


def test_facts_are_fields_and_the_type_stands_in_the_footer():
    made = embed(make_message(title="t", job="nightly", severity=Severity.ERROR))
    assert {"name": "Job", "value": "nightly", "inline": True} in made["fields"]
    assert made["footer"] == {"text": "com.example.backup.failed"}
    assert made["timestamp"] == "2026-07-28T10:11:12+00:00"
    assert not {"Type", "Time"} & {field["name"] for field in made["fields"]}


def test_an_embed_over_every_limit_is_cut_facts_first():
    long = "x_" * 20_000
    links = {f"{number}": f"https://example.org/{'y' * 450}" for number in range(20)}
    message = make_message(
        title=long, summary=long, resource=long, job=long, actor=long, task_id=long, links=links
    )
    made = embed(message)
    assert sum(len(text) for text, _ in limited(made)) <= 6000
    assert len(made["description"]) <= 4096
    assert made["description"].count("](https://example.org/") == 4
    assert r"\[...\]" in made["description"]
    assert all(field["value"] for field in made["fields"])


@pytest.mark.parametrize(
    "text", ["# a", "1. a", "- a", "> a", "**a**", "__a__", "~~a~~", "||a||", "`a`", "[a](b)", "\\*a", "<@1>"]
)
def test_no_markdown_comes_of_a_text(text):
    assert escaped(text) != text
    assert shown(escaped(text)) == text


@given(
    st.text(max_size=2000),
    st.text(max_size=9000),
    st.text(max_size=3000),
    st.dictionaries(
        st.text(max_size=90), st.sampled_from(["https://example.org/(a)\\", "http://b"]), max_size=9
    ),
)
def test_no_event_makes_a_post_that_discord_refuses(title, summary, resource, links):
    sent = post(make_message(title=title, summary=summary, resource=resource, links=links), DiscordAddress())
    assert problems(json.loads(json.dumps(sent))) == []


def test_the_whole_url_is_the_secret():
    config = DiscordConfig(url=f"https://discord.com{HOOK}")
    assert set(plain_secrets(config)) == {"url"}
    assert not config.warnings()
    assert DiscordConfig(url=f"http://chat.example.org{HOOK}").warnings()


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (DiscordConfig, {"url": f"https://discord.com{HOOK}/slack"}),
        (DiscordConfig, {"url": f"https://discord.com{HOOK}/github?wait=true"}),
        (DiscordConfig, {"url": "discord.com/s3cret"}),
        (DiscordAddress, {"thread_id": "general"}),
        (DiscordAddress, {"thread_id": "1", "thread_name": "x"}),
        (DiscordAddress, {"username": "x" * 81}),
    ],
)
def test_settings_that_cannot_work_are_refused(model, given):
    with pytest.raises(ValidationError) as refused:
        model.model_validate(given)
    assert "s3cret" not in str(refused.value) and HOOK not in str(refused.value)
