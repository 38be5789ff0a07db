"""The grammars of attribute values: URIs (RFC 3986), timestamps (RFC 3339), media types (RFC 2046).

Every function takes one string of any length, is linear in it, and says yes or no. What an attribute
of an event has to be lives in `gateway.domain.attributes`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from functools import lru_cache, wraps
from ipaddress import AddressValueError, IPv6Address

_UNRESERVED = r"A-Za-z0-9\-._~"
_SUB_DELIMS = r"!$&'()*+,;="


def _run(characters: str) -> str:
    """Any number of these characters or percent-encoded bytes, without backtracking."""
    return rf"[{characters}]*+(?:%[0-9A-Fa-f]{{2}}[{characters}]*+)*+"


_AUTHORITY = (
    rf"(?:{_run(_UNRESERVED + _SUB_DELIMS + ':')}@)?+"
    rf"(?:\[(?P<literal>[{_UNRESERVED}{_SUB_DELIMS}:]++)\]|{_run(_UNRESERVED + _SUB_DELIMS)})"
    r"(?::[0-9]*+)?+"
)
_PATH = _run(_UNRESERVED + _SUB_DELIMS + ":@/")
_HIERARCHY = rf"(?://{_AUTHORITY}(?:/{_PATH})?+|(?!//){_PATH})"
_QUERY = rf"(?:\?{_run(_UNRESERVED + _SUB_DELIMS + ':@/?')})?+"
_FRAGMENT = rf"(?:\#{_run(_UNRESERVED + _SUB_DELIMS + ':@/?')})?+"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"

_absolute_uri = re.compile(_SCHEME + _HIERARCHY + _QUERY).fullmatch
_uri_reference = re.compile(rf"(?:{_SCHEME}|(?![^/?\#]*:)){_HIERARCHY}{_QUERY}{_FRAGMENT}").fullmatch
_ip_future = re.compile(rf"[vV][0-9A-Fa-f]++\.[{_UNRESERVED}{_SUB_DELIMS}:]++").fullmatch
_ip6_characters = re.compile(r"[0-9A-Fa-f:.]++").fullmatch

_timestamp = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.[0-9]++)?+"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
).fullmatch

_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&\-^_.+]{0,126}+"
_WORD = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]++"
_media_type = re.compile(
    rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}"
    rf"(?: *+; *+{_WORD}=(?:{_WORD}|\"(?:[ !#-\[\]-~]|\\[ -~])*+\"))*+"
).fullmatch
_charset = re.compile(r";[ \t]*+charset=\"?+([^\";\s]*+)", re.IGNORECASE).search


def _remembering(law: Callable[[str], bool]) -> Callable[[str], bool]:
    """Remember the verdicts on 1,024 short texts: a sender's URIs are the same in event after event."""
    remembered = lru_cache(maxsize=1024)(law)

    @wraps(law)
    def holds(text: str) -> bool:
        return remembered(text) if len(text) <= 256 else law(text)

    return holds


@_remembering
def is_uri_reference(text: str) -> bool:
    """A URI or a relative reference (RFC 3986, 4.1): `https://a/b`, `urn:x:y`, `/c`, `#d`, `1-555-123`."""
    match = _uri_reference(text)
    return match is not None and _is_ip_literal(match["literal"])


@_remembering
def is_absolute_uri(text: str) -> bool:
    """An absolute URI (RFC 3986, 4.3): it has a scheme and no fragment."""
    match = _absolute_uri(text)
    return match is not None and _is_ip_literal(match["literal"])


def _is_ip_literal(literal: str | None) -> bool:
    """IPvFuture, or IPv6 without a zone (RFC 3986, 3.2.2); None is no literal at all, so nothing is wrong."""
    if literal is None or _ip_future(literal):
        return True
    if not _ip6_characters(literal):
        return False
    try:
        IPv6Address(literal)
    except AddressValueError:
        return False
    return True


def is_timestamp(text: str) -> bool:
    """A date-time of RFC 3339, 5.6: with seconds and offset, any fraction; `t` and `z` may be lower-case.

    Second 60 is allowed where a leap second can be: in the last minute, in UTC, of a month (5.7).
    """
    match = _timestamp(text)
    if match is None:
        return False
    if match[3] <= "28" and match[6] != "60":
        return True
    last_day = _days(int(match[1]), int(match[2]))
    return int(match[3]) <= last_day and (match[6] != "60" or _is_last_minute(match, last_day))


def _days(year: int, month: int) -> int:
    return monthrange(year or 400, month)[1]  # year 0 is a leap year, but not one that `calendar` knows


def _is_last_minute(match: re.Match[str], last_day: int) -> bool:
    """Whether that minute, taken to UTC, is 23:59 of a month's last day."""
    offset = (int(match[8]) * 60 + int(match[9])) * (1 if match[7] == "+" else -1) if match[7] else 0
    day_shift, minute = divmod(int(match[4]) * 60 + int(match[5]) - offset, 24 * 60)
    ends_month = {0: last_day, 1: last_day - 1, -1: 1}[day_shift]
    if day_shift == -1 and int(match[3]) != 1:
        return False
    return minute == 24 * 60 - 1 and int(match[3]) == ends_month


def is_media_type(text: str) -> bool:
    """`type/subtype` with any parameters (RFC 2045, 5.1; names as registrable by RFC 6838, 4.2).

    Only printable ASCII: a tab is white space to the RFC, but no character of a CloudEvents String.
    """
    return _media_type(text) is not None


def is_json_type(media_type: str) -> bool:
    """Whether the subtype is `json` or ends in `+json`, whatever case and parameters (JSON format, 3.1.1)."""
    if media_type == "application/json":
        return True
    essence = media_type.partition(";")[0].strip().lower()
    return essence.endswith(("/json", "+json"))


def is_text_type(media_type: str) -> bool:
    """Whether bytes of that type are UTF-8 text by declaration: `text/*`, XML, in no other charset."""
    essence = media_type.partition(";")[0].strip().lower()
    if not (essence.startswith("text/") or essence.endswith(("/xml", "+xml"))):
        return False
    return charset(media_type) in ("", "utf-8", "us-ascii")


def charset(media_type: str) -> str:
    """The `charset` parameter in lower case, '' when there is none."""
    found = _charset(media_type)
    return found[1].lower() if found else ""
