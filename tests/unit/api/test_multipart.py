"""Forms, as IBM's clients and hostile ones send them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.multipart import MAX_PARTS, form
from gateway.domain.errors import Malformed

TYPE = "multipart/form-data; boundary=cut"


def part(name, content, *more):
    if isinstance(content, str):
        content = content.encode()
    lines = ["--cut", f'Content-Disposition: form-data; name="{name}"', *more, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


END = b"--cut--\r\n"


def test_a_form_as_the_python_sdk_sends_it():
    body = (
        part("name", "Ops webhook", "Content-Type: text/plain")
        + part("type", "webhook", "Content-Type: text/plain")
        + part("collect_failed_events", "True", "Content-Type: text/plain")
        + part("config", '{"params": {"url": "https://x", "verb": "post"}}', "Content-Type: application/json")
        + part("certificate", b"\x00\xff", "Content-Type: application/octet-stream")
        + END
    )
    assert form(body, TYPE, {"collect_failed_events"}) == {
        "name": "Ops webhook",
        "type": "webhook",
        "collect_failed_events": True,
        "config": {"params": {"url": "https://x", "verb": "post"}},
    }


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("true", True), ("false", False), ("False", False)]
)
def test_booleans_of_python_and_of_go_are_the_same(text, value):
    assert form(part("flag", text) + END, TYPE, {"flag"}) == {"flag": value}


def test_text_that_is_no_boolean_where_one_belongs_is_refused():
    with pytest.raises(Malformed) as caught:
        form(part("flag", "yes please") + END, TYPE, {"flag"})
    assert (caught.value.code, caught.value.problems[0].pointer) == ("not_a_boolean", "/flag")


def test_files_are_skipped_by_file_name_and_by_part_name():
    body = (
        part("icon_16x16_2x", b"\x89PNG")
        + part("certificate", b"\x30\x82")
        + b'--cut\r\nContent-Disposition: form-data; name="logo"; filename="logo.png"\r\n\r\n\xff\r\n'
    )
    assert form(body + END, TYPE) == {}


def test_problems_inside_a_json_part_point_below_the_part():
    with pytest.raises(Malformed) as caught:
        form(part("config", '{"a": 1, "a": 2}', "Content-Type: application/json") + END, TYPE)
    assert (caught.value.code, caught.value.problems[0].pointer) == ("member_repeated", "/config")


def test_a_preamble_an_epilogue_and_padding_are_ignored():
    body = b"preamble\r\n--cut  \r\n" + part("a", "1")[len(b"--cut\r\n") :] + b"--cut--\r\nepilogue"
    assert form(body, TYPE) == {"a": "1"}


def test_a_boundary_may_be_quoted():
    assert form(part("a", "1") + END, 'multipart/form-data; charset=utf-8; boundary="cut"') == {"a": "1"}


def test_a_form_without_parts_is_empty():
    assert form(END, TYPE) == {}


def test_content_may_hold_what_looks_like_a_delimiter_in_a_line():
    assert form(part("a", "x --cut y\r\n-- z\r\n") + END, TYPE) == {"a": "x --cut y\r\n-- z\r\n"}


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (part("a", "1"), TYPE, "multipart_malformed"),
        (b"", TYPE, "multipart_malformed"),
        (b"--cut", TYPE, "multipart_malformed"),
        (b"--cut\r\nno blank line" + END, TYPE, "multipart_malformed"),
        (b"--cut\r\nX: " + b"y" * 5000 + b"\r\n\r\nz\r\n" + END, TYPE, "multipart_malformed"),
        (part("a", "1") + part("a", "2") + END, TYPE, "part_repeated"),
        (b"--cut\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, TYPE, "part_not_named"),
        (b"--cut\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n" + END, TYPE, "part_not_named"),
        (b"".join(part(f"p{number}", "1") for number in range(MAX_PARTS + 1)) + END, TYPE, "too_many_parts"),
        (part("a", b"\xff") + END, TYPE, "not_utf8"),
        (part("a", b"\x00") + END, TYPE, "character_forbidden"),
        (part("a", "1") + END, "multipart/form-data", "boundary_missing"),
        (part("a", "1") + END, "multipart/form-data; boundary=" + "x" * 71, "boundary_missing"),
        (part("a", "1") + END, 'multipart/form-data; boundary=""', "boundary_missing"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(body, content_type, code):
    with pytest.raises(Malformed) as caught:
        form(body, content_type)
    assert caught.value.code == code


def test_as_many_parts_as_allowed_are_read():
    assert (
        len(form(b"".join(part(f"p{number}", "1") for number in range(MAX_PARTS)) + END, TYPE)) == MAX_PARTS
    )


names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=10).filter(
    lambda name: not name.startswith("icon_")
)
contents = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: "--cut" not in text
)


@given(st.dictionaries(names, contents, max_size=8))
def test_what_is_sent_in_parts_is_read_back(members):
    members.pop("certificate", None)
    assert form(b"".join(part(name, text) for name, text in members.items()) + END, TYPE) == members


@given(st.binary(max_size=300), st.text(max_size=60))
def test_any_bytes_are_read_or_refused(body, content_type):
    for kind in (TYPE, content_type):
        try:
            form(b"--cut\r\n" + body, kind)
        except Malformed as error:
            assert error.problems
