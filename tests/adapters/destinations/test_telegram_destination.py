"""Telegram: what a message looks like, its length, where it goes, and what is done about a refusal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.telegram import PER_CHAT, PER_GROUP, Telegram, TelegramAddress, TelegramConfig
from adapters.destinations.telegram.text import HTML, MAX_TEXT, PLAIN, text, units
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.secret_fields import plain_secrets
from tests.docs.pages import text_of
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import NEVER, HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.occasions import OCCASIONS, failure
from tests.fakes.telegram_rules import read

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
SENT = Reply(200, body=b'{"ok": true, "result": {"message_id": 365}}')


def refusal(description: str, **parameters) -> Reply:
    answer = {"ok": False, "error_code": 400, "description": description, "parameters": parameters}
    return Reply(400, body=json.dumps(answer).encode())


UNREADABLE = refusal("Bad Request: can't parse entities: Can't find end tag corresponding to start tag b")
MOVED = refusal("Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001234)


def telegram(sink: HttpSink, tools, chat_id: str = "-42") -> Telegram:
    base = sink.url("/").rstrip("/")
    return Telegram(TelegramConfig(token=TOKEN, chat_id=chat_id, base_url=base), tools)


def contents(sink: HttpSink) -> list[dict]:
    return [json.loads(request.body) for request in sink.requests]


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_message_is_as_in_the_golden_file(tools, occasion):
    async with HttpSink(SENT) as sink:
        receipt = await telegram(sink, tools).deliver(OCCASIONS[occasion](), TelegramAddress())
    (request,) = sink.requests
    assert (request.method, request.target) == ("POST", f"/bot{TOKEN}/sendMessage")
    assert (receipt.vendor_id, receipt.detail) == ("365", "")
    assert read(json.loads(request.body)).problems == []
    pretty = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"telegram/{occasion}.json", pretty.encode())


def test_the_page_shows_a_failure_and_a_recovery_as_they_are_sent():
    page = text_of("destinations/telegram.md")
    for name in ("failure", "recovery"):
        assert f"{json.loads(golden(f'telegram/{name}.json'))['text']}\n" in page


async def test_what_telegram_cannot_read_is_sent_again_as_plain_text_at_once(tools):
    async with HttpSink(SENT) as sink:
        sink.answer(UNREADABLE)
        receipt = await telegram(sink, tools).deliver(failure(), TelegramAddress(message_thread_id=7))
    first, second = contents(sink)
    assert first["parse_mode"] == "HTML" and "parse_mode" not in second
    assert second["text"] == text(failure(), PLAIN)
    assert {**first, "text": "", "parse_mode": ""} == {**second, "text": "", "parse_mode": ""}
    assert "plain text" in receipt.detail
    assert receipt.sent == sink.requests[-1].body


async def test_plain_text_that_is_refused_too_is_refused(tools):
    async with HttpSink(UNREADABLE) as sink:
        with pytest.raises(DeliveryFailed) as failed:
            await telegram(sink, tools).deliver(failure(), TelegramAddress())
    assert failed.value.reason is Reason.REJECTED
    assert len(sink.requests) == 2


async def test_a_group_that_became_a_supergroup_is_followed_and_remembered(tools):
    async with HttpSink(SENT) as sink:
        sink.answer(MOVED)
        adapter = telegram(sink, tools)
        receipt = await adapter.deliver(failure(), TelegramAddress())
        await adapter.deliver(failure(), TelegramAddress())
        await adapter.deliver(failure(), TelegramAddress(chat_id="-43"))
    assert [content["chat_id"] for content in contents(sink)] == ["-42", "-1001234", "-1001234", "-43"]
    assert "set chat_id to -1001234" in receipt.detail


async def test_both_corrections_fit_in_one_try_and_no_more(tools):
    async with HttpSink(SENT) as sink:
        sink.answer(MOVED, UNREADABLE)
        receipt = await telegram(sink, tools).deliver(failure(), TelegramAddress())
        assert len(sink.requests) == 3 and "; " in receipt.detail
        sink.answer(
            *(refusal("upgraded to a supergroup", migrate_to_chat_id=-number) for number in range(1, 9))
        )
        with pytest.raises(DeliveryFailed) as failed:
            await telegram(sink, tools).deliver(failure(), TelegramAddress())
    assert len(sink.requests) == 6
    assert failed.value.reason is Reason.MISCONFIGURED


async def test_a_correction_that_gets_no_answer_is_ambiguous(tools):
    class Impatient(Telegram):
        timeout = 0.5

    async with HttpSink(NEVER) as sink:
        sink.answer(UNREADABLE)
        config = telegram(sink, tools).config
        with pytest.raises(DeliveryFailed) as failed:
            await Impatient(config, tools).deliver(failure(), TelegramAddress())
    assert failed.value.reason is Reason.AMBIGUOUS


@pytest.mark.parametrize(
    ("severity", "notify", "silent"),
    [
        (Severity.INFO, "auto", True),
        (Severity.NOTICE, "auto", True),
        (Severity.WARNING, "auto", False),
        (Severity.CRITICAL, "auto", False),
        (Severity.CRITICAL, "never", True),
        (Severity.INFO, "always", False),
    ],
)
async def test_what_is_not_urgent_makes_no_sound(tools, severity, notify, silent):
    async with HttpSink(SENT) as sink:
        await telegram(sink, tools).deliver(make_message(severity=severity), TelegramAddress(notify=notify))
    (content,) = contents(sink)
    assert content["disable_notification"] is silent
    assert content["link_preview_options"] == {"is_disabled": True}
    assert "message_thread_id" not in content


def test_the_mark_tells_the_severity():
    marks = [text(make_message(title="t", severity=severity), HTML).split()[0] for severity in Severity]
    assert marks == ["ℹ️", "🔔", "⚠️", "🔴", "🚨"]
    assert text(make_message(title="t", outcome=Outcome.OK), HTML).startswith("✅ <b>t</b>")


def test_nobody_is_mentioned_and_addresses_stay():
    shown = text(make_message(title="@admin", summary="ask ops@example.com or @admin"), PLAIN)
    assert shown.startswith("ℹ️ @\u200badmin\n\nask ops@example.com or @\u200badmin\n")


@pytest.mark.parametrize("markup", [HTML, PLAIN])
def test_a_message_over_every_limit_keeps_title_and_links(markup):
    long = "🚨&<" * 20_000
    links = {f"{number}{long}": f"https://example.org/{'y' * 470}" for number in range(20)}
    message = make_message(title=long, summary=long, resource=long, job=long, actor=long, links=links)
    made = text(replace(message, public_url="https://gw.example"), markup)
    reader = read({"chat_id": "1", "text": made, "parse_mode": "HTML" if markup is HTML else ""})
    assert reader.problems == []
    assert units(reader.shown) <= MAX_TEXT
    assert made.count("https://example.org/") == 3
    assert "https://gw.example/" in made
    assert "[...]" in made


@given(
    st.text(max_size=2000),
    st.text(max_size=9000),
    st.text(max_size=3000),
    st.dictionaries(st.text(max_size=90), st.just("https://example.org/?a=1&b='x'"), max_size=9),
)
@pytest.mark.parametrize("markup", [HTML, PLAIN])
def test_no_event_makes_a_text_that_telegram_refuses(markup, title, summary, resource, links):
    made = text(make_message(title=title, summary=summary, resource=resource, links=links), markup)
    content = {"chat_id": "1", "text": made, "parse_mode": "HTML" if markup is HTML else ""}
    assert read(json.loads(json.dumps(content))).problems == []


def test_the_pace_is_that_of_the_chat(tools):
    def pace(chat_id):
        return Telegram(TelegramConfig(token=TOKEN, chat_id=chat_id), tools).pace

    assert pace("4242") == PER_CHAT == (1, 1.0)
    assert pace("-1001") == pace("@backups") == PER_GROUP == (20, 60.0)


def test_the_token_is_a_secret_and_the_server_is_not():
    config = TelegramConfig(token=TOKEN, chat_id="1")
    assert plain_secrets(config) == {"token": TOKEN}
    assert config.endpoints()[0] == ("api.telegram.org", 443)
    assert not config.warnings()
    assert TelegramConfig(token=TOKEN, chat_id="1", base_url="http://127.0.0.1:8081/").warnings()


@pytest.mark.parametrize(
    "given",
    [
        {"token": "s3cret"},
        {"token": f"{TOKEN}/../s3cret"},
        {"chat_id": "backups"},
        {"chat_id": "12x"},
        {"base_url": "https://api.example.org/?s3cret"},
        {"base_url": "api.example.org"},
    ],
)
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError) as refused:
        TelegramConfig.model_validate({"token": TOKEN, "chat_id": "1", **given})
    assert "s3cret" not in str(refused.value)
