"""Lists that a person words, against what is found in the code."""

from __future__ import annotations

import ast
import re
import stat
import tomllib

import pytest

from gateway import __version__
from gateway.api.shapes.sources import SourceCreate
from gateway.app import open_gateway
from gateway.cli.running import published
from gateway.domain.delivery import CAME_FORWARD, DUPLICATE_OF, FOLDED_INTO, State
from gateway.domain.incident import FLAPPING
from gateway.domain.schema import SchemaMode
from gateway.domain.source import Role
from gateway.pipeline import also, noise, route, settle
from gateway.service import destinations as destination_service
from gateway.service import subscriptions as subscription_service
from gateway.settings import Settings
from gateway.spi.outcome import Reason
from gateway.spi.transport import Headers, HttpAnswer, failure_of
from tests.docs import collected
from tests.docs.pages import ROOT, code, rows, section, text_of

ID = "<id>"
"""How the page writes the id of another delivery in a reason."""
CRASHED = "crashed_while_sent"
"""Written by the stores alone (`gateway.ports`, claim_suspect)."""

RETRY_AFTER = Headers([(b"retry-after", b"30")])


def _errors():
    return {code(row[0])[0]: row for row in rows(text_of("errors.md"))}


def test_every_error_code_is_documented_and_no_other():
    assert set(_errors()) == set(collected.answered())


def test_every_error_code_can_be_read_from_the_source():
    assert not collected.unresolved()


def test_an_error_has_the_status_that_it_is_answered_with():
    for name, statuses in collected.answered().items():
        documented = {int(status) for status in _errors()[name][1].split(",")}
        assert documented == statuses or (not statuses and documented), name


def test_every_error_has_a_meaning_and_a_remedy():
    assert all(row[2] and row[3] for row in _errors().values())


def test_error_codes_named_for_senders_are_codes():
    for row in rows(section(text_of("sources.md"), "What is refused")):
        if len(row) == 3:
            for name in code(row[2]):
                assert int(row[0]) in {int(status) for status in _errors()[name][1].split(",")}


def test_every_log_event_is_documented_with_its_level():
    documented = {code(row[0])[0]: {row[1]} for row in rows(section(text_of("logs.md"), "Log lines"))}
    assert documented == collected.logged()


def test_every_reason_of_a_failed_try_is_documented():
    documented = {
        code(row[0])[0]: row[2] for row in rows(section(text_of("destinations.md"), "Errors by reason"))
    }
    assert set(documented) == {reason.value for reason in Reason}
    for reason in Reason:
        ends = reason.permanent or reason.disables
        assert documented[reason].startswith("dead letter at once" if ends else "tried again"), reason
        assert ("switched off" in documented[reason]) is reason.disables
        assert ("twice" in documented[reason]) is reason.sent_unknown


def test_every_other_reason_of_a_delivery_is_documented():
    documented = {
        code(row[0])[0]: row[1] for row in rows(section(text_of("destinations.md"), "Reasons of deliveries"))
    }
    dead = {settle.EXHAUSTED, CRASHED}
    cancelled = {
        settle.TARGET_DELETED,
        destination_service.DELETED,
        subscription_service.DELETED,
        subscription_service.NO_LONGER_SUBSCRIBED,
    }
    held = {route.DISABLED, noise.DIGEST, noise.QUIET_HOURS, noise.GROUPED, noise.RATE_LIMITED}
    suppressed = {DUPLICATE_OF + ID, noise.SAME_TARGET + ID}
    pending = (collected.reasons_in_sql() | collected.reasons_given_back()) - dead
    assert documented == {
        **dict.fromkeys(dead, "dead"),
        **dict.fromkeys(cancelled, "cancelled"),
        **dict.fromkeys(pending, "pending"),
        **dict.fromkeys(held, "held"),
        **dict.fromkeys(suppressed, "suppressed"),
        FOLDED_INTO + ID: "folded",
        CAME_FORWARD: "pending",
        also.ESCALATED: "pending",
        also.WAS_TOLD: "pending",
        also.FALLBACK_FOR + ID: "pending",
        f"{FLAPPING}<incident id>": "suppressed",
        route.NOBODY_ALLOWED: "suppressed",
    }


def _answers():
    """What the page says of each status: the reason, and what follows."""
    classes, single = {}, {}
    for row in rows(section(text_of("webhooks.md"), "Answer")):
        what = (code(row[1])[0] if row[1] else "", row[2])
        if found := re.fullmatch(r"([2-5])xx", row[0]):
            classes[int(found[1])] = what
        for status in re.findall(r"\b[1-5]\d\d\b", "" if " with " in row[0] else row[0]):
            single[int(status)] = what
    return classes, single


@pytest.mark.parametrize("status", range(200, 600))
def test_an_answer_means_what_the_page_says(status):
    classes, single = _answers()
    reason, follows = single.get(status) or classes[status // 100]
    failure = failure_of(HttpAnswer(status), 0.0)
    assert reason == (failure.reason if failure else "")
    if failure:
        ends = failure.reason.permanent or failure.reason.disables
        assert follows.startswith("dead letter at once" if ends else "tried again")
        assert ("switched off" in follows) is failure.reason.disables


def test_an_answer_that_asks_for_a_pause_means_what_the_page_says():
    (row,) = (
        row for row in rows(section(text_of("webhooks.md"), "Answer")) if row[0] == "503 with Retry-After"
    )
    assert code(row[1]) == [failure_of(HttpAnswer(503, headers=RETRY_AFTER), 0.0).reason]


def test_every_state_of_a_delivery_is_documented():
    documented = {
        code(row[0])[0]: row[2] for row in rows(section(text_of("glossary.md"), "States of a delivery"))
    }
    assert documented == {state.value: "yes" if state.terminal else "no" for state in State}


def test_roles_members_and_modes_are_those_of_the_code():
    page = text_of("sources.md")
    assert [code(row[0])[0] for row in rows(section(page, "Keys"))] == [
        "source",
        "sender",
        "admin",
        "operator",
    ]
    assert {code(row[0])[0] for row in rows(section(page, "Keys"))} == {role.value for role in Role}
    assert {code(row[0])[0] for row in rows(section(page, "Register one"))} == set(SourceCreate.model_fields)
    modes = rows(section(text_of("schemas.md"), "Modes"))
    assert {code(row[0])[0] for row in modes} == {mode.value for mode in SchemaMode}


async def test_the_data_folder_holds_what_the_page_says(tmp_path):
    folder = tmp_path / "data"
    gateway = await open_gateway(Settings(data_dir=folder, free_space_floor_bytes=0))
    try:
        with published(folder / "url", "http://127.0.0.1:1"):
            (folder / "url").chmod(0o644)  # as with the usual umask
            found = {path.name: f"{stat.S_IMODE(path.stat().st_mode):04o}" for path in folder.iterdir()}
    finally:
        await gateway.store.close()
    documented = {
        code(row[0])[0]: row[1] for row in rows(section(text_of("operating.md"), "The data folder"))
    }
    assert found == documented
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_room_of_the_house_is_drawn():
    drawn = {code(row[0])[0] for row in rows(section(text_of("architecture.md"), "The rooms"))}
    folders = {f"gateway/{path.parent.name}/" for path in ROOT.glob("gateway/*/__init__.py")}
    assert folders <= drawn
    assert all((ROOT / name).exists() for name in drawn)


def test_the_order_of_imports_is_the_one_that_is_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = " > ".join(layers).replace("gateway.__main__ > ", "").replace("gateway.", "")
    assert drawn in text_of("architecture.md")


def test_every_test_that_the_threat_model_names_exists():
    named = [name for row in rows(text_of("threat-model.md")) for name in code(row[3])]
    for path, _, function in (name.partition("::") for name in named):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }


def test_every_line_of_the_threat_model_is_shown_by_a_test():
    lines = rows(text_of("threat-model.md"))
    assert {row[0] for row in lines} == set("STRIDE")
    assert all(code(row[3]) for row in lines)


def test_the_version_has_a_section_in_the_changelog():
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
