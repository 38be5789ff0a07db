"""What is made of an answer: always JSON that an event can hold, never with a secret of the source in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.domain.source import Source
from gateway.security.references import References
from gateway.security.vault import Secrets, Vault
from gateway.service.asking import Asking, excerpt
from gateway.service.source_options import sealed, shown
from gateway.spi.discovery import source_formats
from gateway.spi.outcome import DeliveryFailed, Reason
from gateway.spi.secret_fields import MASK
from gateway.spi.transport import Headers, HttpAnswer, HttpRequest

SECRETS = Secrets(Vault([bytes(32)]), References("env:ALLOWED", {"ALLOWED": "resolved", "OTHER": "x"}))
BLANK = Source("s", "i", "vault", 0.0, 0.0, format="poll")


def source(before: Source = BLANK, secrets: Secrets = SECRETS, **options: object) -> Source:
    given = {"url": "http://127.0.0.1/health", **options}
    return sealed(replace(before, options=given), before, secrets)


class Answering:
    """A client that knows its answer, and remembers what it was asked."""

    def __init__(self, answer: HttpAnswer | DeliveryFailed) -> None:
        self.answer = answer
        self.request: HttpRequest | None = None

    async def send(self, request: HttpRequest) -> HttpAnswer:
        self.request = request
        if isinstance(self.answer, DeliveryFailed):
            raise self.answer
        return self.answer


async def asked(answer: HttpAnswer | DeliveryFailed, **options: object):
    client = Answering(answer)
    text = await Asking(client, SECRETS).ask(source(**options))
    return json.loads(text), client.request


async def test_json_stays_the_bytes_that_came():
    body = b' {"n": 1.50, "big": 123456789012345678901234567890}\n'
    text = await Asking(Answering(HttpAnswer(200, body=body)), SECRETS).ask(source())
    assert text == b'{"status":200,"body":' + body.strip() + b"}"


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", ""),
        (b"OK", "OK"),
        (b"<b>\xff", "<b>\ufffd"),
        (b'1},"change":2,"x":{"y":1', '1},"change":2,"x":{"y":1'),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"[" * 63 + b"]" * 63, "[" * 63 + "]" * 63),
        (b'"\\ud800"', '"\\ud800"'),
    ],
)
async def test_what_is_no_json_of_ours_is_text(body, kept):
    answer, _ = await asked(HttpAnswer(503, body=body))
    assert answer == {"status": 503, "body": kept}


async def test_a_body_that_went_on_is_text_and_says_so():
    answer, _ = await asked(HttpAnswer(200, body=b"[1]", truncated=True))
    assert answer == {"status": 200, "body": "[1]", "truncated": True}
    packed = Headers([(b"Content-Encoding", b"gzip")])
    answer, _ = await asked(HttpAnswer(200, headers=packed, body=b"\x1f\x8b"))
    assert answer["body"] == ""


async def test_nobody_there_is_an_answer_without_secrets():
    failure = DeliveryFailed(Reason.TIMEOUT, "no answer of /health?key=hush within 1 s")
    answer, request = await asked(failure, url="http://127.0.0.1/health?key=hush", timeout=1)
    assert answer == {"unreached": "timeout", "detail": f"no answer of /health?{MASK} within 1 s"}
    assert request.url.target == "/health?key=hush" and request.timeout == 1


async def test_headers_are_sent_and_never_shown():
    answer, request = await asked(HttpAnswer(200, body=b'{"you sent": "hush"}'), headers={"X-Key": "hush"})
    assert ("X-Key", "hush") in request.headers and request.method == "GET"
    assert answer["body"] == {"you sent": MASK}
    kept = source(headers={"X-Key": "hush"})
    assert shown(kept)["headers"] == {"X-Key": MASK}
    assert "hush" not in repr(kept)


async def test_a_reference_is_resolved_each_time_and_only_if_it_is_allowed():
    _, request = await asked(HttpAnswer(200), headers={"X-Key": "env:ALLOWED"})
    assert ("X-Key", "resolved") in request.headers
    with pytest.raises(Invalid, match="may not be referred to"):
        source(headers={"X-Key": "env:OTHER"})


async def test_a_secret_that_reads_as_its_mask_stays_what_it_was():
    before = source(url="http://127.0.0.1/health?key=hush", headers={"X-Key": "quiet", "X-Old": "gone"})
    options = shown(before) | {"every": 30, "headers": {"X-Key": MASK, "X-New": "new"}}
    client = Answering(HttpAnswer(200))
    await Asking(client, SECRETS).ask(source(before, **options))
    assert client.request.url.target == "/health?key=hush"
    assert {name: value for name, value in client.request.headers if name != "Accept"} == {
        "X-Key": "quiet",
        "X-New": "new",
    }
    with pytest.raises(Invalid) as refused:
        source(headers={"X-Key": MASK})
    assert [(one.code, one.pointer) for one in refused.value.problems] == [
        ("secret_missing", "/format_options/headers/X-Key")
    ]


async def test_a_secret_whose_key_is_lost_is_an_answer_that_tells_it():
    elsewhere = source(secrets=Secrets(Vault([b"x" * 32]), References("")), headers={"X-Key": "hush"})
    answer = json.loads(await Asking(Answering(HttpAnswer(200)), SECRETS).ask(elsewhere))
    assert answer["unreached"] == "misconfigured"
    assert source(elsewhere, headers={"X-Key": "anew"}).secrets.keys() == {"option.headers.X-Key"}


def test_another_format_keeps_no_secret_of_the_one_before():
    before = source(headers={"X-Key": "hush"})
    after = sealed(replace(before, format="json", options={}), before, SECRETS)
    assert (dict(after.secrets), dict(after.options)) == ({}, {})


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(
        lambda value: json.dumps(value).encode()
    ),
    st.integers(100, 599),
)
async def test_whatever_comes_is_read_as_an_event(body, status):
    text = await Asking(Answering(HttpAnswer(status, body=body)), SECRETS).ask(source())
    document = b'{"answer":' + text + b',"change":1,"since":"2026-07-28T02:00:00Z"}'
    (event,) = source_formats()["poll"].parse(document, {}, BLANK)
    assert event.event.data == document
    assert json.loads(excerpt(json.loads(text), 10))["status"] == status
