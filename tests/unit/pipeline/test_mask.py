"""What a source masks: it is nowhere in the event, its meaning or its id, and the rest is as it was."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.delivery import AcceptedEvent
from gateway.domain.errors import Invalid, pointer_token
from gateway.domain.event import DataForm, Event
from gateway.domain.source import Source
from gateway.pipeline.correct import Correction, corrected
from gateway.pipeline.decode import decode, decode_for, decode_native, masked_notifications
from gateway.pipeline.mask import MASK, check_places, is_unmasked, masked_event
from gateway.pipeline.receive import Envelope
from gateway.pipeline.sightings import Sightings

SECRET = "hunter2-c4n4ry"
SOURCE = Source("s", "i", "A source", 0.0, 0.0, mask=("/password",), mask_salt="salt")
JSON_TYPE = "application/json"
STRUCTURED = ((b"content-type", b"application/cloudevents+json"),)

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def event_of(data, form=DataForm.JSON, kind=JSON_TYPE):
    known = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "datacontenttype": kind}
    return Event(known, data if isinstance(data, bytes) else json.dumps(data).encode(), form)


def shown(data, *places):
    return masked_event(event_of(data), replace(SOURCE, mask=places)).data


def envelope(body, headers=(), **more):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Envelope("i", headers, content, "", 0.0, **more)


def everything(decoded):
    """All that is stored or forwarded of an event, as one text."""
    return f"{decoded.event} {decoded.vocabulary} {decoded.payload}"


@pytest.mark.parametrize(
    ("data", "places", "expected"),
    [
        (b'{"a": 1,  "password":"x", "n": 1.10}', ["/password"], b'{"a":1,"password":"***","n":1.10}'),
        (b'{"a": 1,  "passwords": "x"}', ["/password", "/a/b"], b'{"a": 1,  "passwords": "x"}'),
        (b'{"a": {"b": {"c": [1, 2]}}}', ["/a/b"], b'{"a":{"b":"***"}}'),
        (b'{"rows": [{"t": 1}, {"u": 2}, 3]}', ["/rows/*/t"], b'{"rows":[{"t":"***"},{"u": 2},3]}'),
        (b'{"rows": [7, 8]}', ["/rows/1", "/rows/01"], b'{"rows":[7,"***"]}'),
        (b'{"x": {"t": 1}, "y": {"t": 2}}', ["/*/t"], b'{"x":{"t":"***"},"y":{"t":"***"}}'),
        (b'{"a/b": 1, "m~n": 2}', ["/a~1b", "/m~0n"], b'{"a/b":"***","m~n":"***"}'),
        (b'{"p\\u0061ss": "x"}', ["/pass"], b'{"pass":"***"}'),
        (b'{"password": "x", "password": "***"}', ["/password"], b'{"password":"***"}'),
        (b'{"a": {"b": "x"}, "a": {}}', ["/a/b"], b'{"a":{}}'),
        (b'{"big": 1e400, "t": null}', ["/t"], b'{"big":1e400,"t":"***"}'),
        (b'[{"t": 1}]', ["/0/t"], b'[{"t":"***"}]'),
        (b'"password"', ["/password"], b'"password"'),
        (
            b'{"fields": [{"name": " Pass ", "value": "x"}, {"name": "b", "value": "y"}, 1]}',
            ["/fields/pass"],
            b'{"fields":[{"name":" Pass ","value":"***"},{"name": "b", "value": "y"},1]}',
        ),
        (
            b'{"fields": [{"name": "pass", "value": "x", "value": "***"}]}',
            ["/fields/Pass"],
            b'{"fields":[{"name":"pass","value":"***"}]}',
        ),
    ],
)
def test_what_is_named_is_masked_and_the_rest_stays_as_it_came(data, places, expected):
    assert shown(data, *places) == expected
    assert shown(expected, *places) == expected


def places_of(value, at=""):
    """A pointer to everything that is in a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    rows = [(f"{at}/{pointer_token(str(name))}", one) for name, one in inside]
    return [place for row, one in rows for place in (row, *places_of(one, row))]


def planted(value, place):
    """The value with the secret where a pointer points."""
    token, _, rest = place[1:].partition("/")
    key = token.replace("~1", "/").replace("~0", "~") if isinstance(value, dict) else int(token)
    inside = SECRET if not rest and place.count("/") == 1 else planted(value[key], f"/{rest}")
    return {**value, key: inside} if isinstance(value, dict) else [*value[:key], inside, *value[key + 1 :]]


@given(json_values.filter(places_of), st.data(), st.booleans())
def test_a_masked_value_is_nowhere_and_nothing_else_changes(value, data, wildcards):
    place = data.draw(st.sampled_from([one for one in places_of(value) if one.count("/") <= 16]))
    holding = planted(value, place)
    tokens = place.split("/")
    if wildcards:
        tokens[data.draw(st.integers(1, len(tokens) - 1))] = "*"
    check_places(["/".join(tokens)])
    found = shown(holding, "/".join(tokens))
    assert SECRET.encode() not in found
    if "*" not in tokens:
        assert json.loads(found) == json.loads(json.dumps(holding).replace(SECRET, MASK))
    assert shown(found, "/".join(tokens)) == found


@pytest.mark.parametrize("place", ["", "password", "/a~2", "/" * 17, "a/b"])
def test_what_is_no_pointer_into_the_data_is_refused(place):
    with pytest.raises(Invalid) as refused:
        check_places(["/fine", place])
    assert (refused.value.code, refused.value.problems[0].pointer) == ("mask_invalid", "/mask/1")


@pytest.mark.parametrize(
    ("form", "kind"), [(DataForm.TEXT, "text/plain"), (DataForm.BINARY, "application/octet-stream")]
)
def test_data_that_is_not_json_is_refused(form, kind):
    with pytest.raises(Invalid) as refused:
        masked_event(event_of(b"password=x", form, kind), SOURCE)
    assert refused.value.code == "data_not_maskable"


def test_binary_data_that_is_json_is_masked_and_absent_data_needs_no_mask():
    assert masked_event(event_of({"password": "x"}, DataForm.BINARY), SOURCE).data == b'{"password":"***"}'
    empty = Event({"specversion": "1.0", "id": "1", "source": "/x", "type": "t"})
    assert masked_event(empty, SOURCE) is empty


def test_a_plain_event_means_what_its_masked_data_say():
    source = replace(SOURCE, mask=("/title",))
    sent = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", "data": {"title": SECRET}}
    (one,), _ = decode(envelope(sent, STRUCTURED), source, max_events=10)
    assert one.vocabulary.title == MASK and one.event.id == "1"
    assert SECRET not in everything(one)


def test_every_event_of_a_batch_that_cannot_be_masked_is_told():
    text = {"specversion": "1.0", "source": "/x", "type": "t", "datacontenttype": "text/plain", "data": "x"}
    sent = [text | {"id": "1"}, {**text, "id": "2", "datacontenttype": JSON_TYPE}, text | {"id": "3"}]
    headers = ((b"content-type", b"application/cloudevents-batch+json"),)
    with pytest.raises(Invalid) as refused:
        decode(envelope(sent, headers), SOURCE, max_events=10)
    assert [one.pointer for one in refused.value.problems] == ["/0/data", "/2/data"]


NATIVE = {
    "json": ({"type": "backup.failed", "title": SECRET}, "/title"),
    "dbackup": (
        {"eventType": "user_login", "title": "Login", "message": "m", "timestamp": "2026-01-01T00:00:00Z",
         "fields": [{"name": "User", "value": SECRET}]},
        "/fields/user",
    ),
    "ironcore": (
        {"event_id": "7", "type": "backup.failed", "severity": "error", "resource": SECRET}, "/resource",
    ),
    "backupman": ({"Event": "backup", "Payload": {"Id": "1", "Label": SECRET}}, "/*/Label"),
    "kymaros": ({"testName": "web", "result": "FAILED", "reportRef": "r", "message": SECRET}, "/message"),
    "proxmox": (
        {"type": "vzdump", "title": "t", "message": SECRET, "severity": "error", "timestamp": 1700000000},
        "/message",
    ),
    "slack": ({"text": "Backup failed: db", "attachments": [{"text": SECRET}]}, "/attachments/*/text"),
    "ibm-event-notifications": (
        {"specversion": "1.0", "id": "5", "ibmensourceid": "s", "source": "/x", "type": "t",
         "message_subject": "odd\nname", "data": {"title": SECRET}},
        "/title",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NATIVE)
def test_a_product_s_payload_is_read_by_what_may_be_seen_of_it(name):
    body, place = NATIVE[name]
    source = replace(SOURCE, format=name, mask=(place,))
    sent = envelope(body, receipt="same")
    (plain,) = decode_native(sent, name, replace(source, mask=()))
    assert SECRET in everything(plain), "or this shows nothing"
    (one,), _ = decode_for(sent, source, max_events=10)
    assert SECRET not in everything(one)
    assert MASK in str(one.event.data)
    (again,), _ = decode_for(sent, source, max_events=10)
    assert again.event.id == one.event.id, "a retry of the sender is a repeat"
    other = envelope(json.loads(json.dumps(body).replace(SECRET, "another")), receipt="same")
    (before,) = decode_native(other, name, replace(source, mask=()))
    (after,), _ = decode_for(other, source, max_events=10)
    told_apart = before.event.id != plain.event.id
    assert (after.event.id != one.event.id) is told_apart, "what were two events stay two"
    assert one.event.type == plain.event.type


def test_alerts_of_one_message_are_masked_each_and_stay_several():
    alerts = [{"status": "firing", "labels": {"alertname": "A", "token": f"{SECRET}{n}"}} for n in range(3)]
    source = replace(SOURCE, format="alertmanager", mask=("/alerts/0/labels/token",))
    made, _ = decode_for(envelope({"alerts": alerts}, receipt="r"), source, max_events=10)
    assert len({one.event.id for one in made}) == 3
    assert all(SECRET not in everything(one) for one in made)


@pytest.mark.parametrize(("tail", "query"), [("fail", ""), ("0", "job=db&rid=run-1"), ("", "rid=run-2")])
def test_the_log_of_a_ping_can_be_masked(tail, query):
    source = replace(SOURCE, mask=("/log", "/user_agent"))
    headers = ((b"user-agent", SECRET.encode()),)
    sent = envelope(f"lost {SECRET}".encode(), headers, tail=tail, query=query, receipt="r", method="POST")
    (plain,) = decode_native(sent, "ping", replace(source, mask=()))
    (one,) = decode_native(sent, "ping", source)
    assert SECRET not in everything(one) and one.vocabulary.summary == MASK
    assert one.event.attributes == plain.event.attributes
    assert json.loads(one.event.data) == {**json.loads(plain.event.data), "log": MASK, "user_agent": MASK}


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [
        ("json", {"id": SECRET, "type": "t"}, "/id"),
        ("json", {"id": SECRET, "type": "t"}, "/*"),
        ("kymaros", {"testName": SECRET, "result": "FAILED"}, "/testName"),
    ],
)
def test_an_id_that_stands_in_what_is_masked_tells_nothing_of_it(name, body, place):
    source = replace(SOURCE, format=name, mask=(place,))
    (one,) = decode_native(envelope(body, receipt="r"), name, source)
    (salted,) = decode_native(envelope(body, receipt="r"), name, replace(source, mask_salt="other"))
    assert SECRET not in everything(one) and one.event.id != MASK
    assert one.event.id != salted.event.id, "nobody who lacks the salt can try values"


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [("slack", {"text": "x"}, "/text"), ("kymaros", {"testName": "a", "result": "OK"}, "/result")],
)
def test_a_format_that_still_reads_a_masked_payload_reads_the_mask(name, body, place):
    (one,) = decode_native(envelope(body, receipt="r"), name, replace(SOURCE, mask=(place,)))
    assert json.loads(one.event.data)[place[1:]] == MASK


@pytest.mark.parametrize(
    ("name", "body", "place"),
    [
        ("backupman", {"Event": "e", "Payload": {"Id": "1"}}, "/Payload"),
        ("alertmanager", {"alerts": [{"labels": {}}]}, "/alerts"),
        ("slack", {"attachments": [{"text": "x"}]}, "/attachments"),
    ],
)
def test_what_cannot_be_read_without_what_is_masked_is_refused(name, body, place):
    with pytest.raises(Invalid) as refused:
        decode_native(envelope(body, receipt="r"), name, replace(SOURCE, mask=(place,)))
    assert refused.value.code == "masked_unreadable"


def test_the_state_of_a_ping_cannot_be_masked():
    with pytest.raises(Invalid) as refused:
        decode_native(envelope(b"", tail="fail"), "ping", replace(SOURCE, mask=("/state",)))
    assert refused.value.code == "masked_unreadable"


def test_notifications_are_masked_once_it_is_known_whose_they_are():
    body, place = NATIVE["ibm-event-notifications"]
    name = "ibm-event-notifications"
    decoded = decode_native(envelope(body), name, None)
    (one,) = masked_notifications(name, decoded, replace(SOURCE, mask=(place,)))
    assert SECRET not in everything(one) and one.vocabulary.title == MASK
    kept = {**decoded[0].event.attributes}
    assert {**one.event.attributes} == kept


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("new_data", [False, True])
def test_what_was_stored_before_it_was_masked_is_masked_when_it_is_released(name, new_data):
    body, place = NATIVE[name]
    source = replace(SOURCE, format=name)
    (one,) = decode_native(envelope(body, receipt="r"), name, replace(source, mask=()))
    accepted = AcceptedEvent("e", "i", "s", one.event, one.vocabulary, 0.0, 1)
    source = replace(source, mask=(place,))
    assert is_unmasked(one.event, source)
    decoded = corrected(accepted, source, Correction(one.event.data if new_data else None))
    assert SECRET not in everything(decoded)
    assert decoded.event.id == one.event.id, "it is the same event"


def test_a_kept_request_shows_what_its_source_lets_be_seen():
    source = replace(SOURCE, keep_requests=3)
    sightings = Sightings()
    sent = envelope(b'{"password": "%b", "type": "t"}' % SECRET.encode(), receipt="r")
    sightings.note(replace(source, mask=()), sent)
    assert sightings.of(source) == [], "what was kept unmasked is not shown any more"
    decoded = decode_native(sent, "json", source)
    sightings.note(source, sent, decoded)
    sightings.note(source, envelope(b'{"password": "%b' % SECRET.encode()), (), "json_malformed")
    unread, read = sightings.of(source)
    assert (unread.body, unread.refused, unread.size) == (b"", "json_malformed", 28)
    assert read.body == b'{"password":"***","type":"t"}'
    sightings.forget({source.id: replace(source, mask=("/other",))})
    assert sightings.of(source) == []


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_garbage_is_refused_or_masked(data):
    try:
        masked_event(event_of(data, DataForm.BINARY), SOURCE)
    except Invalid as refused:
        assert refused.code == "data_not_maskable"
