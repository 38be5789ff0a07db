"""Hostile HTTP: heads, paths, methods and framing that are none or hardly, each on a connection of its own.

The requests are in `tests/corpora/http_texts.py`. Slow and silent clients are in `tests/api/test_server.py`.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest

from tests.api import serving
from tests.corpora.http_texts import PATHS, REQUESTS
from tests.e2e.attacking import CANARY, INSTANCE, STRUCTURED, Answer, Attacker, Way, judge_refusal
from tests.harness import ADMIN_KEY

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
# Where GET asks for a notification, or a template, of that id.
BESIDE = (f"{INSTANCE}/notifications/bulk", f"{INSTANCE}/templates/preview")
BINARY = Way(f"{INSTANCE}/events", "text/plain")


def port(attacker: Attacker) -> int:
    return urlsplit(attacker.url).port or 0


def path(attacker: Attacker) -> str:
    return f"/v1/instances/{attacker.instance}/events"


def judged(answer: serving.Answer) -> Answer:
    told = Answer(
        answer.status, {"Content-Type": answer.headers.get("content-type", "")}, answer.body.decode()
    )
    judge_refusal(told)
    return told


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_that_is_hardly_one_is_refused(attacker: Attacker, name: str):
    text, statuses = REQUESTS[name]
    event = attacker.event()[:-1].ljust(99) + b"}"
    for hole, filling in (
        (b"{path}", path(attacker).encode()),
        (b"{key}", attacker.key.encode()),
        (b"{event}", event),
        (b"Content-Length: 100", b"Content-Length: %d" % len(event)),
    ):
        text = text.replace(hole, filling)
    async with serving.connected(port(attacker)) as connection:
        await connection.send(text)
        answer = judged(await connection.answer())
        assert answer.status in statuses, answer
        connection.writer.write_eof()
        assert await connection.closed() == b""


@pytest.mark.parametrize("name", PATHS)
async def test_a_path_that_leads_nowhere_is_not_found_by_any_method(attacker: Attacker, name: str):
    for method in METHODS:
        request = serving.request(method, PATHS[name], b"", Authorization=f"Bearer {ADMIN_KEY}")
        async with serving.connected(port(attacker)) as connection:
            await connection.send(request)
            answer = await connection.answer(head_only=method == "HEAD")
        assert answer.status in (400, 404, 405, 415), (method, answer)
        assert "x-injected" not in answer.headers
        if method != "HEAD":
            judged(answer)


async def test_every_path_answers_every_method_or_says_which_it_has(attacker: Attacker):
    described = await attacker.described()
    for place, item in described["paths"].items():
        known = {method.upper() for method in item}
        filled = re.sub(r"\{\w+\}", "none", place.replace("{instance_id}", attacker.instance))
        for method in METHODS:
            if method in known or (method == "HEAD" and "GET" in known) or place in BESIDE:
                continue
            answer = await serving.ask(port(attacker), method, filled, Authorization=f"Bearer {ADMIN_KEY}")
            assert answer.status == 405, (method, place, answer)
            assert known <= {one.strip() for one in answer.headers["allow"].split(",")}


HEADERS: dict[str, tuple[dict[str, str], set[str]]] = {
    "line break, encoded": ({"ce-subject": "a%0d%0aX-Injected: yes"}, {"character_forbidden"}),
    "NUL, encoded": ({"ce-subject": "a%00"}, {"character_forbidden"}),
    "delete, encoded": ({"ce-subject": "%7F"}, {"character_forbidden"}),
    "noncharacter": ({"ce-subject": "%EF%BF%BF"}, {"character_forbidden"}),
    "overlong": ({"ce-subject": "%C0%AF"}, {"header_not_utf8"}),
    "surrogate": ({"ce-subject": "%ED%A0%80"}, {"header_not_utf8"}),
    "beyond Unicode": ({"ce-subject": "%F4%90%80%80"}, {"header_not_utf8"}),
    "cut short": ({"ce-subject": "%E2%82"}, {"header_not_utf8"}),
    "raw latin-1": ({"ce-subject": "\xe9"}, {"header_not_utf8"}),
    "tab": ({"ce-subject": "a\tb"}, {"character_forbidden"}),
    "empty": ({"ce-subject": ""}, {"attribute_empty"}),
    "empty in quotes": ({"ce-subject": '""'}, {"attribute_empty"}),
    "content type as an attribute": ({"ce-datacontenttype": "text/plain"}, {"datacontenttype_header"}),
    "data as an attribute": ({"ce-data": "a"}, {"attribute_name_invalid"}),
    "no name": ({"ce-": "a"}, {"attribute_name_invalid"}),
    "dash in the name": ({"ce-a-b": "a"}, {"attribute_name_invalid"}),
    "underscore in the name": ({"ce-a_b": "a"}, {"attribute_name_invalid"}),
    "point in the name": ({"ce-a.b": "a"}, {"attribute_name_invalid"}),
    "version of the future": ({"ce-specversion": "2.0"}, {"specversion_unsupported"}),
    "version of the past": ({"ce-specversion": "0.3"}, {"specversion_unsupported"}),
    "time that is none": ({"ce-time": "yesterday"}, {"timestamp_invalid"}),
    "source that is none": ({"ce-source": "%5Bhttp"}, {"uri_reference_invalid"}),
    "schema that is relative": ({"ce-dataschema": "/a"}, {"uri_invalid"}),
    "a hundred at once": (
        {f"ce-{'x' * number}-": "a" for number in range(1, 101)},
        {"attribute_name_invalid"},
    ),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_a_hostile_header_refuses_an_event_in_binary_mode(attacker: Attacker, name: str):
    hostile, codes = HEADERS[name]
    lawful = {"ce-specversion": "1.0", "ce-id": attacker.fresh(), "ce-source": "/hostile", "ce-type": "a"}
    headers = lawful | hostile | {"ce-canary": CANARY, "Authorization": f"Bearer {attacker.key}"}
    answer = judged(await serving.ask(port(attacker), "POST", path(attacker), **headers))
    assert answer.status == 400
    assert {one["code"] for one in answer.json["problems"]} == codes, answer


@pytest.mark.parametrize("name", HEADERS)
async def test_a_hostile_header_makes_no_hole_in_a_notification(attacker: Attacker, name: str):
    lawful = {"ce-specversion": "1.0", "ce-id": attacker.fresh(), "ce-source": "/hostile", "ce-type": "a"}
    named = {"ce-ibmensourceid": attacker.source_id, "ce-canary": CANARY}
    headers = lawful | named | HEADERS[name][0] | {"Authorization": f"Bearer {attacker.key}"}
    place = path(attacker).replace("/events", "/notifications")
    answer = await serving.ask(port(attacker), "POST", place, **headers)
    assert answer.status in (202, 400), answer
    if answer.status == 400:
        judged(answer)
    else:
        attacker.accepted.append(answer.json["notification_id"])
        assert (await attacker.show(attacker.accepted[-1])).status == 200


async def test_an_attribute_that_comes_twice_is_refused_however_it_is_spelled(attacker: Attacker):
    for first, second in (("ce-id", "ce-id"), ("ce-subject", "CE-SUBJECT"), ("ce-ext", "Ce-Ext")):
        lawful = {"ce-specversion": "1.0", "ce-source": "/hostile", "ce-type": "a", "ce-id": attacker.fresh()}
        lines = [f"{name}: {value}" for name, value in lawful.items() if name != first]
        lines += [f"{first}: {attacker.fresh()}", f"{second}: {attacker.fresh()}"]
        head = f"POST {path(attacker)} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {attacker.key}\r\n"
        text = head + "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n"
        answer = judged(await serving.raw(port(attacker), text.encode()))
        assert [one["code"] for one in answer.json["problems"]] == ["header_repeated"]


async def test_headers_beside_a_structured_event_say_nothing_about_it(attacker: Attacker):
    event = json.loads(attacker.event())
    headers = {"ce-id": "another", "ce-type": "%00", "ce-specversion": "7", "ce-data": "a"}
    answer = await attacker.send(Way(f"{INSTANCE}/events", STRUCTURED), json.dumps(event).encode(), **headers)
    assert answer.status == 202
    assert (await attacker.show(attacker.accepted[-1])).json["cloudevent"]["id"] == event["id"]


async def test_64_kib_in_one_header_are_taken_and_more_is_refused(attacker: Attacker):
    for letters, status in ((64 * 1024, 202), (100 * 1024, 431)):
        headers = {"ce_specversion": "1.0", "ce_id": attacker.fresh(), "ce_source": "/a", "ce_type": "a"}
        answer = await attacker.send(BINARY, b"", **headers, ce_text="%C3%A9" * (letters // 2))
        assert answer.status == status, answer


QUERIES = {
    "unknown": "a=b",
    "source twice": "source_id={source}&source_id={source}",
    "many": "&".join(f"a{number}=b" for number in range(1_000)),
    "ten thousand bytes": "source_id=" + "a" * 10_000,
    "semicolons": "source_id={source};a=b",
    "encoded": "source%5fid={source}",
    "NUL": "source_id=%00",
    "not UTF-8": "source_id=%ff",
    "brackets": "source_id[]={source}&source_id[$ne]=",
    "empty names": "=&=&=",
}


@pytest.mark.parametrize("name", QUERIES)
async def test_a_hostile_query_is_refused_or_does_no_harm(attacker: Attacker, name: str):
    query = QUERIES[name].replace("{source}", attacker.source_id)
    for method, noun in (("POST", "events"), ("GET", "events"), ("GET", "topics"), ("GET", "deliveries")):
        body = attacker.event() if method == "POST" else None
        place = f"{INSTANCE}/{noun}?{query}"
        answer = await attacker.request(method, place, body, Content_Type=STRUCTURED)
        assert answer.status in (200, 202, 400, 403), (noun, answer)
        if answer.status == 202:
            attacker.accepted.append(answer.json["notification_id"])
