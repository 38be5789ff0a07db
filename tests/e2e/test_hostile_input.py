"""Hostile bodies on every way in: refused with a reason, or taken whole; never a 5xx, never half an event.

The texts are in `tests/corpora`; how answers are judged in `attacking.py`. Hostile strings in good bodies are
in `test_hostile_text.py`, hostile HTTP in `test_hostile_http.py`.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import zlib
from pathlib import Path

import pytest

from tests.corpora.json_texts import BROKEN, LOOSE, SOUND
from tests.e2e.attacking import BATCHED, INSTANCE, STRUCTURED, WAYS, Attacker, Way
from tests.fakes.http_sink import HttpSink
from tests.harness import Client, GatewayProcess
from tests.waiting import until

every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

RAW_IN_STRINGS = {"raw line break", "raw tab", "raw NUL", "raw escape character"}
"""What IBM's own service takes, and so the notification routes."""

TAKEN_AS_JSON = {"noncharacter", "control characters, escaped", "real of 10,000 digits"}
"""What is refused in no body; whether the member is known is another matter."""

MAX_BODY, MAX_EVENTS = 1_048_576, 500
CREATED = ("sources", "topics", "destinations", "subscriptions", "schemas", "keys")


@every_way
async def test_a_body_that_is_no_json_is_refused(attacker: Attacker, way: Way):
    for name, text in BROKEN.items():
        answer = await attacker.send(way, text)
        assert answer.status == 400, (name, answer)
        assert all(problem["expected"] for problem in answer.json["problems"]), (name, answer)


@every_way
async def test_a_body_that_is_json_but_no_event_is_refused(attacker: Attacker, way: Way):
    for name, text in (SOUND | LOOSE).items():
        answer = await attacker.send(way, text)
        if (name, way) == ("empty array", WAYS["batched"]):
            assert answer.status == 202 and answer.json == {"notification_ids": []}
        else:
            assert answer.status == 400, (name, answer)


@every_way
async def test_data_that_is_no_json_refuses_the_event_and_what_is_with_it(attacker: Attacker, way: Way):
    for name, text in BROKEN.items():
        lawful = attacker.event() + b"," if way.before else b""
        answer = await attacker.send(way, way.body(lawful + attacker.event(text)))
        expected = 202 if way.lenient and name in RAW_IN_STRINGS else 400
        assert answer.status == expected, (name, answer)


@every_way
async def test_data_that_is_json_is_shown_and_forwarded_as_it_came(
    attacker: Attacker, tenant: Client, way: Way, sink: HttpSink
):
    await route_everything(tenant, attacker, sink)
    texts = SOUND | LOOSE
    for name, text in texts.items():
        answer = await attacker.send(way, way.body(attacker.event(text, type=name)))
        assert answer.status == 202, (name, answer)
        shown = await attacker.show(attacker.accepted[-1])
        assert shown.status == 200 and text.strip().decode() in shown.text, name
    await until(lambda: len(sink.requests) == len(texts), 30)
    for name, text in texts.items():
        [delivered] = [
            one.body for one in sink.requests if b'"type":' + json.dumps(name).encode() in one.body
        ]
        assert b'"data":' + text.strip() in delivered, name


async def route_everything(tenant: Client, attacker: Attacker, sink: HttpSink) -> None:
    topic = await tenant.create("topics", name="all", sources=[{"id": attacker.source_id, "rules": [{}]}])
    hook = await tenant.create(
        "destinations", name="hook", type="webhook", config={"params": {"url": sink.url("/"), "verb": "post"}}
    )
    await tenant.create("subscriptions", name="all", topic_id=topic["id"], destination_id=hook["id"])


async def test_json_in_binary_mode_is_judged_alike(attacker: Attacker):
    way = Way(f"{INSTANCE}/events", "application/json")

    def headers() -> dict[str, str]:
        return {"ce_specversion": "1.0", "ce_id": attacker.fresh(), "ce_source": "/hostile", "ce_type": "a"}

    for name, text in BROKEN.items():
        answer = await attacker.send(way, text, **headers())
        assert answer.status == (202 if name == "empty" else 400), (name, answer)
    for name, text in (SOUND | LOOSE).items():
        answer = await attacker.send(way, text, **headers())
        assert answer.status == 202, (name, answer)
        assert text.strip().decode() in (await attacker.show(attacker.accepted[-1])).text, name


@pytest.mark.parametrize("noun", CREATED)
async def test_a_request_to_create_that_is_no_json_is_refused(attacker: Attacker, noun: str):
    for name, text in (BROKEN | LOOSE).items():
        for body in (text, b'{"name":"a","extra":' + text + b"}"):
            answer = await attacker.request(
                "POST", f"{INSTANCE}/{noun}", body, Content_Type="application/json"
            )
            ignored = name in TAKEN_AS_JSON and body != text
            assert answer.status in ((201, 400) if ignored else (400,)), (name, answer)


async def test_a_batch_is_bounded_in_events_and_bytes(attacker: Attacker):
    way = WAYS["batched"]
    most = await attacker.send(way, batch([attacker.event() for _ in range(MAX_EVENTS)]))
    assert most.status == 202 and len(most.json["notification_ids"]) == MAX_EVENTS
    assert (await attacker.send(way, batch([attacker.event() for _ in range(MAX_EVENTS + 1)]))).status == 413
    assert (await attacker.send(way, batch([b"{}"] * 300_000))).status == 413
    assert (await attacker.send(way, batch([b"[]"] * 300_000))).status == 400
    assert (await attacker.send(way, batch([b"0"] * 500_000))).status == 400
    assert (await attacker.send(way, batch([attacker.event(b'"%b"' % (b"x" * MAX_BODY))]))).status == 413


def batch(events: list[bytes]) -> bytes:
    return b"[" + b",".join(events) + b"]"


async def test_one_bad_event_refuses_its_batch_and_is_named(attacker: Attacker):
    for bad in (
        b"{}",
        attacker.event(type=""),
        attacker.event(b"[" * 65 + b"]" * 65),
        attacker.event(id="\x00"),
    ):
        events = [attacker.event() for _ in range(MAX_EVENTS)]
        events[250] = bad
        answer = await attacker.send(WAYS["batched"], batch(events))
        assert answer.status == 400
        assert all(one["pointer"].startswith("/250/") for one in answer.json["problems"])
    hopeless = await attacker.send(WAYS["batched"], batch([b"{}"] * MAX_EVENTS))
    assert hopeless.status == 400 and len(hopeless.json["problems"]) == 32


async def test_a_bulk_is_of_one_source(attacker: Attacker):
    events = [attacker.event(), attacker.event(ibmensourceid="another")]
    answer = await attacker.send(WAYS["bulk"], WAYS["bulk"].body(b",".join(events)))
    assert answer.status == 400 and answer.json["code"] == "several_sources"


def deflated(text: bytes) -> bytes:
    return zlib.compress(text, 9)


def member(text: bytes) -> bytes:
    return gzip.compress(text, 9)


def zeros(megabytes: int) -> bytes:
    """So much nothing in gzip, without ever having it in memory."""
    deflater = zlib.compressobj(9, wbits=31)
    return b"".join([*(deflater.compress(bytes(1 << 20)) for _ in range(megabytes)), deflater.flush()])


COMPRESSED = {
    "ten megabytes of nothing": (member(bytes(10 << 20)), 413),
    "two hundred megabytes of nothing": (zeros(200), 413),
    "one byte over the limit": (member(b" " * (MAX_BODY - 1) + b"{}"), 413),
    "twice compressed": (member(member(b"{}")), 400),
    "empty": (b"", 400),
    "empty member": (member(b""), 400),
    "two members": (member(b"{") + member(b"}"), 400),
    "ten thousand empty members": (member(b"") * 10_000, 400),
    "cut short": (member(b'{"a":1}')[:-9], 400),
    "checksum missing": (member(b"{}")[:-8], 400),
    "checksum wrong": (member(b"{}")[:-8] + b"\x00" * 8, 400),
    "rubbish after": (member(b"{}") + b"rubbish", 400),
    "head only": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 400),
    "head with an endless file name": (b"\x1f\x8b\x08\x08" + b"\x00" * 6 + b"a" * 100_000, 400),
    "head with an extra field": (b"\x1f\x8b\x08\x04" + b"\x00" * 6 + b"\xff\xff", 400),
    "method unknown": (b"\x1f\x8b\x07" + b"\x00" * 100, 400),
    "block that refers before the beginning": (b"\x1f\x8b\x08" + b"\x00" * 7 + b"\x63\x80\x03\x00", 400),
    "zlib": (deflated(b"{}"), 400),
    "raw": (deflated(b"{}")[2:-4], 400),
    "plain": (b"{}", 400),
}


@every_way
async def test_hostile_compression_is_refused(attacker: Attacker, way: Way):
    for name, (body, status) in COMPRESSED.items():
        answer = await attacker.send(way, body, Content_Encoding="gzip")
        assert answer.status == status, (name, answer)


@pytest.mark.parametrize(
    "encoding", ["deflate", "br", "zstd", "x-gzip", "gzip, gzip", "identity, gzip", "\xff"]
)
async def test_any_other_content_encoding_is_refused(attacker: Attacker, encoding: str):
    answer = await attacker.send(WAYS["structured"], member(attacker.event()), Content_Encoding=encoding)
    assert answer.status == 415 and answer.json["problems"][0]["expected"] == "gzip"


async def test_honest_compression_is_taken(attacker: Attacker):
    for encoding in ("gzip", "GZIP", " gzip "):
        body = member(attacker.event(b'"%b"' % (b"x" * 5_000)))
        assert (await attacker.send(WAYS["structured"], body, Content_Encoding=encoding)).status == 202
    assert (
        await attacker.send(WAYS["structured"], attacker.event(), Content_Encoding="identity")
    ).status == 202


MEDIA_TYPES = {
    "": 400,
    "text/plain": 400,
    "application/json": 400,
    "application/xml": 400,
    "application/x-www-form-urlencoded": 400,
    "multipart/form-data; boundary=a": 400,
    "application/cloudevents": 415,
    "application/cloudevents+xml": 415,
    "application/cloudevents+avro": 415,
    "application/cloudevents-batch+xml": 415,
    "application/cloudevents+jsonx": 415,
    "application/cloudevents+json; charset=utf-16": 415,
    'application/cloudevents+json; charset="latin-1"': 415,
    "application/cloudevents+json, application/json": 415,
    "application/cloudevents-batch+json": 400,
    "application/cloudevents+json;": 202,
    "application/cloudevents+json; charset=UTF-8": 202,
    "APPLICATION/CLOUDEVENTS+JSON": 202,
    "application/" + "x" * 10_000: 400,
    "nothing": 400,
    "/": 400,
    ";;;;=": 400,
}


@pytest.mark.parametrize("media_type", MEDIA_TYPES, ids=lambda text: text[:60])
async def test_the_content_type_decides_and_a_wrong_one_is_refused(attacker: Attacker, media_type: str):
    answer = await attacker.send(WAYS["structured"], attacker.event(), Content_Type=media_type)
    assert answer.status == MEDIA_TYPES[media_type], answer


@pytest.mark.parametrize("noun", CREATED)
async def test_to_create_needs_the_right_content_type(attacker: Attacker, noun: str):
    for media_type in (
        "",
        "text/plain",
        STRUCTURED,
        BATCHED,
        "application/json; charset=utf-16",
        "json",
        "/",
    ):
        answer = await attacker.request(
            "POST", f"{INSTANCE}/{noun}", b'{"name":"a"}', Content_Type=media_type
        )
        assert answer.status == 415, (media_type, answer)


def nested(keyword: str, times: int) -> dict:
    schema: dict = {"type": "string"}
    for _ in range(times):
        schema = {keyword: [schema, schema] if keyword.endswith("Of") else schema}
    return schema


def doubled(times: int) -> dict:
    """Definitions of which each asks for the next one twice: two to the power of `times` checks."""
    named = {f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}] * 2} for number in range(times)}
    return {"$ref": "#/$defs/d0", "$defs": named | {f"d{times}": {"type": "string"}}}


SCHEMAS: dict[str, tuple[object, int]] = {
    "not an object": ([], 400),
    "true": (True, 400),
    "null": (None, 400),
    "type that is none": ({"type": "backup"}, 422),
    "dialect that is none": ({"$schema": "http://example.com/schema"}, 422),
    "reference abroad": ({"$ref": "http://127.0.0.1:9/schema"}, 422),
    "reference to a file": ({"$ref": "file:///etc/passwd"}, 422),
    "reference to nowhere": ({"$ref": "#/$defs/a"}, 422),
    "reference to itself": ({"$ref": "#"}, 422),
    "references in a circle": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}},
        422,
    ),
    "pattern that is none": ({"pattern": "(["}, 422),
    "pattern that looks behind": ({"pattern": "(?<=a)b"}, 422),
    "pattern that refers back": ({"pattern": "(a)\\1"}, 422),
    "pattern as large as memory": ({"pattern": "((a{1000}){1000}){1000}"}, 422),
    "patterns of names": ({"patternProperties": {"(a*)*$": {"pattern": "(a*)*$"}}}, 201),
    "pattern that is slow elsewhere": ({"pattern": "^(a+)+$", "format": "email"}, 201),
    "deep": (nested("not", 60), 422),
    "doubling": (nested("anyOf", 10), 422),
    "doubling by reference": (doubled(30), 422),
    "number without end": (json.loads('{"multipleOf": 1e-300, "maximum": 1e300}'), 201),
    "unevaluated": ({"unevaluatedProperties": False, "anyOf": [{"properties": {"a": {}}}] * 100}, 201),
    "ten thousand words": ({"enum": [str(number) for number in range(9_000)]}, 201),
}
JUDGED = (b'"%b!"' % (b"a" * 50_000), b"{}", b'{"a":1}', b"1e308", b"[" + b"0," * 10_000 + b"0]")


@pytest.mark.parametrize("name", SCHEMAS)
async def test_a_hostile_schema_is_refused_or_judges_quickly(attacker: Attacker, name: str):
    document, status = SCHEMAS[name]
    body = {"name": "a", "event_types": ["*"], "schema": document, "mode": "quarantine"}
    text = json.dumps(body).encode()
    made = await attacker.request("POST", f"{INSTANCE}/schemas", text, Content_Type="application/json")
    assert made.status == status, made
    assert status != 422 or made.json["problems"][0]["pointer"].startswith("/schema"), made
    for data in JUDGED if status == 201 else ():
        before = time.monotonic()
        assert (await attacker.send(WAYS["structured"], attacker.event(data))).status == 202
        assert time.monotonic() - before < 3


async def test_what_was_thrown_at_it_left_it_no_larger(attacker: Attacker, shared_gateway: GatewayProcess):
    assert shared_gateway.process is not None
    told = Path(f"/proc/{shared_gateway.process.pid}/status").read_text()
    kilobytes = dict(re.findall(r"^(Vm\w+):\s+(\d+) kB", told, re.MULTILINE))
    assert int(kilobytes["VmHWM"]) < 200_000, kilobytes
