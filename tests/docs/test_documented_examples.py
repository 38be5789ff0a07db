"""Examples in the pages, run."""

from __future__ import annotations

import json
import re
import textwrap

import pytest

from gateway.api import problem
from gateway.domain.attributes import violations
from gateway.domain.errors import Invalid, Malformed
from gateway.domain.event import DataForm, Event
from gateway.domain.view import EventView
from gateway.rules import expression, ibm, jsonpath
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm
from gateway.rules.names import unknown_names
from gateway.security.egress import BlockedAddress, EgressPolicy
from gateway.security.references import References
from gateway.settings import load
from gateway.spi.cloudevents.decode import decode
from gateway.spi.cloudevents.meaning import meaning
from gateway.spi.cloudevents.payload import payload
from gateway.spi.discovery import source_formats
from gateway.spi.relay import parse_relay
from gateway.spi.signing import Signer, generate_secret
from tests.docs.pages import ROOT, blocks, code, rows, section, spans, text_of

RULES = text_of("rules.md")
EXAMPLES = [code(row[0])[0] for row in rows(section(RULES, "Examples"))]
MISSING = [(code(row[0])[0], code(row[1])[0], row[2]) for row in rows(section(RULES, "What is missing"))]


def _block(page, kind):
    (found,) = (block.text for block in blocks(text_of(page)) if block.kind == kind)
    return found


def _lines(page, kind):
    return _block(page, kind).splitlines()


def _view(members):
    attributes = {"specversion": "1.0", "id": "1", "source": "/x", "type": "x.y"} | members
    data = attributes.pop("data", None)
    event = (
        Event(attributes)
        if "data" not in members
        else Event(attributes, json.dumps(data).encode(), DataForm.JSON)
    )
    parsed = payload(event)
    return EventView(event, meaning(event, parsed), parsed)


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_documented_rule_is_a_rule(text):
    rule = parse_expression(text)
    compile_rule(rule)
    assert set(unknown_names(rule)) <= {"tenant"}


@pytest.mark.parametrize(("text", "event", "answer"), MISSING)
def test_what_is_missing_matches_as_documented(text, event, answer):
    assert (
        compile_rule(parse_expression(text))(_view(json.loads(event))) is {"yes": True, "no": False}[answer]
    )


@pytest.mark.parametrize("text", _lines("rules.md", "ibm"))
def test_a_documented_filter_of_ibm_is_one(text):
    compile_rule(parse_ibm(text))


@pytest.mark.parametrize("text", _lines("rules.md", "ibm refused"))
def test_what_is_documented_as_not_supported_is_refused_by_name(text):
    with pytest.raises(Invalid) as refusal:
        parse_ibm(text)
    assert refusal.value.code == "rule_unsupported"


@pytest.mark.parametrize(
    ("kind", "module"),
    [("text grammar", expression), ("text ibm grammar", ibm), ("text path grammar", jsonpath)],
)
def test_a_grammar_is_the_one_of_the_parser(kind, module):
    grammar = textwrap.indent(_block("rules.md", kind), "    ")
    assert grammar in f"{module.__doc__}\n"


def _requests():
    for block in blocks(text_of("sources.md")):
        if block.kind == "http":
            head, _, body = block.text.partition("\n\n")
            line, *fields = head.splitlines()
            headers = [tuple(part.encode() for part in field.split(": ", 1)) for field in fields]
            yield pytest.param(line, headers, body.strip().encode(), id=headers[0][1].decode())


@pytest.mark.parametrize(("line", "headers", "body"), list(_requests()))
def test_a_documented_request_is_taken(line, headers, body):
    if "/notifications" in line:
        named = {name.decode().lower(): value.decode() for name, value in headers}
        assert source_formats()["ibm-event-notifications"].parse(body, named, None)
    else:
        events, batched = decode(headers, body)
        assert len(events) == (2 if batched else 1)
        assert all(event.type.startswith("backup.") for event in events)


def test_the_documented_error_is_the_one_that_is_answered():
    refused = Malformed.of(violations({"specversion": "1.0", "id": "1", "source": "/x"}))
    shown = json.loads(_block("errors.md", "json"))
    assert problem.body(problem.failure(refused), shown["trace"]) == shown
    assert set(shown) == set(problem.ProblemBody.model_fields)


def test_the_documented_check_knows_our_signatures_and_no_others():
    scope = {}
    exec(_block("webhooks.md", "python"), scope)
    is_genuine, secret, now = scope["is_genuine"], generate_secret(), 1_785_233_472
    headers = {"webhook-id": "d-1", "webhook-timestamp": str(now)}
    signer = Signer([secret, generate_secret()])
    headers["webhook-signature"] = signer.sign("d-1", str(now), b"body")
    assert is_genuine(secret, headers, b"body", now)
    assert not is_genuine(secret, headers, b"other", now)
    assert not is_genuine(generate_secret(), headers, b"body", now)
    assert not is_genuine(secret, headers, b"body", now + 301)


def test_the_documented_settings_file_is_read(tmp_path, monkeypatch):
    path = tmp_path / "tocsin.toml"
    path.write_text(_block("operating.md", "toml"), encoding="utf-8")
    monkeypatch.setenv("TOCSIN_CONFIG", str(path))
    settings = load()
    assert len(EgressPolicy.parse(settings.allow_networks).allowed) == 2
    assert References(settings.references, {"SLACK_WEBHOOK": "x"}).resolve("env:SLACK_WEBHOOK") == "x"


def test_the_documented_refusal_of_an_address_reads_like_this():
    with pytest.raises(BlockedAddress) as refusal:
        EgressPolicy.parse("").check("10.20.3.4", 8443)
    assert _block("operating.md", "text").strip() == str(refusal.value)


def test_documented_relays_are_read():
    relays = [span for span in spans(text_of("destinations/email.md")) if re.match(r"smtps?://", span)]
    assert len(relays) == 3
    assert {parse_relay(relay).security.value for relay in relays} == {"starttls", "tls", "none"}


def test_documented_replies_of_mail_servers_are_those_of_the_adapter():
    from adapters.destinations.email import replies

    text = " ".join(section(text_of("destinations/email.md"), "What goes wrong").split())
    assert "421 is `throttled`" in text and replies._judge(421, "", replies.Stage.CONNECT)[0] == "throttled"
    assert replies._judge(450, "", replies.Stage.RECIPIENT) == ("unavailable", 300.0)
    assert replies._judge(552, "5.2.2", replies.Stage.RECIPIENT) == ("unavailable", 3600.0)
    assert replies._judge(550, "5.1.0", replies.Stage.SENDER)[0] == "misconfigured"
    assert replies._judge(550, "5.1.1", replies.Stage.RECIPIENT)[0] == "rejected"


def test_documented_errors_of_slack_are_those_of_the_adapter():
    from adapters.destinations.slack import answers

    known = answers._BY_TEXT | answers._BY_CODE | answers._OF_OTHERS
    checked = set()
    for row in rows(section(text_of("destinations/slack.md"), "What goes wrong")):
        (reason,) = code(row[0])
        named = {name for name in code(row[1]) if name in known}
        assert {known[name] for name in named} <= {reason}, row
        checked |= named
    assert len(checked) >= 12


def test_the_receiver_in_the_examples_is_as_short_as_the_page_says():
    source = (ROOT / "examples/receiver.py").read_text(encoding="utf-8")
    assert 30 < len(source.splitlines()) < 50
