"""What a source masks in the data of its events, before anything else reads them.

A place is a JSON pointer into the data (RFC 6901) in which `*` stands for every member of an object and every
element of a list; in a list of `{name, value}`, as DBackup has its fields, a name in any case stands for that
value. Whatever stands there becomes MASK. Everything beside it stays the bytes received, but for members that
occur twice on the way to it: of these only the last is kept.

Data that is not JSON has no such places. It is refused, for what is to be hidden may stand anywhere in it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import msgspec

from gateway.domain.errors import Invalid, Malformed, Problem
from gateway.domain.event import Event
from gateway.domain.source import Source
from gateway.domain.view import Missing
from gateway.spi.cloudevents.json_text import Members
from gateway.spi.cloudevents.json_text import members as members_once
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Decoded

MASK = "***"
MAX_PLACES, MAX_STEPS = 32, 16
"""Places of one source, and tokens of one of them."""
EVERY = "*"

_WHITESPACE = b" \t\r\n"
_MASKED = msgspec.Raw(b'"***"')
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_is_pointer = re.compile(r"(?:/(?:[^/~]|~[01])*)+", re.DOTALL).fullmatch
_is_index = re.compile(r"0|[1-9][0-9]{0,8}").fullmatch

Path: TypeAlias = tuple[str, ...]
Below: TypeAlias = Mapping[str, Sequence[Path]]
"""What is left of the paths that begin with a token, by that token."""


def check_places(places: Sequence[str]) -> None:
    """Raises Invalid for what is no pointer to something below the data."""
    for index, place in enumerate(places):
        if not _is_pointer(place) or place.count("/") > MAX_STEPS:
            raise Invalid(
                "mask_invalid",
                "this is no JSON pointer to a place in the data",
                pointer=f"/mask/{index}",
                expected=f"like /login/password or /rows/*/token, of at most {MAX_STEPS} steps",
            )


def masked_events(events: Sequence[Event], source: Source, *, batched: bool) -> list[Event]:
    """The events of a request as their source lets them be seen. Raises Invalid with a problem for each that
    cannot be masked."""
    shown: list[Event] = []
    problems: list[Problem] = []
    for index, event in enumerate(events):
        try:
            shown.append(masked_event(event, source))
        except Invalid as refusal:
            place = f"/{index}" if batched else ""
            problems += [problem.below(place) for problem in refusal.problems]
    if problems:
        raise Invalid.of(problems)
    return shown


def masked_event(event: Event, source: Source) -> Event:
    """The event as its source lets it be seen; the same one if nothing in it is masked.

    Raises Invalid for data that is not JSON.
    """
    data = event.data
    if data is None:
        return event
    if isinstance(payload(event), Missing):
        raise Invalid(
            "data_not_maskable",
            "this source masks places in JSON data, and the data is not JSON",
            pointer="/data",
            expected="JSON data, or a source that masks nothing",
        )
    text = data.strip(_WHITESPACE)
    shown = _masked(text, _paths(source.mask))
    return event if shown is text else Event(event.attributes, shown, event.form)


def masked(decoded: Decoded, source: Source, read: Callable[[Event], Decoded | None]) -> Decoded:
    """An event with its meaning, read anew by `read` if something in its data is masked.

    Its id stays what it was, unless it came from what is masked: then it becomes one that tells nothing of
    that, and still is the same for the same payload. Raises Invalid for data that is not JSON, and for what
    cannot be read any more once it is masked.
    """
    shown = masked_event(decoded.event, source)
    if shown is decoded.event:
        return decoded
    again = read(shown)
    if again is None or masked_event(again.event, source) is not again.event:
        raise unreadable()
    event_id = decoded.event.id if again.event.id == decoded.event.id else blind_id(source, decoded.event.id)
    attributes = {**again.event.attributes, "id": event_id}
    return again._replace(event=Event(attributes, again.event.data, again.event.form))


def is_unmasked(event: Event, source: Source) -> bool:
    """Whether the event holds what its source masks: one from before it did. Raises Invalid."""
    return bool(source.mask) and masked_event(event, source) is not event


def unreadable() -> Invalid:
    """The refusal of a payload whose format needs what is masked."""
    return Invalid(
        "masked_unreadable",
        "the payload cannot be read without what the source masks",
        expected="places in `mask` that the format can do without",
    )


def blind_id(source: Source, event_id: str) -> str:
    """An id made of one that may tell what is masked: without the salt nobody finds that by trial."""
    salt = source.mask_salt.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b(event_id.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).hexdigest()


@lru_cache(maxsize=1024)
def _paths(places: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(
        tuple(token.replace("~1", "/").replace("~0", "~") for token in place.split("/")[1:])
        for place in places
    )


def _masked(value: bytes, paths: Sequence[Path]) -> bytes:
    """A JSON value with the ends of these paths masked; the same bytes if there are none in it."""
    if value.startswith(b"{"):
        return _masked_object(value, _by_first(paths))
    return _masked_list(value, _by_first(paths)) if value.startswith(b"[") else value


def _masked_object(text: bytes, below: Below) -> bytes:
    members, changed = _members_of(text)
    every, shown, named = below.get(EVERY, ()), {}, False
    for name, value in members.items():
        rest = (*every, *below.get(name, ()))
        shown[name] = inside = _inside(value, rest) if rest else value
        named = named or bool(rest)
        changed = changed or inside is not value
    return msgspec.json.encode(shown) if named and changed else text


def _masked_list(text: bytes, below: Below) -> bytes:
    elements = _elements.decode(text)
    every = below.get(EVERY, ())
    named = {
        token.casefold(): rest for token, rest in below.items() if token != EVERY and not _is_index(token)
    }
    shown = []
    for index, value in enumerate(elements):
        rest = (*every, *below.get(str(index), ()))
        inside = _inside(value, rest) if rest else value
        shown.append(_named(inside, named) if named else inside)
    changed = any(one is not value for one, value in zip(shown, elements, strict=True))
    return msgspec.json.encode(shown) if changed else text


def _named(value: msgspec.Raw, named: Below) -> msgspec.Raw:
    """A row of `{name, value}` with its value masked, if that is named."""
    text = bytes(value)
    members = _members_of(text)[0] if text.startswith(b"{") else {}
    name = bytes(members.get("name", b""))
    rest = named.get(_string.decode(name).strip().casefold(), ()) if name.startswith(b'"') else ()
    shown = _masked_object(text, {"value": rest}) if rest else text
    return value if shown is text else msgspec.Raw(shown)


def _members_of(text: bytes) -> tuple[Members, bool]:
    """The members of an object, the last of each name, and whether a name occurs twice."""
    try:
        return members_once(text), False
    except Malformed:
        return _members.decode(text), True


def _inside(value: msgspec.Raw, rest: Sequence[Path]) -> msgspec.Raw:
    """The value behind a token; the same one if nothing in it is masked."""
    if () in rest:
        return value if bytes(value) == bytes(_MASKED) else _MASKED
    text = bytes(value)
    shown = _masked(text, rest)
    return value if shown is text else msgspec.Raw(shown)


def _by_first(paths: Sequence[Path]) -> Below:
    below: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        below[path[0]].append(path[1:])
    return below
