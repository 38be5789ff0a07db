"""What a text costs as a short message, and how it is cut to what it may cost.

Reference: 3GPP TS 23.038 (GSM 7 bit default alphabet and its extension table, UCS-2) and TS 23.040
(concatenation). Texts are paid by the segment; one character outside the alphabet more than halves one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

ALPHABET = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Each takes two septets, which are never parted."""


class Size(NamedTuple):
    """Units of a lone segment, and of one among several: the rest numbers them."""

    alone: int
    part: int


SEPTETS, UTF_16 = Size(160, 153), Size(70, 67)

CUT = "..."
LEAST_TITLE = 40
"""Characters; a link that would leave less for what happened is left out."""

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
        "…": "...",
        "•": "*",
        "·": "*",
        "→": "->",
        "←": "<-",
        "`": "'",
        "×": "x",
    }
)


def plain(text: str) -> str:
    """The text with typographic characters as the alphabet has them, so that it costs less."""
    return text.translate(_PLAIN)


def segments(text: str) -> int:
    """How many segments a text takes."""
    units, size = _units(text)
    if sum(units) <= size.alone:
        return 1
    count, left = 1, size.part
    for unit in units:
        if unit > left:
            count, left = count + 1, size.part
        left -= unit
    return count


def _units(text: str) -> tuple[list[int], Size]:
    if ALPHABET.issuperset(text) or (ALPHABET | EXTENSION).issuperset(text):
        return [2 if one in EXTENSION else 1 for one in text], SEPTETS
    return [2 if ord(one) > 0xFFFF else 1 for one in text], UTF_16


def fitted(lines: Iterable[str], link: str, most: int) -> str:
    """The lines with the link below them, in at most `most` segments: of the lines the end is cut.

    The link is whole or, where it leaves no room for LEAST_TITLE characters, not there.
    """
    text, tail = "\n".join(line for line in lines if line), f"\n{link}" if link else ""
    if segments(text + tail) <= most:
        return text + tail
    if tail and segments(text[:LEAST_TITLE] + CUT + tail) > most:
        return fitted([text], "", most)
    return text[: _longest(text, CUT + tail, most)].rstrip() + CUT + tail


def _longest(text: str, tail: str, most: int) -> int:
    """How many characters of the text fit before the tail. More text never takes fewer segments."""
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if segments(text[:middle] + tail) <= most:
            fits = middle
        else:
            too_long = middle
    return fits
