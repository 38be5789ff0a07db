"""The form of the pages: links, tables, paths, commands, routes and names that exist."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from gateway.api.resources.description import DescriptionHandlers
from gateway.api.routes import endpoints
from gateway.cli.root import _known, app
from gateway.settings import CLIENT_VARIABLES, FILE_FIELDS, PREFIX, Settings
from gateway.spi.discovery import destinations
from gateway.telemetry.metrics import Metrics
from schemas.presets import presets
from tests.docs.pages import DOCS, ROOT, anchors, blocks, links, pages, prose, spans
from tests.docs.tables import TABLES, filled, marked

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
OUR_FOLDERS = ("gateway/", "adapters/", "schemas/", "tests/", "docs/", "bench/", "examples/", ".ci/")
MAX_LINES = 300

_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE|OPTIONS) (/\S*)")
_HOLE = re.compile(r"\{\w+\}|(?<=/instances/)default")


@PAGES
def test_every_link_leads_somewhere(page):
    for link in links(page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{link}: no such heading"


@PAGES
def test_a_page_is_not_too_long(page):
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@PAGES
def test_tables_that_follow_from_the_code_are_up_to_date(page):
    text = page.read_text(encoding="utf-8")
    assert text == filled(text), "write them anew: python -m tests.docs.tables"


def test_every_table_stands_in_a_page():
    found = {name for page in DOCS.rglob("*.md") for name in marked(page.read_text(encoding="utf-8"))}
    assert found >= set(TABLES)
    assert found >= {f"config of {kind}" for kind in destinations()}
    described = {
        destinations()[name.removeprefix("address of ")].Address for name in found if "address" in name
    }
    assert described == {kind.Address for kind in destinations().values()}


def test_every_kind_has_a_section_on_its_page():
    for page in DOCS.glob("destinations/*.md"):
        text = page.read_text(encoding="utf-8")
        described = {name.partition(" of ")[2] for name in marked(text) if name.startswith("config of ")}
        assert described and described <= anchors(text)


@PAGES
def test_files_and_folders_that_are_named_exist(page):
    for span in spans(page.read_text(encoding="utf-8")):
        if span.startswith(OUR_FOLDERS) and " " not in span:
            assert (ROOT / span.partition("::")[0]).exists(), span


@PAGES
def test_settings_that_are_named_exist(page):
    known = {name.upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    known |= {f"{name.upper()}_FILE" for name in FILE_FIELDS}
    named = set(re.findall(rf"\b{PREFIX}([A-Z_]+)", page.read_text(encoding="utf-8"))) - {""}
    assert named <= known


@PAGES
def test_metrics_that_are_named_exist(page):
    known = {sample.name for family in Metrics().registry.collect() for sample in family.samples}
    known |= {family.name for family in Metrics().registry.collect()}
    known |= {f"{family.name}_total" for family in Metrics().registry.collect()}
    named = {span.partition("{")[0] for span in spans(page.read_text(encoding="utf-8"))}
    assert {name for name in named if re.fullmatch(r"tocsin_[a-z_]+", name)} <= known


@PAGES
def test_targets_of_make_that_are_named_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)\b", " ".join(spans(page.read_text(encoding="utf-8")))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def _commands():
    for page in sorted(DOCS.rglob("*.md")):
        for block in blocks(page.read_text(encoding="utf-8")):
            for line in block.text.splitlines() if block.kind == "sh" else ():
                words = shlex.split(line, comments=True)
                if words[:1] == ["tocsin"]:
                    yield pytest.param(words[1:], id=" ".join(words[:4]))


@pytest.mark.parametrize("words", list(_commands()))
def test_a_command_is_one_of_the_command_line(words):
    app.parse_args(_known(words), exit_on_error=False, print_error=False)


@pytest.fixture(scope="module")
def routes():
    described = DescriptionHandlers(endpoints(None), "").endpoints
    places = {(one.method, one.path) for one in described}
    places |= {(one.method, f"/event-notifications{one.path}") for one in described if one.ibm}
    return {(method, _HOLE.sub("{}", path)) for method, path in places}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_routes_that_are_named_exist(page, routes):
    text = page.read_text(encoding="utf-8")
    requests = [block.text.splitlines()[0] for block in blocks(text) if block.kind == "http"]
    for place in [*spans(text), *requests]:
        found = _ROUTE.match(place)
        if found and found[2] != "/hook":
            assert (found[1], _HOLE.sub("{}", found[2])) in routes, place


@PAGES
def test_json_is_json(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.kind == "json":
            json.loads(block.text)


def test_headings_use_the_words_of_the_glossary():
    """A heading that calls a topic a group sends its reader looking for two things."""
    synonyms = {
        "group",
        "groups",
        "target",
        "targets",
        "matcher",
        "matchers",
        "producer",
        "dlq",
        "alert",
        "alerts",
    }
    for page in sorted(DOCS.rglob("*.md")):
        titles = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
        used = {word for title in titles for word in re.findall(r"[a-z]+", title.lower())}
        assert not used & synonyms, page


def test_every_monitor_of_a_preset_stands_on_its_page_as_it_is_at_first():
    page = (DOCS / "presets.md").read_text("utf-8")
    told = {}
    for names, first in re.findall(r"^\| (`.+?) \|.+\| (on|off) \|$", page, re.MULTILINE):
        preset, *switches = re.findall(r"`([^`]+)`", names)
        told |= {(preset, switch): first for switch in switches}
    assert told == {
        (preset.name, one.event): "on" if one.enabled else "off"
        for preset in presets().values()
        for one in preset.monitors
    }
