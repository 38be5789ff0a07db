"""The grammars of attribute values, by tables of what is legal and what is not, and in linear time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.syntax import (
    charset,
    is_absolute_uri,
    is_json_type,
    is_media_type,
    is_text_type,
    is_timestamp,
    is_uri_reference,
)

ABSOLUTE = [
    "https://github.com/cloudevents",
    "mailto:cncf-wg-serverless@lists.cncf.io",
    "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
    "crn:v1:bluemix:public:is:us-south:a/be09dae34250::backup-policy:r006-1",
    "com.example.thing:x",
    "http://a",
    "http://",
    "http://a:80/b/c;d=e?f=g&h=/?",
    "http://user:pa%20ss@example.com:8080/",
    "http://[2001:db8::7]/c=GB?one",
    "http://[::ffff:192.0.2.1]:80",
    "http://[v7.fe80:a]/x",
    "file:///etc/hosts",
    "tel:+1-816-555-1212",
    "ldap://192.0.2.7/c=GB?objectClass?one",
    "a:",
    "x:/a//b",
]
RELATIVE = [
    "/cloudevents/spec/pull/123",
    "1-555-123-4567",
    "#fragment",
    "?query",
    "//authority/path",
    "//authority:80",
    "a/b:c",
    "./a:b",
    "..",
    "%41",
    "com.ibm.cloud.is.backup-policy",
    "https://a/b#c",
]
NO_URI = [
    "http://exa mple/",
    "http://a/%zz",
    "http://a/%4",
    "http://[bad",
    "http://[::1",
    "http://[:::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[1.2.3.4]/",
    "http://[v.x]/",
    "http://a]b/",
    "http://a:8o/",
    "http://a@b@c/",
    "1a:b",
    ":a",
    "a b",
    "/a\\b",
    "/a|b",
    "/{id}",
    "/ümlaut",
    "/a#b#c",
    "<a>",
    "/a\n",
    'x"y',
    "a^b",
    "`",
]


@pytest.mark.parametrize("text", ABSOLUTE)
def test_an_absolute_uri_is_one_and_a_reference_too(text):
    assert is_absolute_uri(text)
    assert is_uri_reference(text)


@pytest.mark.parametrize("text", RELATIVE)
def test_a_relative_reference_or_a_fragment_is_no_absolute_uri(text):
    assert is_uri_reference(text)
    assert not is_absolute_uri(text)


@pytest.mark.parametrize("text", NO_URI)
def test_anything_else_is_no_uri_at_all(text):
    assert not is_uri_reference(text)
    assert not is_absolute_uri(text)


TIMESTAMPS = [
    "2018-04-05T17:31:00Z",
    "2018-04-05T17:31:00.000000000Z",
    "2018-04-05T18:31:00+01:00",
    "2018-04-05T16:31:00-01:00",
    "2018-04-05t17:31:00z",
    "2018-04-05T17:31:00-00:00",
    "2018-04-05T17:31:00+23:59",
    "2018-04-05T17:31:00.1Z",
    "2020-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "0000-02-29T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+01:00",
    "1990-12-31T23:59:60Z",
    "1990-12-31T15:59:60-08:00",
    "1991-01-01T07:59:60+08:00",
    "2016-06-30T23:59:60.5Z",
    "2012-07-01T08:59:60+09:00",
    "2016-12-31T23:29:60-00:30",
]
NO_TIMESTAMPS = [
    "",
    "lunchtime",
    "2018-04-05",
    "2018-04-05T18:31Z",
    "2018-04-05T18:31:00",
    "2018-04-05T18:31:00X",
    "2018-04-05T18:31:00+25:00",
    "2018-04-05T18:31:00+xx:00",
    "2018-04-05T18:31:00+05",
    "2018-04-05T18:31:00+0500",
    "2018-04-05T18:31:00+05:60",
    "2018-04-05T18:31:00.Z",
    "2018-04-05T18:31:00,5Z",
    "2018-04-05 18:31:00Z",
    "20180405T183100Z",
    "2018-W14-4T18:31:00Z",
    "2018-04-05T24:00:00Z",
    "2018-04-05T18:60:00Z",
    "2018-04-05T18:31:61Z",
    "2018-13-05T18:31:00Z",
    "2018-00-05T18:31:00Z",
    "2018-04-00T18:31:00Z",
    "2018-04-31T18:31:00Z",
    "2019-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "18-04-05T18:31:00Z",
    "+2018-04-05T18:31:00Z",
    "2018-04-05T18:31:00Z ",
    " 2018-04-05T18:31:00Z",
    "2018-04-05T18:31:00Z\n",
    "２018-04-05T18:31:00Z",
    "2018-04-05T18:31:0٠Z",
    "1998-12-31T23:58:60Z",
    "1998-12-31T22:59:60Z",
    "1998-12-30T23:59:60Z",
    "1998-12-31T23:59:60+01:00",
    "1999-01-02T07:59:60+08:00",
    "1990-12-30T15:59:60-08:00",
    "06/06/2022, 14:23:01",
]


@pytest.mark.parametrize("text", TIMESTAMPS)
def test_a_timestamp_of_rfc_3339_is_one(text):
    assert is_timestamp(text)


@pytest.mark.parametrize("text", NO_TIMESTAMPS)
def test_other_spellings_of_time_are_no_timestamps(text):
    assert not is_timestamp(text)


@given(
    st.datetimes(),
    st.integers(min_value=-1439, max_value=1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_every_datetime_that_python_writes_is_a_timestamp(moment, zone):
    assert is_timestamp(moment.replace(tzinfo=zone).isoformat())


@given(st.text(alphabet="0123456789-:.TtZz+ ", max_size=30))
def test_what_counts_as_a_timestamp_python_can_read(text):
    if is_timestamp(text) and "60" not in text[17:19] and text[:4] not in ("0000", "9999", "0001"):
        assert datetime.fromisoformat(text.upper()).astimezone(UTC)


@pytest.mark.parametrize(
    "text",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'text/plain; charset="utf-8"; format=flowed',
        'multipart/mixed; boundary="a \\"b\\" ; c"',
        "application/vnd.ibm.backup-v1+json",
        "model/gltf+json",
        "x-custom/1",
    ],
)
def test_a_media_type_has_a_type_a_subtype_and_well_formed_parameters(text):
    assert is_media_type(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xyz",
        "not a mime",
        "application/",
        "/json",
        "application/json;",
        "application/json; charset",
        "application/json; charset=",
        "application/json; =utf-8",
        'application/json; charset="utf-8',
        "application/json charset=utf-8",
        "application/json, text/plain",
        "application/json/x",
        "application /json",
        "application/j son",
        " application/json",
        "application/json ",
        "application/json\n",
        "*/*",
        "application/jsön",
        "application/json;\tcharset=utf-8",
        f"application/{'x' * 128}",
    ],
)
def test_other_text_is_no_media_type(text):
    assert not is_media_type(text)


@pytest.mark.parametrize(
    ("media_type", "verdict"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/json", True),
        ("application/cloudevents+json", True),
        ("model/gltf+JSON ; a=b", True),
        ("application/xml", False),
        ("application/jsonp", False),
        ("application/x-json", False),
        ("application/xml; a=json", False),
        ("application/json-seq", False),
    ],
)
def test_json_is_told_by_the_subtype_alone(media_type, verdict):
    assert is_json_type(media_type) is verdict


@pytest.mark.parametrize(
    ("media_type", "verdict"),
    [
        ("text/plain", True),
        ("TEXT/Plain; Charset=UTF-8", True),
        ('text/csv; charset="us-ascii"', True),
        ("application/xml", True),
        ("image/svg+xml", True),
        ("text/plain; charset=iso-8859-1", False),
        ("text/plain; format=flowed; charset=utf-16", False),
        ("application/octet-stream", False),
        ("application/xmlish", False),
    ],
)
def test_text_is_told_by_type_and_charset(media_type, verdict):
    assert is_text_type(media_type) is verdict


def test_the_charset_is_read_from_the_parameters_in_lower_case():
    assert charset('text/plain; x=y; CHARSET="Latin-1"') == "latin-1"
    assert charset("text/plain") == ""


@pytest.mark.parametrize("law", [is_uri_reference, is_absolute_uri, is_timestamp, is_media_type])
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "%41",
        "%4",
        "a%",
        "/",
        "//",
        ":",
        "a:",
        "@",
        "[",
        "]",
        "?",
        "#",
        ";",
        "; a=b",
        '"',
        '\\"',
        "0",
        ".0",
        " ",
    ],
)
def test_every_grammar_is_linear_in_hostile_text(law, piece):
    hostile = [f"{head}{piece * 200_000}{tail}" for head in ("", "http://", "a/b") for tail in ("", "\n")]
    began = time.process_time()
    for text in hostile:
        law(text)
    assert time.process_time() - began < 2
