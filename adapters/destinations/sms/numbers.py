"""Telephone numbers: E.164 as vendors want them, a plus sign and at most 15 digits (ITU-T E.164)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Annotated

from pydantic import AfterValidator

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_SHORT_CODE = re.compile(r"[0-9]{3,8}\Z")
_SENDER_ID = re.compile(r"(?=[0-9 ]*[A-Za-z])[A-Za-z0-9 ]{1,11}\Z")


def number(text: str) -> str:
    """The number, kept as written. Raises ValueError, saying what would be right."""
    if _NUMBER.match(text) is None:
        raise ValueError("not a telephone number in E.164, like +4930123456: a plus sign and 7 to 15 digits")
    return text


def sender(text: str) -> str:
    """Who a message comes from: a number, a short code, or a name of 1 to 11 letters, digits and spaces."""
    if not text or _SHORT_CODE.match(text) or _SENDER_ID.match(text):
        return text
    return number(text)


def subscribers(
    invited: Iterable[str], subscribed: Iterable[str], unsubscribed: Iterable[str]
) -> tuple[str, ...]:
    """Who gets messages: invited and subscribed, in order, each once, without those who unsubscribed."""
    gone = frozenset(unsubscribed)
    return tuple(one for one in dict.fromkeys(chain(invited, subscribed)) if one not in gone)


Number = Annotated[str, AfterValidator(number)]
Sender = Annotated[str, AfterValidator(sender)]
