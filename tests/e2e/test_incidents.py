"""An incident from outside: its thread in mail, Slack, PagerDuty and a webhook, and who takes it up."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.domain.clock import SystemClock
from gateway.domain.destination import Subscription
from gateway.domain.noise import Escalation, Fallback, NoisePolicy, Reminders
from gateway.ports import Put
from gateway.storage.sqlite.store import SqliteStore
from tests.commands import Shell
from tests.fakes.http_sink import HttpSink, Reply
from tests.fakes.pagerduty_rules import answer
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until, until_async

PUBLIC = "https://gateway.example.com"
ADA = "ada@example.org"
POSTED = Reply(200, body=b'{"ok": true, "channel": "C0123", "ts": "1503435956.000247", "message": {}}')
SOME_HOURS = re.compile(r"Recovered after (\d+ (s|min)|1 s), 2 failures\.")


class House:
    """A gateway with a topic of everything and four ways out."""

    def __init__(self, process: GatewayProcess, mail: SmtpSink, slack: HttpSink, pager: HttpSink) -> None:
        self.process, self.mail, self.slack, self.pager = process, mail, slack, pager
        self.hook = HttpSink()
        self.source = ""

    async def subscribe(self, client: Client) -> None:
        source = await client.create("sources", name="vault")
        topic = await client.create("topics", name="all", sources=[{"id": source["id"], "rules": [{}]}])
        self.source = source["id"]
        listed = (await client.get("destinations"))["destinations"]
        mail = next(row["id"] for row in listed if row["type"] == "smtp_ibm")
        bot = {"type": "direct_message", "token": "xoxb-1", "api_url": self.slack.url("/api")}
        made = {
            mail: {"invited": [ADA], "add_notification_payload": False},
            await self._destination(client, "slack", **bot): {"channel": "#ops"},
            await self._destination(
                client, "pagerduty", routing_key="r" * 32, url=self.pager.url("/v2/enqueue")
            ): {},
            await self._destination(client, "webhook", url=self.hook.url("/hook"), verb="post"): {},
        }
        for number, (destination, attributes) in enumerate(made.items()):
            await client.create(
                "subscriptions",
                name=f"way {number}",
                topic_id=topic["id"],
                destination_id=destination,
                attributes=attributes,
            )

    async def _destination(self, client: Client, kind: str, /, **params: Any) -> str:
        made = await client.create("destinations", name=kind, type=kind, config={"params": params})
        return str(made["id"])

    async def send(self, client: Client, id: str, outcome: str, count: int) -> None:
        """Send an event; wait until all that it causes is delivered."""
        event = cloudevent(id, data={"outcome": outcome, "resource": "vm-7", "title": f"vm-7: {outcome}"})
        status, told = await client.send(event, self.source)
        assert status == 202, told

        async def over() -> bool:
            rows = (await client.get(f"deliveries?event_id={told['notification_id']}"))["deliveries"]
            return len(rows) == count and {row["state"] for row in rows} <= {"delivered", "suppressed"}

        await until_async(over)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    paged = Reply(202, body=answer())
    async with SmtpSink() as mail, HttpSink(POSTED) as slack, HttpSink(paged) as pager:
        relay = f"smtp://127.0.0.1:{mail.port}?security=none&from=gw@example.org"
        process = GatewayProcess(tmp_path, public_url=PUBLIC, smtp_url=relay)
        await process.start()
        made = House(process, mail, slack, pager)
        async with made.hook:
            yield made
        process.close()


@pytest.fixture
async def client(house: House) -> AsyncIterator[Client]:
    async with house.process.client() as opened:
        await house.subscribe(opened)
        yield opened


def link(house: House, mail: EmailMessage) -> str:
    """The acknowledge link of a mail, at the address where the gateway really listens."""
    (url,) = re.findall(r"Acknowledge: (\S+)", mail.get_body(("plain",)).get_content())
    assert url in mail.get_body(("html",)).get_content()
    return house.process.url + url.removeprefix(PUBLIC)


async def test_a_failure_its_repeat_and_its_recovery_are_one_story(house: House, client: Client):
    for id, outcome in (("1", "failed"), ("2", "failed"), ("3", "ok")):
        await house.send(client, id, outcome, 4)
    mails = [one.message for one in house.mail.mails]
    first = mails[0]["Message-ID"]
    assert [one["In-Reply-To"] for one in mails][1:] == [first, first]
    assert len({one["References"].split()[0] for one in mails}) == 1
    text = mails[2].get_body(("plain",)).get_content()
    assert SOME_HOURS.search(text) and "Acknowledge" not in text
    posts = [json.loads(one.body) for one in house.slack.requests]
    assert [one.get("thread_ts") for one in posts] == [None, "1503435956.000247", "1503435956.000247"]
    assert SOME_HOURS.search(json.dumps(posts[2]))
    pages = [json.loads(one.body) for one in house.pager.requests]
    assert [one["event_action"] for one in pages] == ["trigger", "trigger", "resolve"]
    assert len({one["dedup_key"] for one in pages}) == 1
    (row,) = (await client.get("incidents"))["incidents"]
    assert {one.headers["tocsin-incident"] for one in house.hook.requests} == {row["id"]}
    assert (row["state"], row["failures"], row["title"]) == ("resolved", 2, "vm-7: failed")
    whole = await client.get(f"incidents/{row['id']}")
    assert [one["part"] for one in whole["events"]] == ["opening", "repeat", "recovery"]
    assert len(whole["deliveries"]) == 12 and len(whole["told"]) == 4
    assert (await client.get("incidents?state=open"))["incidents"] == []


async def test_a_reader_takes_it_up_by_the_link_of_a_mail(house: House, client: Client):
    await house.send(client, "1", "failed", 4)
    url = link(house, house.mail.mails[0].message)
    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as page:
            assert page.status == 200 and "vm-7: failed" in await page.text()
        (row,) = (await client.get("incidents"))["incidents"]
        assert row["state"] == "open", "a scanner that follows the link changes nothing"
        for _ in range(2):
            async with browser.post(url) as page:
                assert page.status == 200 and f"{ADA} has taken it up" in await page.text()
        async with browser.post(url[:-4] + "AAAA") as page:
            assert page.status == 404
        (row,) = (await client.get("incidents?state=acknowledged"))["incidents"]
        assert (row["acknowledged_by"], row["state"]) == (ADA, "acknowledged")
        await house.send(client, "2", "ok", 4)
        async with browser.get(url) as page:
            assert "It is over" in await page.text()


async def test_what_flaps_is_told_no_more_and_its_rows_say_so(house: House, client: Client):
    for number in range(6):
        await house.send(client, str(number), "ok" if number % 2 else "failed", 4)
    assert len(house.hook.requests) == 3
    (row,) = (await client.get("incidents?state=open"))["incidents"]
    assert (row["flapping"], row["failures"]) == (True, 2)
    held = (await client.get("deliveries?state=suppressed"))["deliveries"]
    assert len(held) == 12 and {one["reason"] for one in held} == {f"flapping:{row['id']}"}


async def test_by_hand_at_the_command_line(house: House, client: Client, tmp_path: Path):
    await house.send(client, "1", "failed", 4)
    shell = Shell(house.process.url, folder=tmp_path)
    listed = await shell.run("incident", "list", "--output", "json")
    (row,) = json.loads(listed.out)
    done = await shell.run("incident", "acknowledge", row["id"], "--note", "looking at it")
    assert done.code == 0 and "acknowledged by operator" in done.err
    again = await shell.run("incident", "acknowledge", row["id"])
    assert again.code == 1 and "incident_not_open" in again.err
    done = await shell.run("incident", "resolve", row["id"], "--by", "Ada", "--note", "new disk")
    assert done.code == 0 and "resolved by Ada" in done.err
    await until(lambda: len(house.hook.requests) == 2)
    told = json.loads(house.hook.requests[1].body)
    assert told["type"] == "io.tocsin.incident.resolved"
    assert (told["data"]["resolved_by"], told["data"]["note"]) == ("Ada", "new disk")
    await until(lambda: len(house.pager.requests) == 2)
    assert json.loads(house.pager.requests[1].body)["event_action"] == "resolve"
    shown = await shell.run("incident", "show", row["id"])
    assert "new disk" in shown.out and "recovery" in shown.out


async def test_what_tells_things_apart_is_the_sources_to_say(house: House, client: Client):
    path = f"sources/{house.source}"
    status, refused = await client.call("PATCH", path, {"incident_key": ["data.vm", "data.*"]})
    assert status in (400, 422) and "/incident_key/1" in json.dumps(refused)
    status, changed = await client.call("PATCH", path, {"incident_key": ["job", "data.cluster"]})
    assert status == 200 and changed["incident_key"] == ["job", "data.cluster"]
    for id, job, cluster in (("1", "a", "x"), ("2", "a", "y"), ("3", "a", "x")):
        data = {"outcome": "failed", "resource": id, "job": job, "cluster": cluster}
        assert (await client.send(cloudevent(id, data=data), house.source))[0] == 202
    rows = (await client.get("incidents"))["incidents"]
    assert [(row["key"].split("|", 1)[1], row["failures"]) for row in rows] == [("a|y", 1), ("a|x", 2)]
    assert (await client.call("PATCH", path, {"incidents": False}))[0] == 200
    assert (await client.send(cloudevent("4", data={"outcome": "failed", "job": "b"}), house.source))[
        0
    ] == 202
    assert len((await client.get("incidents"))["incidents"]) == 2


async def test_what_is_not_taken_up_is_told_again_to_others_and_by_another_way(house: House, client: Client):
    """Policies are written into the stopped gateway's store, then everything is real: the time too."""
    listed = {row["name"]: row["id"] for row in (await client.get("subscriptions"))["subscriptions"]}
    mail, slack, pager, hook = (listed[f"way {number}"] for number in range(4))
    await house.process.stop()
    policies = {
        mail: NoisePolicy(reminders=Reminders(3.0)),
        slack: NoisePolicy(fallback=Fallback(hook, 1)),
        pager: NoisePolicy(escalation=Escalation(None, 2.0)),
    }
    store = await SqliteStore.open(house.process.folder / "data" / "tocsin.db", clock=SystemClock())
    configured = await store.registry.load()
    rows = [one for one in configured.entities if isinstance(one, Subscription)]
    changed = [Put(replace(one, policy=policies[one.id])) for one in rows if one.id in policies]
    gone = [Put(replace(one, rule="type = x")) for one in rows if one.id == hook]
    await store.registry.apply([*changed, *gone], expected=configured.version)
    await store.close()
    await house.process.start()
    house.slack.usual = Reply(500)
    async with house.process.client() as again:
        event = cloudevent("1", data={"outcome": "failed", "resource": "vm-7"})
        assert (await again.send(event, house.source))[0] == 202
        await until(lambda: len(house.hook.requests) == 1, 15)
        await until(lambda: len(house.pager.requests) == 2, 15)
        await until(lambda: len(house.mail.mails) == 2, 15)
        assert json.loads(house.hook.requests[0].body)["id"] == "1", "the event itself, by another way"
        reminder = house.mail.mails[1].message
        assert reminder["Subject"].startswith("Still failing: ")
        assert reminder["In-Reply-To"] == house.mail.mails[0].message["Message-ID"]
        assert "Failing for" in reminder.get_body(("plain",)).get_content()
        own = (await again.get("events?type=io.tocsin.incident.reminder"))["events"]
        assert (await again.get(f"events/{own[0]['id']}/explain"))["event_id"] == own[0]["id"]
        (incident,) = (await again.get("incidents"))["incidents"]
        assert incident["escalated"] == [pager]
        status, _ = await again.call("POST", f"incidents/{incident['id']}/acknowledge", {})
        assert status == 200
