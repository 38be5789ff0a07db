"""Presets against a real gateway: each is applied, its product's own payloads are sent, and who got what."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import schemas
from tests.commands import Shell
from tests.fakes.http_sink import HttpSink
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client
from tests.waiting import until, until_async

SAMPLES = Path(__file__).parents[1] / "data" / "sources"
ENDED = {"delivered", "dead", "cancelled", "suppressed"}


class Scene:
    """A source of one product, and a webhook for every role of its preset."""

    def __init__(self, client: Client, sink: HttpSink, preset: str, format_: str) -> None:
        self.client, self.sink, self.preset, self.format = client, sink, preset, format_
        self.hooks: dict[str, str] = {}
        self.sent: dict[str, str] = {}

    async def set_up(self, roles: Iterable[str]) -> None:
        source = await self.client.create("sources", name=self.preset, format=self.format)
        self.source = source["id"]
        for role in roles:
            await self.hook(role)

    async def hook(self, name: str) -> str:
        """A webhook that is told apart by its path."""
        made = await self.client.create(
            "destinations",
            name=name,
            type="webhook",
            config={"params": {"url": self.sink.url(f"/{name}"), "verb": "post"}},
        )
        self.hooks[name] = made["id"]
        return str(made["id"])

    async def apply(self, **more: Any) -> list[dict[str, Any]]:
        body = {"source_id": self.source, **more}
        status, answer = await self.client.call("POST", f"presets/{self.preset}/apply", body)
        assert status == 200, answer
        return list(answer["steps"])

    async def apply_roles(self, *roles: str, **more: Any) -> list[dict[str, Any]]:
        targets = {role: [{"destination_id": self.hooks[role]}] for role in roles or self.hooks}
        return await self.apply(roles=targets, **more)

    async def send(self, what: str, payload: object) -> None:
        """Send a payload; from then on `what` stands for its event."""
        status, answer = await self.client.call("POST", f"sources/{self.source}/events", payload)
        assert status == 200, answer
        self.sent[answer["notification_id"]] = what

    async def got(self, own: int = 0) -> dict[str, set[str]]:
        """Which roles got which of what was sent, once everything has ended. Each got it once.

        `own` is how many events monitors have made by then; they stand under their titles.
        """

        async def ended() -> bool:
            made = (await self.client.get("events?source_id=io.tocsin"))["events"]
            self.sent |= {one["id"]: one["vocabulary"]["title"] for one in made}
            rows = (await self.client.get("deliveries?limit=500"))["deliveries"]
            return len(made) == own and all(row["state"] in ENDED for row in rows)

        await until_async(ended)
        rows = (await self.client.get("deliveries?limit=500"))["deliveries"]
        assert {row["state"] for row in rows} <= {"delivered"}, rows
        names = {id_: name for name, id_ in self.hooks.items()}
        told: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            told[names[row["destination_id"]]].append(self.sent[row["event_id"]])
        await until(lambda: len(self.sink.requests) == len(rows))
        assert len({one.headers["webhook-id"] for one in self.sink.requests}) == len(rows)
        for name, events in told.items():
            assert len(events) == len(set(events)), f"{name} was told twice: {events}"
        return {name: set(events) for name, events in told.items()}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.request.json").read_text("utf-8"))["json"]


def example(name: str) -> Any:
    return schemas.load(f"events/{name}")["examples"][0]


def roles(preset: str) -> list[str]:
    return list(schemas.load(f"presets/{preset}")["roles"])


@pytest.fixture
def scene(client: Client, sink: HttpSink) -> Any:
    async def made(preset: str, format_: str = "", only: Iterable[str] | None = None) -> Scene:
        scene = Scene(client, sink, preset, format_ or preset)
        await scene.set_up(roles(preset) if only is None else only)
        return scene

    return made


async def test_kymaros_failures_go_to_on_failure_regressions_to_on_success_passes_to_nobody(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    for what, name in {
        "failed": "01-seed-payload",
        "regression": "02-documented-regression",
        "passed": "03-documented-pass",
        "code failed": "04-code-failure",
        "code regression": "05-code-regression-of-a-pass",
        "code regression of a failure": "06-code-regression-of-a-failure",
        "code partial": "07-code-partial",
        "could not run": "08-test-that-could-not-run",
    }.items():
        await kymaros.send(what, sample(f"kymaros/{name}"))
    assert await kymaros.got() == {
        "on-failure": {
            "failed",
            "code failed",
            "code regression of a failure",
            "code partial",
            "could not run",
        },
        "on-success": {"regression", "code regression"},
    }
    activity = await kymaros.client.get(f"sources/{kymaros.source}/activity")
    assert not activity.get("unattached"), "a pass is taken by a topic, though nobody is told"


async def test_kymaros_a_drop_that_it_does_not_tell_of_goes_where_regressions_go(scene: Any):
    kymaros = await scene("kymaros")
    await kymaros.apply_roles()
    passed = sample("kymaros/03-documented-pass")
    for score in (100, 85, 100):
        await kymaros.send(
            f"passed with {score}", passed | {"score": score, "reportRef": f"r-{len(kymaros.sent)}"}
        )
    assert await kymaros.got(own=2) == {
        "on-success": {
            "kymaros: regression: webapp-nightly dropped to 85 (before: 100)",
            "kymaros: regression: webapp-nightly is well again",
        }
    }


async def test_backupman_reports_go_to_all_and_failures_to_those_who_want_only_these(scene: Any):
    backupman = await scene("backupman")
    await backupman.apply_roles()
    for what, name in {
        "finished": "01-seed-payload",
        "one drive failed": "06-one-drive-of-two-failed",
        "finished, a file failed": "09-finished-but-a-file-failed",
    }.items():
        await backupman.send(what, sample(f"backupman/{name}"))
    pending = sample("backupman/01-seed-payload")
    pending["Payload"] |= {"Id": "another", "Status": "pending"}
    await backupman.send("pending", pending)
    got = await backupman.got()
    assert got["reports"] == {"finished", "one drive failed", "finished, a file failed", "pending"}
    assert got["failures"] == {"one drive failed", "finished, a file failed"}


AT_ONCE = {"rate_limit": False, "duplicates": False, "digest": False}


async def tell_at_once(client: Client) -> None:
    """Switch off what the preset holds back, to see what goes where."""
    for topic in (await client.get("topics"))["topics"]:
        assert (await client.call("PUT", f"topics/{topic['id']}", {"policy": AT_ONCE}))[0] == 200


async def test_ironcore_groups_are_as_quiet_as_the_page_says_until_somebody_says_otherwise(scene: Any):
    ironcore = await scene("ironcore")
    await ironcore.apply_roles()
    client = ironcore.client
    rows = (await client.get("subscriptions?limit=100"))["subscriptions"]
    ways = {row["name"]: await client.get(f"subscriptions/{row['id']}") for row in rows}
    held = {name: set(way.get("policy_in_force", ())) for name, way in ways.items()}
    assert held["ops-team: ops-mail ops-mail"] == {"rate_limit", "duplicates"}
    assert held["compliance: compliance-mail compliance-mail"] == {"rate_limit", "duplicates", "digest"}
    assert held["ops-team: ops-metrics ops-metrics"] == set()
    assert held["compliance: compliance-metrics compliance-metrics"] == set()
    sponsor = ways["executive-sponsor: executive-mail executive-mail"]["policy_in_force"]["digest"]
    assert (sponsor["frequency"], sponsor["weekday"], sponsor["rule"]) == ("weekly", "mon", "")
    await tell_at_once(client)
    own = {"policy": {"digest": True}}
    metrics = ways["ops-team: ops-metrics ops-metrics"]["id"]
    assert (await client.call("PATCH", f"subscriptions/{metrics}", own))[0] == 200
    assert {one["action"] for one in await ironcore.apply_roles()} == {"keep"}, "what is set stays"
    assert (await client.get(f"subscriptions/{metrics}"))["policy"]["digest"] is True


async def test_ironcore_groups_get_what_the_page_says(scene: Any):
    ironcore = await scene("ironcore")
    await ironcore.apply_roles()
    await tell_at_once(ironcore.client)
    kinds = schemas.names()
    kinds = [one.rpartition("/")[2] for one in kinds if one.startswith("events/ironcore/")]
    severities: dict[str, str] = {}
    for number, kind in enumerate(kinds):
        payload = example(f"ironcore/{kind}") | {"event_id": f"kind-{number}"}
        severities[kind] = payload["severity"]
        await ironcore.send(kind, payload)
    corrupt = sample("ironcore/03-verification-corrupt")
    await ironcore.send("corrupt", corrupt)
    await ironcore.send("kind of tomorrow", sample("ironcore/05-kind-of-tomorrow"))

    def of(*wanted: str) -> set[str]:
        return {kind for kind, severity in severities.items() if severity in wanted}

    config = {kind for kind in kinds if kind.startswith("config.")}
    bad, worst = of("error", "critical"), of("critical")
    got = await ironcore.got()
    assert got["ops-metrics"] == set(kinds) - config | {"corrupt", "kind of tomorrow"}
    assert got["ops-chat"] - {"kind of tomorrow"} == bad | {"corrupt"}
    assert got["ops-mail"] - {"kind of tomorrow"} == (bad | of("warning")) - config | {"corrupt"}
    assert got["on-call-sms"] == got["on-call-chat"] == got["ops-chat"]
    assert got["executive-mail"] == worst | {"corrupt"}
    assert got["compliance-mail"] == got["compliance-metrics"]
    assert got["compliance-mail"] == config | {"verify.completed", "verify.failed", "corrupt"}
    assert "backup.completed" not in got["ops-mail"] and "backup.completed" not in got["ops-chat"]


async def test_an_ironcore_sender_may_name_its_group(scene: Any):
    ironcore = await scene("ironcore")
    await ironcore.apply_roles("executive-mail")
    await tell_at_once(ironcore.client)
    path = f"sources/{ironcore.source}/events?topic=executive-sponsor"
    _, answer = await ironcore.client.call("POST", path, example("ironcore/backup.completed"))
    ironcore.sent[answer["notification_id"]] = "asked for"
    assert await ironcore.got() == {"executive-mail": {"asked for"}}


async def test_ibm_backup_failures_are_told_by_what_failed(scene: Any):
    ibm = await scene("ibm-backup", "cloudevents")
    await ibm.apply_roles()
    start = "com.ibm.cloud.is.backup-policy.backup-"
    for number, job in enumerate(
        ("volume-creation", "instance-creation", "volume-retention", "instance-retention")
    ):
        event = schemas.load(f"events/{start}{job}")["examples"][0] | {"id": f"ibm-{number}"}
        status, answer = await ibm.client.send(event, ibm.source)
        assert status == 202, answer
        ibm.sent[answer["notification_id"]] = job
    assert await ibm.got() == {
        "operations": {"volume-creation", "instance-creation", "volume-retention", "instance-retention"},
        "creation": {"volume-creation", "instance-creation"},
        "retention": {"volume-retention", "instance-retention"},
    }


JOBS = {"ok": "backup_success", "partial": "backup_partial", "failed": "backup_failure"}


async def test_dbackup_jobs_go_by_condition_and_partial_counts_as_failure(scene: Any):
    dbackup = await scene("dbackup")
    await dbackup.apply_roles()
    for what, kind in JOBS.items():
        await dbackup.send(what, example(f"dbackup/{kind}"))
    await dbackup.send("partial by title", sample("dbackup/03-backup-partial-without-event-type"))
    every = {*JOBS, "partial by title"}
    bad = every - {"ok"}
    assert await dbackup.got(own=2) == {
        "critical-production": every,
        "development": bad,
        "compliance": every,
        "team-awareness": bad,
        "always": every,
        "success": {"ok"},
        "failure": bad,
        "first-failure": {"dbackup: first failure: nightly failed"},
        "failures-in-a-row": {"dbackup: failures in a row: nightly failed 3 times in a row"},
    }


async def test_dbackup_a_role_can_be_for_some_jobs_only(scene: Any):
    dbackup = await scene("dbackup", only=["development"])
    target = {"destination_id": dbackup.hooks["development"], "only": 'job matches "dev-*"'}
    await dbackup.apply(roles={"development": [target]})
    failed = example("dbackup/backup_failure")
    await dbackup.send("production", failed)
    of_dev = [{**row, "value": "dev-shop"} if row["name"] == "Job" else row for row in failed["fields"]]
    await dbackup.send("development", failed | {"fields": of_dev})
    assert await dbackup.got(own=2) == {"development": {"development"}}


SYSTEM = {
    one.rpartition("/")[2] for one in schemas.names() if one.startswith("events/dbackup/")
} - set(JOBS.values())  # fmt: skip
OFF = {"user_login", "user_created", "config_backup"}


async def send_all(dbackup: Scene, round_: int) -> None:
    for kind in sorted(SYSTEM):
        stamp = f"2026-05-2{round_}T02:14:35.123Z"
        await dbackup.send(f"{kind} {round_}", example(f"dbackup/{kind}") | {"timestamp": stamp})


async def test_dbackup_system_events_have_their_defaults_switches_overrides_and_reset(scene: Any):
    dbackup = await scene("dbackup", only=["system", "pager"])
    await dbackup.apply_roles("system")
    # The same things fail and recover three times within seconds, which would be flapping.
    quiet = await dbackup.client.call("PATCH", f"sources/{dbackup.source}", {"incidents": False})
    assert quiet[0] == 200
    await send_all(dbackup, 1)
    expected = {"system": {f"{kind} 1" for kind in SYSTEM - OFF}}
    assert await dbackup.got() == expected

    own = {"restore_failure": [{"destination_id": dbackup.hooks["pager"]}]}
    await dbackup.apply(events={"user_login": True, "restore_complete": False}, own=own)
    await send_all(dbackup, 2)
    global_ = SYSTEM - OFF - {"restore_complete", "restore_failure"} | {"user_login"}
    expected["system"] |= {f"{kind} 2" for kind in global_}
    expected["pager"] = {"restore_failure 2"}
    assert await dbackup.got() == expected

    await dbackup.apply(reset=["restore_failure"])
    await send_all(dbackup, 3)
    expected["system"] |= {f"{kind} 3" for kind in global_ | {"restore_failure"}}
    assert await dbackup.got() == expected


@pytest.mark.parametrize("mode", ["none", "also", "only"])
async def test_dbackup_the_user_is_told_by_mail_beside_or_in_place_of_the_admins(
    client: Client, scene: Any, mode: str
):
    async with SmtpSink() as post:
        dbackup = await scene("dbackup", only=["system"])
        mail = await client.create(
            "destinations",
            name="post",
            type="email",
            config={
                "params": {
                    "host": "127.0.0.1",
                    "port": post.port,
                    "security": "none",
                    "from_address": "db@a.test",
                }
            },
        )
        targets = [
            {"destination_id": dbackup.hooks["system"]},
            {"destination_id": mail["id"], "attributes": {"subscribed": ["admin@example.org"]}},
        ]
        wishes = {
            "roles": {"system": targets},
            "events": {"user_login": True},
            "notify_user": {"user_login": mode},
            "domains": ["Example.com"],
        }
        await dbackup.apply(**wishes)
        login = example("dbackup/user_login")
        await dbackup.send("login", login)
        stranger = [
            {**row, "value": "alice@evil.test"} if row["name"] == "Email" else row for row in login["fields"]
        ]
        await dbackup.send("stranger", login | {"fields": stranger})
        admins = [("system", ""), ("post", "admin@example.org")]
        user = [("post", "alice@example.com")]
        expected = {
            "login": {"none": admins, "also": admins + user, "only": user}[mode],
            "stranger": [] if mode == "only" else admins,
        }

        async def told() -> dict[str, list[tuple[str, str]]]:
            rows = (await client.get("deliveries?limit=500"))["deliveries"]
            names = {dbackup.hooks["system"]: "system", mail["id"]: "post"}
            found: dict[str, list[tuple[str, str]]] = {"login": [], "stranger": []}
            for row in rows:
                if row["state"] == "suppressed":
                    assert dbackup.sent[row["event_id"]] == "stranger"
                    assert row["reason"] == "no_allowed_recipient"
                    continue
                assert row["state"] in {"delivered", "leased", "pending"}, row
                found[dbackup.sent[row["event_id"]]].append(
                    (names[row["destination_id"]], row.get("recipient", ""))
                )
            return {what: sorted(rows) for what, rows in found.items()}

        assert await told() == {what: sorted(rows) for what, rows in expected.items()}
        mails = sum(name == "post" for rows in expected.values() for name, _ in rows)
        await until(lambda: len(post.mails) == mails)
        to = {recipient for one in post.mails for recipient in one.recipients}
        assert ("alice@example.com" in to) is (mode != "none")
        assert {one["action"] for one in await dbackup.apply(**wishes)} == {"keep"}
        worded = [row["name"] for row in (await client.get("templates"))["templates"]]
        assert worded == ([] if mode == "none" else ["dbackup user_login: user"])
        await dbackup.apply(notify_user={"user_login": "none"})
        await dbackup.send("login again", login | {"timestamp": "2026-05-22T02:14:35.123Z"})
        rows = (await client.get("deliveries?limit=500"))["deliveries"]
        again = [row for row in rows if dbackup.sent[row["event_id"]] == "login again"]
        assert sorted(row.get("recipient", "") for row in again) == ["", "admin@example.org"]


async def test_dbackup_telling_the_user_needs_a_destination_that_sends_mail(scene: Any):
    dbackup = await scene("dbackup", only=["system"])
    body = {
        "source_id": dbackup.source,
        "roles": {"system": [{"destination_id": dbackup.hooks["system"]}]},
        "notify_user": {"user_login": "also"},
        "domains": ["example.com"],
    }
    status, refused = await dbackup.client.call("POST", "presets/dbackup/apply", body)
    assert (status, refused["code"]) == (422, "notify_user_without_mail")
    assert (await dbackup.client.get("topics"))["topics"] == [], "nothing was changed"


@pytest.mark.parametrize("preset", ["backupman", "dbackup", "ibm-backup", "ironcore", "kymaros"])
async def test_a_dry_run_tells_what_would_be_made_and_applying_twice_makes_it_once(scene: Any, preset: str):
    found = await scene(preset, "cloudevents" if preset == "ibm-backup" else preset)
    client = found.client
    would = await found.apply_roles(dry_run=True)
    assert {one["action"] for one in would} == {"create"} and not any("id" in one for one in would)
    assert (await client.get("topics"))["topics"] == []
    made = await found.apply_roles()
    assert [(one["action"], one["noun"], one["name"]) for one in made] == [
        (one["action"], one["noun"], one["name"]) for one in would
    ]

    async def there() -> Mapping[str, Any]:
        nouns = ("topics", "subscriptions", "monitors")
        rows = {noun: (await client.get(f"{noun}?limit=100"))[noun] for noun in nouns}
        return {noun: sorted((row["id"], row["name"]) for row in found) for noun, found in rows.items()}

    before = await there()
    assert sum(len(rows) for rows in before.values()) == len(made) and before["monitors"]
    again = await found.apply_roles()
    assert {one["action"] for one in again} == {"keep"}
    assert await there() == before
    await found.apply(roles={role: [] for role in found.hooks})
    assert (await there())["subscriptions"] == []
    assert (await there())["topics"] == before["topics"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": {"nobody": []}},
        {"events": {"backup_success": True}},
        {"own": {"nothing": []}},
        {"reset": ["nothing"]},
        {"notify_user": {"restore_failure": "also"}},
        {"monitors": {"nothing": {"threshold": 1}}},
        {"events": {"nothing": True}},
    ],
)
async def test_what_a_preset_has_no_place_for_is_refused_where_it_stands(scene: Any, wrong: dict[str, Any]):
    dbackup = await scene("dbackup", only=())
    body = {"source_id": dbackup.source, **wrong}
    status, refused = await dbackup.client.call("POST", "presets/dbackup/apply", body)
    assert (status, refused["code"]) == (422, "preset_member_unknown")
    assert refused["problems"][0]["pointer"] == f"/{next(iter(wrong))}"


async def test_a_preset_by_the_command_line(shell: Shell, tenant: Client):
    await shell.ok("source", "create", "--name", "restores", "--format", "kymaros")
    for name in ("alarm", "log"):
        await tenant.create(
            "destinations",
            name=name,
            type="webhook",
            config={"params": {"url": f"http://127.0.0.1:9/{name}", "verb": "post"}},
        )
    assert {row["name"] for row in await shell.json("preset", "list")} == {
        "backupman", "dbackup", "ibm-backup", "ironcore", "kymaros",
    }  # fmt: skip
    shown = await shell.ok("preset", "show", "kymaros")
    assert "on-failure" in shown.out and "kymaros: regression" in shown.out and "down by over 10" in shown.out
    words = ("preset", "apply", "kymaros", "--source", "restores", "--role", "on-failure=alarm", "--role")
    tried = await shell.ok(*words, "on-success=log", "--dry-run")
    assert "nothing was saved" in tried.err and await shell.names("topic") == []
    applied = await shell.json(*words, "on-success=log")
    assert applied["applied"] and "kymaros on-failure: on-failure alarm" in await shell.names("subscription")
    again = ("preset", "apply", "kymaros", "--source", "restores")
    await shell.ok(*again, "--threshold", "regression=5", "--remind", "regression=24h", "--off", "regression")
    (monitor,) = await shell.json("monitor", "list")
    assert (monitor["name"], monitor["state"], monitor["threshold"]) == ("kymaros: regression", "paused", 5)
    assert monitor["remind_every_seconds"] == 86_400
    for option in (("--every", "regression=26h"), ("--count", "regression=3"), ("--grace", "regression=1h")):
        refused = await shell.run(*again, *option)
        assert refused.code == 1 and "threshold" in refused.err
    assert (await shell.run(*again, "--threshold", "regression=far")).code == 2
    wrong = await shell.run("preset", "apply", "kymaros", "--source", "restores", "--role", "on-failure")
    assert wrong.code == 2 and "NAME=VALUE" in wrong.err
    missing = await shell.run("preset", "show", "nothing")
    assert missing.code == 1 and "preset_not_found" in missing.err
