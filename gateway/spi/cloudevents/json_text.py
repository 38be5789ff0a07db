"""Strict reading of JSON text from outside, down to raw members: what passes is well-formed throughout.

Strict is RFC 8259 without its latitude: UTF-8 only, no byte order mark, no member twice, no lone
surrogates, bounded depth. Values stay the bytes received. What the members mean lives in `structured`.
Nothing here raises anything but Malformed, and everything is linear in the size of the text.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import accumulate
from typing import TypeVar

import msgspec

from gateway.domain.attributes import MAX_PROBLEMS, pointer
from gateway.domain.errors import Malformed, Problem, TooLarge

MAX_DEPTH = 64
"""How deep arrays and objects may nest in the data of an event."""

Members = dict[str, msgspec.Raw]
T = TypeVar("T")


class _Object(msgspec.Struct, gc=False):
    """Any JSON object, skipped over."""


_members = msgspec.json.Decoder(Members)
_objects = msgspec.json.Decoder(list[_Object])
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(msgspec.Raw)

_WHITESPACE = b" \t\r\n"
_SHORTEST_MEMBER = len(b'"":0,')
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_NOT_OPENING = bytes(set(range(256)) - set(b"{["))
_NO_QUOTES_OR_BRACKETS = bytes(set(_NO_BRACKETS) - set(b'"'))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_STEPS = bytes.maketrans(b"[]", b"\x01\xff")
_PEELED = 6
_index = re.compile(r"at `\$\[([0-9]+)\]").search


def check_utf8(text: bytes) -> None:
    """Refuse what is empty, not UTF-8 or begins with a byte order mark; decoders skip strings unread."""
    if not text:
        raise Malformed("body_empty", "the body is empty", expected="a JSON text")
    if text.isascii():
        return
    if text.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise Malformed("byte_order_mark", "the text begins with a byte order mark", expected="none")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        where = f"the text is not UTF-8 at byte {error.start}"
        raise Malformed("not_utf8", where, expected="UTF-8") from None


def members(text: bytes) -> Members:
    """The members of one JSON object, each value as received. The text has to have passed `check_utf8`."""
    found = _read(_members, text)
    if not _each_once(text, found):
        _refuse_repeated(text)
    return found


def objects(text: bytes, limit: int) -> list[msgspec.Raw]:
    """The elements of one JSON array of at most `limit` objects, each as received; checked text only.

    They are counted before any is kept, so that an array of a million crumbs costs no more than its bytes.
    Raises TooLarge beyond `limit`, else Malformed.
    """
    try:
        count = len(_objects.decode(text))
        if count <= limit:
            return _elements.decode(text)
    except msgspec.ValidationError as error:
        if (found := _index(str(error))) is None:
            raise _not_an("array") from None
        raise _not_an("object", f"/{found[1]}") from None
    except msgspec.DecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise _too_deep() from None
    raise TooLarge("batch_too_large", f"the batch holds {count} events", expected=f"at most {limit}")


def check_value(text: bytes) -> None:
    """Refuse what is not exactly one well-formed JSON value, or nests deeper than MAX_DEPTH."""
    check_utf8(text)
    _read(_value, text)
    check_depth(text)


def check_depth(value: bytes, at: str = "") -> None:
    """Refuse a well-formed value, found `at` that pointer, that nests deeper than MAX_DEPTH."""
    if len(value.translate(None, _NOT_OPENING)) > MAX_DEPTH and _is_deeper(value):
        raise _too_deep(at)


def _read(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise _not_an("object") from None
    except msgspec.DecodeError as error:
        raise _not_json(error) from None
    except RecursionError:
        raise _too_deep() from None


def _not_an(kind: str, at: str = "") -> Malformed:
    return Malformed(f"not_an_{kind}", f"this is not a JSON {kind}", pointer=at, expected=f"a JSON {kind}")


def _not_json(error: msgspec.DecodeError) -> Malformed:
    return Malformed("json_malformed", str(error), expected="JSON as in RFC 8259")


def _too_deep(at: str = "") -> Malformed:
    return Malformed(
        "json_too_deep",
        f"the JSON nests deeper than {MAX_DEPTH} levels",
        pointer=at,
        expected=f"at most {MAX_DEPTH} levels of arrays and objects",
    )


def _each_once(text: bytes, found: Members) -> bool:
    """Whether no member was hidden by a later one of the same name.

    Exact, without a second parser: the bytes of all members found, and of the punctuation between
    them, make up the whole text but for whitespace. A hidden member, or a name spelled with escapes,
    is more than that. The first test spares the usual compact text the count of its whitespace.
    """
    names = "".join(found)
    if not names.isascii():
        return False
    punctuation = 2 + 4 * len(found) - (1 if found else 0)
    spare = len(text) - punctuation - len(names) - sum(map(len, found.values()))
    if spare < _SHORTEST_MEMBER:
        return True
    return _solid(text) == punctuation + _solid(names.encode()) + _solid(b"".join(found.values()))


def _solid(text: bytes) -> int:
    return len(text.translate(None, _WHITESPACE))


def _refuse_repeated(text: bytes) -> None:
    """Tell which top-level names occur twice; return if the names only hold escapes or other alphabets."""
    top: list[str] = []

    def keep(pairs: list[tuple[str, object]]) -> None:
        top[:] = [name for name, _ in pairs]

    try:
        json.loads(text, object_pairs_hook=keep, parse_int=str, parse_float=str)
    except RecursionError:
        raise _too_deep() from None
    repeated = [name for name, times in Counter(top).items() if times > 1]
    if repeated:
        raise Malformed.of([_repeated(name) for name in repeated[:MAX_PROBLEMS]])


def _repeated(name: str) -> Problem:
    at = pointer(name)
    return Problem("member_repeated", f"`{at[1:]}` occurs more than once", at, "every member at most once")


def _is_deeper(value: bytes) -> bool:
    """Take off the innermost pairs a few times, which flattens most; walk what is left step by step."""
    brackets = _outside_strings(value).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(_PEELED):
        brackets = brackets.replace(b"[]", b"")
    steps = memoryview(brackets.translate(_STEPS)).cast("b")
    return _PEELED + max(accumulate(steps), default=0) > MAX_DEPTH


def _outside_strings(value: bytes) -> bytes:
    """The quotes and brackets of a value without the strings that hold brackets."""
    unescaped = value.replace(b"\\\\", b"").replace(b'\\"', b"")
    strings_and_brackets = unescaped.translate(None, _NO_QUOTES_OR_BRACKETS).replace(b'""', b"")
    return b"".join(strings_and_brackets.split(b'"')[::2])
