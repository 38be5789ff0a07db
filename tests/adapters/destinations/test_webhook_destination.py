"""The webhook: what it sends, how it signs, and which settings it takes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Oracle

from adapters.destinations.webhook import Webhook, WebhookAddress, WebhookConfig
from gateway.domain.clock import SystemClock
from gateway.domain.errors import Unauthorized
from gateway.domain.vocabulary import Vocabulary
from gateway.spi.cloudevents import binary, structured
from gateway.spi.destination import MASK, Pace, Tools
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.secret_fields import open_settings, plain_secrets, with_secrets
from gateway.spi.signing import generate_secret, verify
from tests.fakes.digests import digest
from tests.fakes.golden import assert_golden
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.messages import DELIVERY_ID, make_message, message_of

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
async def sink():
    async with HttpSink() as sink:
        yield sink


def webhook(sink: HttpSink, tools: Tools, path: str = "/hook", **settings) -> Webhook:
    return Webhook(WebhookConfig(url=sink.url(path), **settings), tools)


async def test_a_request_is_as_in_the_golden_file(sink, tools):
    adapter = webhook(sink, tools, custom_headers={"X-Team": "ops"}, signing_secret=SECRET)
    await adapter.deliver(
        make_message(data={"size": 1.50, "größe": "ü"}, title="Backup failed"), WebhookAddress()
    )
    (request,) = sink.requests
    lines = [b"%b: %b" % field for field in request.raw_headers if field[0] != b"Host"]
    head = f"{request.method} {request.target} HTTP/1.1".encode()
    assert_golden("webhook/structured.http", b"\n".join([head, *lines, b"", request.body, b""]))


async def test_a_digest_is_as_in_the_golden_file(sink, tools):
    await webhook(sink, tools).deliver(digest(), WebhookAddress())
    (request,) = sink.requests
    assert_golden("webhook/digest.json", (json.dumps(json.loads(request.body), indent=2) + "\n").encode())


async def test_the_event_is_forwarded_byte_for_byte(sink, tools):
    head = b'{"id":"1","source":"/a","type":"t","specversion":"1.0","ext":true,'
    event = structured.decode(head + b'"data":{ "b":1.00, "a":"\\u00fc" }}')
    await webhook(sink, tools).deliver(message_of(event, Vocabulary()), WebhookAddress())
    assert b'"data":{ "b":1.00, "a":"\\u00fc" }' in sink.requests[0].body
    assert structured.decode(sink.requests[0].body) == event


async def test_the_published_library_verifies_what_arrives(sink, tools):
    now = Tools(tools.http, tools.dialer, SystemClock(), tools.tls)
    old, new = generate_secret(), generate_secret()
    adapter = webhook(sink, now, signing_secret=new, previous_signing_secret=old)
    await adapter.deliver(make_message(data={"a": 1}), WebhookAddress())
    (request,) = sink.requests
    assert len(request.headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        assert Oracle(secret).verify(request.body, dict(request.headers))["data"] == {"a": 1}


async def test_a_retry_has_the_same_id_and_a_new_timestamp(sink, tools, clock):
    adapter = webhook(sink, tools, signing_secret=SECRET)
    for _ in range(2):
        await adapter.deliver(make_message(), WebhookAddress())
        clock.advance(60)
    first, second = (request.headers for request in sink.requests)
    assert first["webhook-id"] == second["webhook-id"] == DELIVERY_ID
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    lower = {name.lower(): value for name, value in second.items()}
    verify([SECRET], lower, sink.requests[1].body, clock.now())


async def test_a_subscription_may_do_without_a_signature(sink, tools):
    await webhook(sink, tools).deliver(make_message(), WebhookAddress(signing_enabled=False))
    assert "webhook-signature" not in sink.requests[0].headers
    assert sink.requests[0].headers["webhook-id"] == DELIVERY_ID


async def test_in_binary_mode_the_data_is_the_body_and_what_is_signed(sink, tools, clock):
    message = make_message(data={"a": 1}, attributes={"subject": 'düne "7"', "flag": True})
    receipt = await webhook(sink, tools, mode="binary", signing_secret=SECRET).deliver(
        message, WebhookAddress()
    )
    (request,) = sink.requests
    assert request.body == b'{"a": 1}'
    decoded = binary.decode(request.raw_headers, request.body)
    assert decoded.text("subject") == 'düne "7"'
    assert decoded.id == message.event.id
    verify(
        [SECRET], {name.lower(): value for name, value in request.headers.items()}, request.body, clock.now()
    )
    assert receipt.sent.startswith(b"ce-specversion: 1.0\r\n")
    assert receipt.sent.endswith(b'\r\n\r\n{"a": 1}')


async def test_get_carries_the_attributes_and_no_body(sink, tools):
    await webhook(sink, tools, verb="GET").deliver(make_message(data={"a": 1}), WebhookAddress())
    (request,) = sink.requests
    assert (request.method, request.body, request.headers["ce-id"]) == ("GET", b"", "evt-1")
    assert "content-type" not in request.headers
    assert "content-length" not in request.headers


@pytest.mark.parametrize("verb", ["put", "PATCH", "post"])
async def test_the_verb_is_the_method(sink, tools, verb):
    await webhook(sink, tools, verb=verb).deliver(make_message(), WebhookAddress())
    assert sink.requests[0].method == verb.upper()


async def test_headers_and_query_go_out_whole(sink, tools):
    adapter = webhook(
        sink,
        tools,
        "/hook?token=a%2Fb&x=1",
        custom_headers={"Authorization": "Bearer t", "X-Team": "ops"},
        sensitive_headers=["AUTHORIZATION"],
    )
    await adapter.deliver(make_message(), WebhookAddress())
    (request,) = sink.requests
    assert request.target == "/hook?token=a%2Fb&x=1"
    assert (request.headers["Authorization"], request.headers["X-Team"]) == ("Bearer t", "ops")


async def test_a_configured_content_type_replaces_ours(sink, tools):
    adapter = webhook(sink, tools, custom_headers={"Content-Type": "application/json"})
    await adapter.deliver(make_message(), WebhookAddress())
    names = [name.lower() for name, _ in sink.requests[0].raw_headers]
    assert names.count(b"content-type") == 1
    assert sink.requests[0].headers["content-type"] == "application/json"


async def test_a_batch_holds_one_event(sink, tools):
    await webhook(sink, tools, mode="batched").deliver(make_message(data={"a": 1}), WebhookAddress())
    (request,) = sink.requests
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    (event,) = json.loads(request.body)
    assert (event["id"], event["data"]) == ("evt-1", {"a": 1})


async def test_a_token_is_sent_as_backupman_sends_it(sink, tools):
    adapter = webhook(sink, tools, token="t0k3n")
    await adapter.deliver(make_message(), WebhookAddress())
    assert sink.requests[0].headers["X-Webhook-Token"] == "t0k3n"
    assert "t0k3n" not in str(adapter.config.shown()) + repr(adapter.config)


@pytest.mark.parametrize("verb", ["get", "head"])
async def test_what_has_no_body_says_the_event_in_its_headers(sink, tools, verb):
    await webhook(sink, tools, verb=verb).deliver(make_message(data={"a": 1}), WebhookAddress())
    (request,) = sink.requests
    assert (request.method, request.body) == (verb.upper(), b"")
    assert request.headers["ce-type"] == "com.example.backup.failed"
    assert "content-type" not in request.headers


async def test_the_public_key_verifies_what_a_private_one_signed(sink, tools, clock):
    adapter = webhook(sink, tools, signature="ed25519", previous_signing_secret=SECRET)
    await adapter.deliver(make_message(), WebhookAddress())
    (request,) = sink.requests
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert [part[: part.index(",")] for part in headers["webhook-signature"].split()] == ["v1a", "v1"]
    verify([adapter.config.public_key()], headers, request.body, clock.now())
    verify([SECRET], headers, request.body, clock.now())
    other = WebhookConfig(url=sink.url(), signature="ed25519").public_key()
    for key, body in ((other, request.body), (adapter.config.public_key(), request.body + b" ")):
        with pytest.raises(Unauthorized):
            verify([key], headers, body, clock.now())


def test_a_private_key_is_handed_to_nobody_and_a_shared_secret_once():
    shared = WebhookConfig(url="https://example.org/")
    assert shared.handed_out() == {"signing_secret": shared.signing_secret.get_secret_value()}
    assert shared.public_key() == ""
    private = WebhookConfig(url="https://example.org/", signature="ed25519")
    assert private.handed_out() == {} and private.public_key().startswith("whpk_")


# Templates


async def test_a_body_and_headers_are_made_by_templates(sink, tools):
    adapter = webhook(
        sink,
        tools,
        body_template='{"text": "{{event.subject}}", "level": "{{event.severity}}", "n": {{json data.n}}}',
        custom_headers={"X-Level": "is {{event.severity}}", "X-Team": "ops"},
    )
    hostile = 'it said "no"\r\nX-Evil: 1\\'
    await adapter.deliver(make_message(data={"n": [1, "ü"]}, title=hostile), WebhookAddress())
    (request,) = sink.requests
    assert json.loads(request.body) == {
        "text": " ".join(hostile.split()),
        "level": "info",
        "n": [1, "ü"],
    }
    assert request.headers["content-type"] == "application/json"
    assert (request.headers["X-Level"], request.headers["X-Team"]) == ("is info", "ops")
    verify_own(adapter, request)


async def test_a_template_that_is_no_json_has_its_own_content_type(sink, tools):
    adapter = webhook(sink, tools, body_template="title={{event.subject}}", content_type="text/plain")
    await adapter.deliver(make_message(title="a<b"), WebhookAddress())
    assert (sink.requests[0].body, sink.requests[0].headers["content-type"]) == (b"title=a<b", "text/plain")


async def test_a_template_that_fails_leaves_the_event_and_a_note(sink, tools):
    adapter = webhook(sink, tools, body_template='{"n": {{#if data.n}}1{{/if}} }', mode="structured")
    receipt = await adapter.deliver(make_message(data={}), WebhookAddress())
    (request,) = sink.requests
    assert json.loads(request.body)["type"] == "com.example.backup.failed"
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert "the default form was sent" in receipt.detail


async def test_what_the_subscription_words_goes_before_the_destination(sink, tools):
    adapter = webhook(sink, tools, body_template='{"of": "destination"}')
    message = replace(make_message(), templated={"body": '{"of": "subscription"}'})
    await adapter.deliver(message, WebhookAddress())
    assert json.loads(sink.requests[0].body) == {"of": "subscription"}


@pytest.mark.parametrize(
    "settings", [{"body_template": '{"a": "{{#if x}}"}'}, {"custom_headers": {"X-A": "{{nope x}}"}}]
)
def test_a_template_that_cannot_be_compiled_is_refused_with_its_place(settings):
    with pytest.raises(ValidationError, match="line 1, column"):
        WebhookConfig(url="https://example.org/", **settings)


def verify_own(adapter, request):
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = int(headers["webhook-timestamp"])
    verify([adapter.config.signing_secret.get_secret_value()], headers, request.body, now)


# The handshake


@pytest.mark.parametrize(
    ("asked", "allowed", "agreed"), [(None, "120", 120), (60, "120", 60), (60, "*", 60), (None, "*", None)]
)
async def test_a_receiver_that_consents_says_how_much_it_wants(sink, tools, asked, allowed, agreed):
    sink.answer(Reply(405, {"WebHook-Allowed-Origin": "gw.example", "WebHook-Allowed-Rate": allowed}))
    adapter = webhook(sink, tools, handshake=True, rate_per_minute=asked, token="t")
    learnt = await adapter.prepare()
    assert learnt == {"rate_per_minute": agreed}
    (request,) = sink.requests
    assert (request.method, request.headers["WebHook-Request-Origin"]) == ("OPTIONS", "gw.example")
    assert request.headers.get("WebHook-Request-Rate") == (str(asked) if asked else None)
    assert request.headers["X-Webhook-Token"] == "t"
    after = webhook(sink, tools, handshake=True, **learnt)
    assert after.pace == (Pace(agreed, 60.0) if agreed else None)
    await after.deliver(make_message(), WebhookAddress())
    assert sink.requests[1].headers["WebHook-Request-Origin"] == "gw.example"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"WebHook-Allowed-Origin": "other.example"},
        {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "0"},
        {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "lots"},
    ],
)
async def test_without_consent_the_settings_are_refused(sink, tools, headers):
    sink.answer(Reply(200, headers))
    with pytest.raises(DeliveryFailed) as failed:
        await webhook(sink, tools, handshake=True).prepare()
    assert failed.value.reason is Reason.REJECTED


async def test_without_a_handshake_nobody_is_asked(sink, tools):
    assert await webhook(sink, tools, rate_per_minute=30).prepare() == {}
    assert sink.requests == []
    assert webhook(sink, tools, rate_per_minute=30).pace == Pace(30, 60.0)


# Settings


def test_sensitive_values_are_kept_apart_and_never_shown():
    config = WebhookConfig(
        url="https://example.org/hook?token=qqq",
        verb="POST",
        custom_headers={"Authorization": "Bearer ttt", "X-Team": "ops"},
        sensitive_headers=["authorization"],
        signing_secret=SECRET,
    )
    assert config.custom_headers == {"X-Team": "ops"}
    assert plain_secrets(config) == {
        "secret_query": "token=qqq",
        "secret_headers.Authorization": "Bearer ttt",
        "signing_secret": SECRET,
    }
    assert config.shown() == {
        "url": f"https://example.org/hook?{MASK}",
        "verb": "post",
        "mode": "structured",
        "custom_headers": {"X-Team": "ops", "Authorization": MASK},
        "token": None,
        "body_template": "",
        "content_type": "",
        "sensitive_headers": ["authorization"],
        "signature": "hmac",
        "signing_secret": MASK,
        "previous_signing_secret": None,
        "handshake": False,
        "rate_per_minute": None,
    }
    assert "ttt" not in repr(config) + str(open_settings(config))


def test_masked_settings_given_back_keep_their_secrets_and_others_change():
    config = WebhookConfig(
        url="https://example.org/hook?token=qqq",
        custom_headers={"Authorization": "Bearer ttt"},
        sensitive_headers=["Authorization"],
    )
    edited = {**config.shown(), "verb": "put", "signing_secret": SECRET}
    after = WebhookConfig.model_validate(edited, context={"stored": plain_secrets(config)})
    assert after.full_url == "https://example.org/hook?token=qqq"
    assert after.all_headers == [("Authorization", "Bearer ttt")]
    assert (after.verb, after.signing_secret.get_secret_value()) == ("put", SECRET)


def test_a_new_url_takes_its_own_query_or_none():
    stored = plain_secrets(WebhookConfig(url="https://example.org/?token=qqq"))
    for url in ("https://example.org/new", "https://example.org/new?token=rrr"):
        after = WebhookConfig.model_validate({"url": url}, context={"stored": stored})
        assert after.full_url == url


def test_a_signing_secret_is_made_when_none_is_given_and_then_stays():
    config = WebhookConfig(url="https://example.org/")
    again = WebhookConfig.model_validate(with_secrets(open_settings(config), plain_secrets(config)))
    assert again.signing_secret.get_secret_value().startswith("whsec_")
    assert again == config
    assert WebhookConfig(url="https://example.org/").signing_secret != config.signing_secret


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "TE",
        "Upgrade",
        "Content-Encoding",
        "Cookie",
        "Webhook-Id",
        "webhook-anything",
        "Proxy-Authorization",
        "ce-id",
        "X Y",
        "X:Y",
        "",
        "X\r\nY",
    ],
)
@pytest.mark.parametrize("field", ["custom_headers", "secret_headers"])
def test_a_header_that_is_not_the_users_to_set_is_refused(name, field):
    with pytest.raises(ValidationError) as refused:
        WebhookConfig.model_validate({"url": "https://example.org/", field: {name: "s3cret"}})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://example.org/"},
        {"url": "https://user:s3cret@example.org/"},
        {"url": "https://example.org/?a b=s3cret"},
        {"url": "https://example.org/#s3cret"},
        {"url": ["s3cret"]},
        {"verb": "delete"},
        {"mode": "batch"},
        {"signing_secret": "s3cret"},
        {"previous_signing_secret": "whsec_s3cret"},
        {"custom_headers": {"X": "s3cret\r\nY: 1"}},
        {"custom_headers": {f"X-{number}": "s3cret" for number in range(33)}},
        {"custom_headers": "s3cret"},
        {"custom_headers": {"X": {"s3cret": 1}}},
        {"sensitive_headers": "s3cret"},
        {"sensitive_headers": [["s3cret"]]},
        {"secret_headers": {"X": "s3cret\n"}},
        {"secret_headers": {"X": "s3cret" * 2_000}},
        {"custom_headers": {"X": "s3cret", "x": "s3cret"}},
        {"custom_headers": {"X": "s3cret"}, "secret_headers": {"x": "s3cret"}},
    ],
)
def test_what_cannot_be_sent_is_refused_at_save_without_repeating_it(change):
    with pytest.raises(ValidationError) as refused:
        WebhookConfig.model_validate({"url": "https://example.org/", **change})
    assert "s3cret" not in str(refused.value)


def test_plain_http_is_taken_with_a_warning():
    assert "https://" in WebhookConfig(url="http://example.org/").warnings()[0]
    assert WebhookConfig(url="https://example.org/").warnings() == ()


def test_ibms_request_is_taken_as_it_is():
    body = json.loads(
        '{"url":"https://gcm.com","verb":"get","custom_headers":{"gcm":"api"},"sensitive_headers":["gcm"]}'
    )
    config = WebhookConfig.model_validate(body)
    assert (config.url, config.all_headers) == ("https://gcm.com", [("gcm", "api")])
    WebhookAddress.model_validate({"signing_enabled": True, "template_id_notification": ""})
