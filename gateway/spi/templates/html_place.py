"""Places in HTML: text, a quoted attribute, a comment; and those in which no value may stand.

Values are written with Handlebars' entities. Beyond that, an attribute that holds an address takes none
that would run something (`javascript:`), and `style` takes the characters of plain settings only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gateway.spi.templates.place import Beside, MisplacedError, Place, Write, escaped_by
from gateway.spi.templates.target import html

_TAG = re.compile(r"<(?:!--|/?[a-zA-Z][^\s/>]*|/?\Z)")
_IN_TAG = re.compile(r">|([^\s\"'<>/=]*)\s*=?\s*([\"'])")
_WITHOUT_MARKUP = {"script", "style", "title", "textarea", "xmp", "iframe", "noscript"}
_ADDRESSES = frozenset(
    {"href", "src", "action", "formaction", "background", "cite", "poster", "data", "xlink:href"}
)
_NO_TEXT = frozenset({"", "srcdoc", "srcset"})
_SCHEME = re.compile(r"[^/?#]*:")
_SAFE_SCHEME = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_NOT_IN_STYLE = re.compile(r"[^A-Za-z0-9 #%.,+-]")
NOWHERE = "#"
"""Stands in for an address that is none of http, https, mailto, tel or relative."""


class HtmlPlace(NamedTuple):
    """`kind` is text, tag, attribute, comment or raw; `name` that of the tag or the attribute; `quote` what
    ends the attribute; `begins` whether nothing was written into it yet; `tag` the tag it is in."""

    kind: str = "text"
    name: str = ""
    quote: str = ""
    begins: bool = False
    tag: str = ""

    @property
    def label(self) -> str:
        """See Place."""
        return {"text": "in text", "raw": f"inside of <{self.name}>"}.get(
            self.kind, f"inside of a {self.kind}"
        )

    @property
    def is_end(self) -> bool:
        """See Place."""
        return self.kind == "text"

    def meet(self, other: Place) -> Place | None:
        """See Place. Where one way wrote something into an attribute, a value may still be its beginning."""
        if self == other:
            return self
        begun = isinstance(other, HtmlPlace) and self._replace(begins=True) == other._replace(begins=True)
        return self._replace(begins=True) if begun else None

    def after(self, text: str) -> Place:
        """See Place."""
        place, at = self, 0
        while at < len(text):
            place, at = _STEPS[place.kind](place, text, at)
        return place

    def write(self, beside: Beside) -> Write:
        """See Place."""
        if self.kind == "tag" or beside.before.endswith("<"):
            raise MisplacedError("a value in a tag stands in quotes", 'name="{{value}}"')
        if self.kind == "raw" and self.name in {"script", "style"}:
            raise MisplacedError(f"no value can stand inside of <{self.name}>", "an element with text")
        if self.kind == "attribute":
            return self._write_attribute()
        return _text

    def _write_attribute(self) -> Write:
        if self.name.startswith("on") or self.name in _NO_TEXT:
            raise MisplacedError(
                f"no value can stand in the attribute `{self.name[:40]}`", "another attribute"
            )
        if self.name == "style":
            return _style
        return _address if self.begins and self.name in _ADDRESSES else _text


TEXT = HtmlPlace()


def _in_text(place: HtmlPlace, text: str, at: int) -> tuple[HtmlPlace, int]:
    found = _TAG.search(text, at)
    if not found:
        return place, len(text)
    if found.group() == "<!--":
        return HtmlPlace("comment"), found.end()
    return HtmlPlace("tag", tag=found.group()[1:].lower()), found.end()


def _in_tag(place: HtmlPlace, text: str, at: int) -> tuple[HtmlPlace, int]:
    found = _IN_TAG.search(text, at)
    if not found:
        return place, len(text)
    if found.group() != ">":
        return HtmlPlace("attribute", found.group(1).lower(), found.group(2), True, place.tag), found.end()
    return (HtmlPlace("raw", place.tag) if place.tag in _WITHOUT_MARKUP else TEXT), found.end()


def _in_attribute(place: HtmlPlace, text: str, at: int) -> tuple[HtmlPlace, int]:
    end = text.find(place.quote, at)
    if end < 0:
        # Browsers pass over spaces and control characters before an address.
        blank = all(one <= " " for one in text[at:])
        return place._replace(begins=place.begins and blank), len(text)
    return HtmlPlace("tag", tag=place.tag), end + 1


def _in_comment(place: HtmlPlace, text: str, at: int) -> tuple[HtmlPlace, int]:
    end = text.find("-->", at)
    return (place, len(text)) if end < 0 else (TEXT, end + 3)


def _in_raw(place: HtmlPlace, text: str, at: int) -> tuple[HtmlPlace, int]:
    found = re.compile(rf"</{place.name}(?=[\s/>])", re.IGNORECASE).search(text, at)
    return (HtmlPlace("tag", tag="/" + place.name), found.end()) if found else (place, len(text))


_STEPS = {
    "text": _in_text,
    "tag": _in_tag,
    "attribute": _in_attribute,
    "comment": _in_comment,
    "raw": _in_raw,
}


def _safe_address(text: str) -> str:
    text = "".join(text.split())
    return html(NOWHERE if _SCHEME.match(text) and not _SAFE_SCHEME.match(text) else text)


_text = escaped_by(html)
_address = escaped_by(_safe_address)
_style = escaped_by(lambda text: _NOT_IN_STYLE.sub("", text))
