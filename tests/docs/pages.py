"""Reading the Markdown of this repository: sections, tables, code, links. Just what the pages use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_CELL_END = re.compile(r"(?<!\\)\|")


class Block(NamedTuple):
    """Fenced code; `kind` is what stands behind the opening fence."""

    kind: str
    text: str


def pages() -> list[Path]:
    """Every page that people read, the README included."""
    return [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))]


def text_of(name: str) -> str:
    """A page of `docs/` by name."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    return [Block(found["kind"].strip(), found["text"]) for found in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """The page without its fenced code."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[str]:
    return [title.strip() for _, title in _HEADING.findall(prose(text))]


def anchors(text: str) -> set[str]:
    """The names by which the headings of a page can be linked to, as GitHub makes them."""
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in headings(text))
    return {title.replace(" ", "-") for title in kept}


def links(text: str) -> list[str]:
    return _LINK.findall(prose(text))


def spans(text: str) -> list[str]:
    """Everything in backticks outside of fenced code."""
    return _CODE.findall(prose(text))


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found, f"there is no section {title!r}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", _blanked(rest), re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """The cells of every table row of a text, the heads left out."""
    lines = [line for line in prose(text).splitlines() if line.startswith("|")]
    return [row for row, below in _with_next(lines) if not _is_rule(row) and not _is_rule(below)]


def code(cell: str) -> list[str]:
    """What stands in backticks in a cell."""
    return _CODE.findall(cell.replace("\\|", "|"))


def _with_next(lines: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    cells = [_cells(line) for line in lines]
    return zip(cells, [*cells[1:], [""]], strict=True)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELL_END.split(line)[1:-1]]


def _is_rule(row: list[str]) -> bool:
    return all(re.fullmatch(r":?-+:?", cell) for cell in row) and row != []


def _blanked(text: str) -> str:
    """The text with its code made blank, so that a comment in a shell is no heading."""
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
