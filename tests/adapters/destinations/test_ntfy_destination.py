"""ntfy: what a publication looks like, and that it keeps ntfy's limits in bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.destinations.ntfy import Ntfy, NtfyAddress, NtfyConfig, publication
from gateway.domain.severity import Severity
from gateway.spi.destination import Pace
from gateway.spi.outcome import DeliveryFailed
from tests.fakes.backup_messages import ALL, FAILURE, SUCCESS
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import make_message
from tests.fakes.ntfy_rules import answer, problems


def published(message, **address):
    body = publication(message, NtfyAddress(**address), "backups")
    assert problems(body) == []
    return json.loads(body)


@pytest.mark.parametrize("name", ALL)
def test_a_publication_is_as_in_the_golden_file(name):
    sent = published(ALL[name])
    assert_golden(f"ntfy/{name}.json", json.dumps(sent, indent=2, ensure_ascii=False).encode() + b"\n")


def test_the_priority_and_the_first_tag_are_those_of_the_severity():
    sent = [published(make_message(severity=one)) for one in Severity]
    assert [one["priority"] for one in sent] == [2, 3, 3, 4, 5]
    assert len({one["tags"][0] for one in sent}) == len(Severity)
    assert published(SUCCESS)["tags"] == ["white_check_mark", "backup"]


def test_the_subscription_chooses_topic_priority_and_tags():
    sent = published(FAILURE, publish_to="ops", priority=5, tags=("db", "nightly"))
    assert (sent["topic"], sent["priority"], sent["tags"]) == ("ops", 5, ["x", "db", "nightly"])


def test_links_are_buttons_and_a_click_opens_the_event():
    sent = published(FAILURE)
    assert sent["click"] == FAILURE.event_url
    assert [action["label"] for action in sent["actions"]] == ["Log", "Event"]


@given(
    st.text(max_size=3000),
    st.text(st.sampled_from('"\\\n\té😈a'), max_size=6000),
    st.lists(st.text(max_size=1500), max_size=6),
)
def test_no_event_makes_a_publication_that_ntfy_refuses_or_turns_into_a_file(title, summary, paths):
    links = {f"{path}{number}": f"https://example.org/{path}" for number, path in enumerate(paths)}
    published(make_message(title=title, summary=summary, resource="r" * 600, links=links))


@pytest.mark.parametrize("character", ["a", "é", "😈", '"', "\\"])
def test_the_largest_of_everything_still_fits(character):
    url = "https://example.org/" + "a" * 980
    links = {f"{number}{character * 200}": url for number in range(9)}
    message = make_message(title=character * 5000, summary=character * 9000, links=links)
    sent = published(message, publish_to="t" * 64, tags=("x" * 50,) * 10)
    assert len(sent["actions"]) == 3
    assert sent["message"].endswith("[...]")
    assert sent["message"][:50] == character * 50


async def test_a_token_goes_as_bearer_and_no_log_in_as_nothing(tools):
    async with HttpSink(Reply(200, body=answer())) as sink:
        for settings in ({"token": "tk_s3cret"}, {}):
            await Ntfy(NtfyConfig(url=sink.url(""), topic="b", **settings), tools).deliver(
                FAILURE, NtfyAddress()
            )
    with_token, without = sink.requests
    assert with_token.headers["authorization"] == "Bearer tk_s3cret"
    assert "authorization" not in without.headers


async def test_a_log_in_that_the_server_repeats_in_base64_is_masked(tools):
    async with HttpSink(Reply(400, body=b"you sent Basic Z3c6czNjcmV0")) as sink:
        ntfy = Ntfy(NtfyConfig(url=sink.url(""), topic="b", user="gw", password="s3cret"), tools)
        with pytest.raises(DeliveryFailed) as failed:
            await ntfy.deliver(FAILURE, NtfyAddress())
    assert sink.requests[0].headers["authorization"] == "Basic Z3c6czNjcmV0"
    assert failed.value.excerpt == "you sent Basic **********"


async def test_an_answer_too_long_to_read_counts_as_taken(tools):
    async with HttpSink(Reply(200, body=b'{"event":"message","message":"' + b"x" * 50_000)) as sink:
        receipt = await Ntfy(NtfyConfig(url=sink.url(""), topic="b"), tools).deliver(FAILURE, NtfyAddress())
    assert (receipt.code, receipt.vendor_id) == (200, "")


def test_the_pace_is_what_ntfy_lets_through_unless_it_is_set(tools):
    assert Ntfy(NtfyConfig(topic="b"), tools).pace == Pace(60, 300)
    assert Ntfy(NtfyConfig(topic="b", rate=500), tools).pace == Pace(500, 300)
    assert Ntfy(NtfyConfig(topic="b", rate=0), tools).pace is None


@pytest.mark.parametrize(
    "given",
    [
        {"topic": "a b"},
        {"topic": "x" * 65},
        {"topic": "Settings"},
        {"topic": "b", "user": "gw"},
        {"topic": "b", "password": "s3cret"},
        {"topic": "b", "user": "gw", "password": "s3cret", "token": "tk_s3cret"},
        {"topic": "b", "token": "s3cret\nx"},
        {"topic": "b", "url": "https://ntfy.sh/?auth=s3cret"},
    ],
)
def test_settings_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError) as refused:
        NtfyConfig.model_validate(given)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "given", [{"publish_to": "docs"}, {"priority": 6}, {"tags": ["a,b"]}, {"tags": ["a b"]}]
)
def test_addresses_that_cannot_work_are_refused(given):
    with pytest.raises(ValidationError):
        NtfyAddress.model_validate(given)
