"""Microsoft Teams: what a card looks like, how it is kept within its size, and what answers mean."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.msteams import BUDGET, Teams, TeamsAddress, TeamsConfig, card, escaped, post
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.spi.destination import Pace
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.secret_fields import plain_secrets
from tests.docs.pages import text_of
from tests.fakes.golden import assert_golden, golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.occasions import OCCASIONS
from tests.fakes.teams_rules import problems, shown, texts

FLOW = "/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual&sig=a%2Bb_c-d"


@pytest.mark.parametrize("occasion", OCCASIONS)
async def test_a_post_is_as_in_the_golden_file(tools, occasion):
    async with HttpSink(Reply(202, body=b"")) as sink:
        teams = Teams(TeamsConfig(url=sink.url(FLOW)), tools)
        receipt = await teams.deliver(OCCASIONS[occasion](), TeamsAddress())
    (request,) = sink.requests
    assert (request.method, request.target) == ("POST", FLOW), "the query is signed: not a byte may change"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert receipt.code == 202
    assert problems(request.body) == []
    pretty = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False) + "\n"
    assert_golden(f"msteams/{occasion}.json", pretty.encode())


def test_the_page_shows_a_failure_as_it_is_sent():
    assert golden("msteams/failure.json").decode() in text_of("destinations/msteams.md")


@pytest.mark.parametrize("body", [b"1", b"", b'{"ok":true}', b"accepted"])
async def test_any_success_without_an_error_in_it_counts(tools, body):
    async with HttpSink(Reply(200, body=body)) as sink:
        await Teams(TeamsConfig(url=sink.url(FLOW)), tools).deliver(make_message(title="x"), TeamsAddress())
    assert len(sink.requests) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(400, body=b'{"error":{"code":"TriggerInputSchemaMismatch"}}'), Reason.REJECTED),
        (Reply(400, body=b'{"error":"text"}'), Reason.REJECTED),
        (Reply(400, body=b"[]"), Reason.REJECTED),
        (Reply(401, body=b'{"error":{"code":"AuthorizationFailed"}}'), Reason.UNAUTHORIZED),
        (Reply(404, body=b'{"error":{"code":"WorkflowNotFound"}}'), Reason.MISCONFIGURED),
        (Reply(400, body=b'{"error":{"code":"WorkflowTriggerIsNotEnabled"}}'), Reason.MISCONFIGURED),
        (Reply(502), Reason.UNAVAILABLE),
    ],
)
async def test_what_a_flow_answers(tools, reply, reason):
    async with HttpSink(reply) as sink:
        with pytest.raises(DeliveryFailed) as failed:
            await Teams(TeamsConfig(url=sink.url(FLOW)), tools).deliver(make_message(), TeamsAddress())
    assert failed.value.reason is reason
    if reason is Reason.MISCONFIGURED:
        assert "switched off or gone" in failed.value.detail


async def test_a_pause_that_is_hidden_in_a_success_is_kept(tools):
    reply = Reply(200, {"Retry-After": "17"}, b"Microsoft Teams endpoint returned HTTP error 429")
    async with HttpSink(reply) as sink:
        with pytest.raises(DeliveryFailed) as failed:
            await Teams(TeamsConfig(url=sink.url(FLOW)), tools).deliver(make_message(), TeamsAddress())
    assert (failed.value.reason, failed.value.retry_after) == (Reason.THROTTLED, 17.0)


def test_the_colour_and_the_box_tell_the_severity():
    looks = {severity: _look(make_message(severity=severity)) for severity in Severity}
    assert looks[Severity.WARNING] == ("warning", "Warning")
    assert looks[Severity.ERROR] == looks[Severity.CRITICAL] == ("attention", "Attention")
    assert len(set(looks.values())) == 4
    assert _look(make_message(outcome=Outcome.OK)) == ("good", "Good")


def _look(message):
    box = card(message)["body"][0]
    return box["style"], box["items"][0]["color"]


def test_the_data_is_hidden_behind_a_button_and_only_where_there_is_some():
    with_data = card(make_message(title="t", data={"a": 1}))
    (hidden,) = (part for part in with_data["body"] if part.get("id") == "data")
    assert hidden["isVisible"] is False
    assert shown(hidden["items"][0]["text"]) == '{\n  "a": 1\n}'
    assert with_data["actions"][-1]["targetElements"] == ["data"]
    assert not card(make_message(title="t"))["actions"]


def test_what_goes_first_is_the_data_then_the_facts_and_never_title_and_links():
    long = "é*" * 30_000
    links = {f"{number}": f"https://example.org/{'y' * 970}" for number in range(20)}
    message = make_message(
        title=long, summary=long, resource=long, job=long, actor=long, links=links, data={"x": long}
    )
    made = card(message)
    assert len(orjson.dumps(made)) <= BUDGET
    assert [part["type"] for part in made["body"][:3]] == ["Container", "TextBlock", "FactSet"]
    assert len([action for action in made["actions"] if action["type"] == "Action.OpenUrl"]) == 4
    assert shown(made["body"][1]["text"]).endswith("[...]")
    assert not [part for part in made["body"] if part.get("id") == "data" and not part["items"]]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_escaped_text_reads_as_the_text(text):
    line = " ".join(text.split())
    assert shown(escaped(line)) == line


@pytest.mark.parametrize(
    "text",
    [
        "# a",
        "1. a",
        "12) a",
        "- a",
        "> a",
        "  + a",
        "*a*",
        "__a__",
        "[a](b)",
        "`a`",
        "\\*a",
        "&lt;",
        "a\n- b",
    ],
)
def test_no_markdown_comes_of_a_text(text):
    assert escaped(text) != text
    assert shown(escaped(text)) == text


@given(
    st.text(max_size=3000),
    st.text(max_size=20_000),
    st.text(max_size=5000),
    st.dictionaries(st.text(max_size=90), st.just("https://example.org/x"), max_size=9),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9000),
)
def test_no_event_makes_a_post_that_teams_refuses(title, summary, resource, links, data):
    message = make_message(title=title, summary=summary, resource=resource, links=links, data=[data])
    body = orjson.dumps(post(message))
    assert problems(body) == []
    assert len(body) <= BUDGET + 200
    assert list(texts(card(message)))[0]


def test_the_whole_url_is_the_secret_and_http_is_taken_with_a_warning():
    config = TeamsConfig(url=f"https://prod-1.westeurope.logic.azure.com:443{FLOW}")
    assert set(plain_secrets(config)) == {"url"}
    assert "azure" not in f"{config!r}{config.shown()}"
    assert not config.warnings()
    assert TeamsConfig(url="http://flows.example.com/x").warnings()


def test_a_url_that_cannot_be_called_is_refused():
    with pytest.raises(ValidationError) as refused:
        TeamsConfig(url="teams.example/s3cret")
    assert "s3cret" not in str(refused.value)


def test_the_published_rate_is_kept(tools):
    assert Teams(TeamsConfig(url="https://flows.example.com/x"), tools).pace == Pace(60, 30.0)
