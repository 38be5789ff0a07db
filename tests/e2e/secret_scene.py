"""A gateway full of secrets that can be told apart, receivers that repeat them, and all that it then says.

Secrets stand where they belong, and where they were put by mistake. What may show one, the answer that makes
it, is left out.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

from gateway.api.shapes.identity import APIKEY_GRANT
from tests.fakes.certificates import Authority
from tests.fakes.http_sink import HttpSink
from tests.fakes.smtp_sink import SmtpSink
from tests.harness import Client, GatewayProcess, cloudevent
from tests.waiting import until_async

OPERATOR = "canary-operator-key-4f1d0a77"
SMTP_PASSWORD = "canary-relay-password-51c2e9"
SMS_TOKEN = "canary-sms-account-token-6b0f7e"
SMS_ACCOUNT = "AC" + "0123456789abcdef" * 2
REFERRED = "canary-referred-secret-8ad3b6"
MASTER = base64.b64encode(b"canary-master-key-of-32-bytes!!!").decode()
NOT_OF_A_SOURCE = (
    "operator's key",
    "access token",
    "master key",
    "relay password",
    "operator's SMS token",
)
GIVEN = {
    "signing secret": "whsec_" + base64.b64encode(b"canary signing secret of 32 byte").decode(),
    "previous signing secret": "whsec_" + base64.b64encode(b"canary signing secret, but older").decode(),
    "query of a URL": "canary-query-token-77b0c1",
    "sensitive header": "canary-header-value-e20a94",
    "path of a chat": "canary-chat-path-3c5f18",
    "signature of a flow": "canary-flow-signature-b61d07",
    "token of a webhook": "canary-webhook-token-58e2aa",
    "token of a bot": "8243:canary-bot-token-41cf93",
    "token of an app": "xoxb-canary-app-token-c07d26",
    "mail password": "canary-mail-password-90de4b",
    "token of an SMS account": "canary-sms-token-2f81c3",
}


@dataclass
class Scene:
    """Every secret by name, what the gateway said and kept, and what web receivers got of it."""

    gateway: GatewayProcess
    secrets: dict[str, str]
    answers: dict[str, str] = field(default_factory=dict)
    received: bytes = b""

    def shown_in(self, text: bytes) -> list[str]:
        """The names of the secrets that a text holds, plain or in base64."""
        return [name for name, secret in self.secrets.items() if any(one in text for one in _forms(secret))]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What lies in the data folder, the store's own journal included."""
        for path in sorted((self.gateway.folder / "data").rglob("*")):
            if path.is_file():
                yield path.name, path.read_bytes()

    def processes(self) -> Iterator[tuple[str, bytes]]:
        """The arguments of the gateway, and arguments and environment of all that it started."""
        assert self.gateway.process is not None
        yield "arguments", Path(f"/proc/{self.gateway.process.pid}/cmdline").read_bytes()
        for pid in _children(self.gateway.process.pid):
            for what in ("cmdline", "environ"):
                yield f"{what} of {pid}", Path(f"/proc/{pid}/{what}").read_bytes()


def _forms(secret: str) -> set[bytes]:
    """A secret as it is, and in base64 at each offset, without what its neighbours decide."""
    text = secret.encode()
    shifted = {base64.b64encode(b"\0" * offset + text)[4 * (offset > 0) : -4] for offset in range(3)}
    return {text, quote(secret, safe="").encode(), text.hex().encode(), *shifted}


def _children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(stat.parent.name), *_children(int(stat.parent.name))]
    return found


@asynccontextmanager
async def played(folder: Path) -> AsyncIterator[Scene]:
    """The scene after everything has happened; the gateway still runs."""
    authority = Authority(folder)
    tls = authority.server("127.0.0.1")
    async with (
        Parrot() as sink,
        mail_server(tls, "ops", GIVEN["mail password"]) as mail,
        mail_server(tls, "relay", SMTP_PASSWORD) as relay,
    ):
        gateway = GatewayProcess(
            folder,
            admin_key=OPERATOR,
            secret_key=MASTER,
            smtp_url=f"smtp://relay:{SMTP_PASSWORD}@127.0.0.1:{relay.port}?from=a@example.com",
            sms_url=f"twilio://{SMS_ACCOUNT}:{SMS_TOKEN}@?from=12345&base_url={sink.url('')}",
            references="env:HOOK_SECRET",
            log_level="debug",
        )
        await gateway.start(HOOK_SECRET=REFERRED, SSL_CERT_FILE=str(authority.file))
        secrets = {
            "operator's key": OPERATOR,
            "relay password": SMTP_PASSWORD,
            "operator's SMS token": SMS_TOKEN,
            "master key": MASTER,
        }
        scene = Scene(gateway, {**secrets, "referred secret": REFERRED, **GIVEN})
        try:
            async with gateway.client(OPERATOR) as client:
                play = _Play(scene, client, sink, mail)
                await play.configure()
                await play.deliver()
                await play.mistake()
                await play.read()
                scene.received = b"\n".join(
                    one.target.encode() + str(one.headers).encode() for one in sink.requests
                )
                assert mail.commands["AUTH"] and relay.commands["AUTH"]
            yield scene
        finally:
            gateway.close()


class Parrot(HttpSink):
    """A receiver that answers 500 with all that it was sent."""

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        await super()._serve(request)
        received = self.requests[-1]
        headers = "; ".join(f"{name}: {value}" for name, value in received.headers.items())
        told = f"no {received.method} {request.scheme}://a{received.target} with {headers}: ".encode()
        return web.Response(status=500, headers={"X-Echo": headers}, body=told + received.body)


def mail_server(tls: ssl.SSLContext, user: str, password: str) -> SmtpSink:
    """A mail server that repeats the password it refuses, as it was meant and as it was sent."""
    server = SmtpSink(starttls=tls, users={"a": "b"})
    sent = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    server.script["AUTH"] = f"535 5.7.8 neither {password} nor {sent}"
    return server


class _Play:
    def __init__(self, scene: Scene, client: Client, sink: HttpSink, mail: SmtpSink) -> None:
        self.scene, self.client, self.sink, self.mail = scene, client, sink, mail
        self.ids: dict[str, str] = {}

    async def configure(self) -> None:
        """A destination of every kind, each with its secrets, and keys of every role."""
        create = self.client.create
        source = await create("sources", name="source")
        key = await create(f"sources/{source['id']}/keys", name="key")
        admin = await create("keys", name="admin", role="admin")
        self.ids |= {"sources": source["id"], "key_id": key["id"]}
        self.scene.secrets |= {
            "source key": key["key"].split("_", 2)[2],
            "admin key": admin["key"].split("_", 2)[2],
            "access token": await self.token(admin["key"]),
        }
        topic = await create("topics", name="topic", sources=[{"id": source["id"], "rules": [{}]}])
        self.ids["topics"] = topic["id"]
        for kind, params in self.settings():
            made = await create(
                "destinations", name=kind, type=kind, config={"params": params}, retry_schedule=[0.01]
            )
            for name, secret in made.get("generated", {}).items():
                self.scene.secrets[f"generated {name} of {kind}"] = secret
            subscription = await create(
                "subscriptions",
                name=f"{kind} {made['id']}",
                topic_id=topic["id"],
                destination_id=made["id"],
                attributes=self.address(kind, params),
            )
            self.ids |= {"destinations": made["id"], "subscriptions": subscription["id"]}
        await create(
            "subscriptions",
            name="built in",
            topic_id=topic["id"],
            destination_id=await self.built_in("sms_ibm"),
            attributes=self.address("sms_ibm", {}),
        )
        schema = await create("schemas", name="schema", event_types=["none"], schema={})
        self.ids["schemas"] = schema["id"]

    async def built_in(self, kind: str) -> str:
        rows = (await self.client.get("destinations"))["destinations"]
        return next(str(row["id"]) for row in rows if row["type"] == kind)

    @staticmethod
    def address(kind: str, params: dict[str, Any]) -> dict[str, Any]:
        if kind in ("email", "smtp_custom"):
            return {"subscribed": ["ops@example.com"]}
        if kind in ("sms", "sms_ibm"):
            return {"subscribed": ["+4930123456"]}
        return {"channel": "C1"} if kind == "slack" and "token" in params else {}

    def settings(self) -> list[tuple[str, dict[str, Any]]]:
        url = self.sink.url("/hook")
        return [
            ("slack", {"url": self.sink.url(f"/services/{GIVEN['path of a chat']}")}),
            ("slack", {"token": GIVEN["token of an app"], "api_url": self.sink.url("/api")}),
            ("msteams", {"url": self.sink.url(f"/flow?sig={GIVEN['signature of a flow']}")}),
            ("discord", {"url": self.sink.url(f"/api/webhooks/1/{GIVEN['token of a webhook']}")}),
            (
                "telegram",
                {"token": GIVEN["token of a bot"], "chat_id": "1", "base_url": self.sink.url("/telegram")},
            ),
            ("webhook", {"url": url}),
            (
                "email",
                {
                    "host": "127.0.0.1",
                    "port": self.mail.port,
                    "user": "ops",
                    "password": GIVEN["mail password"],
                    "from_address": "a@example.com",
                },
            ),
            ("smtp_custom", {"domain": "example.com"}),
            (
                "sms",
                {
                    "account_sid": SMS_ACCOUNT,
                    "auth_token": GIVEN["token of an SMS account"],
                    "from_number": "12345",
                    "base_url": self.sink.url(""),
                },
            ),
            (
                "webhook",
                {"url": url, "secret_headers": {"X-Token": "env:HOOK_SECRET"}},
            ),
            (
                "webhook",
                {
                    "url": f"{url}?token={GIVEN['query of a URL']}",
                    "custom_headers": {"X-Token": GIVEN["sensitive header"]},
                    "sensitive_headers": ["X-Token"],
                    "signing_secret": GIVEN["signing secret"],
                    "previous_signing_secret": GIVEN["previous signing secret"],
                },
            ),
        ]

    async def deliver(self) -> None:
        """An event to each destination, whose answers repeat what they were sent."""
        _, answer = await self.client.send(
            cloudevent("1", subject="a", data={"title": "a"}), self.ids["sources"]
        )
        self.ids["events"] = self.ids["notifications"] = answer["notification_id"]

        async def all_dead() -> bool:
            rows = (await self.client.get("deliveries"))["deliveries"]
            made, built_in = len(self.settings()), 1
            return len(rows) == made + built_in and all(row["state"] == "dead" for row in rows)

        await until_async(all_dead, 30)
        self.ids["deliveries"] = (await self.client.get("deliveries"))["deliveries"][0]["id"]

    async def mistake(self) -> None:
        """Secrets where they do not belong, and in requests that are refused for something else."""
        for name, secret in list(self.scene.secrets.items()):
            if name in NOT_OF_A_SOURCE:
                await self.ask("POST", f"events?access_token={quote(secret)}", {})
            for number, params in enumerate(_misplaced(secret)):
                body = {"name": "a", "type": "webhook", "config": {"params": params}}
                await self.ask("POST", "destinations", body, f"{name} misplaced {number}")
                place = f"destinations/{self.ids['destinations']}"
                await self.ask("PATCH", place, {"config": {"params": params}}, f"{name} misplaced {number}")
            for kind in ("slack", "email", "smtp_custom", "sms"):
                params = {"url": secret, "password": secret, "host": "a b", "port": 99999, "domain": secret}
                params |= {"account_sid": secret, "auth_token": secret, "from_number": secret}
                body = {"name": "a", "type": kind, "config": {"params": params}}
                await self.ask("POST", "destinations", body, f"{name} in a {kind}")
            await self.token(secret + "x", expected=400)
            for header in (f"Bearer {secret}x", f"Basic {secret}", f"Bearer  {secret} {secret}", secret):
                await self.ask("GET", "topics", None, f"{name} as a key", Authorization=header)

    async def read(self) -> None:
        """Everything that can be read, and everything that changes without making secrets."""
        described = await self.ask("GET", "/openapi.json", None)
        for path, item in json.loads(described)["paths"].items():
            if "get" in item:
                await self.ask("GET", self.filled(path), None)
        for row in (await self.client.get("deliveries"))["deliveries"]:
            await self.ask("GET", f"deliveries/{row['id']}", None)
            await self.ask("POST", f"deliveries/{row['id']}/replay", None)
        for row in (await self.client.get("destinations"))["destinations"]:
            place = f"destinations/{row['id']}"
            shown = json.loads(await self.ask("GET", place, None))
            await self.ask("PATCH", place, {"name": "b", "config": shown["config"]})
            await self.ask("POST", f"{place}/test?recipient=ops@example.com", None)
        for row in (await self.client.get("deliveries?limit=500"))["deliveries"]:
            await self.ask("GET", f"deliveries/{row['id']}", None)

    def filled(self, path: str) -> str:
        noun = path.removeprefix("/v1/instances/{instance_id}/").partition("/")[0]
        path = path.replace("{instance_id}", "default").replace("{key_id}", self.ids["key_id"])
        return path.replace("{id}", self.ids.get(noun, "none"))

    async def token(self, key: str, *, expected: int = 200) -> str:
        form = {"grant_type": APIKEY_GRANT, "apikey": key}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{self.scene.gateway.url}/identity/token", data=form) as answer:
                assert answer.status == expected
                text = await answer.text()
        if expected == 200:
            return str(json.loads(text)["access_token"])
        self.scene.answers[f"token for {key[:20]}"] = text
        return ""

    async def ask(self, method: str, path: str, body: object, note: str = "", **headers: str) -> str:
        """One request; what comes back is kept, its headers as well."""
        url = path if path.startswith("/") else f"/v1/instances/default/{path}"
        sent = {"Authorization": f"Bearer {OPERATOR}"} | headers
        async with aiohttp.ClientSession(headers=sent) as session:
            async with session.request(method, self.scene.gateway.url + url, json=body) as answer:
                assert answer.status < 500, (method, path, await answer.text())
                text = await answer.text()
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.scene.answers[f"{method} {path.partition('?')[0]} {note} {len(self.scene.answers)}"] = (
            f"{head}\n\n{text}"
        )
        return text


def _misplaced(secret: str) -> list[dict[str, Any]]:
    """Settings of a webhook, each refused, that hold a secret."""
    url = "http://127.0.0.1:9/"
    return [
        {"url": url, "signing_secret": secret},
        {"url": url, "signing_secret": [secret]},
        {"url": url, "signing_secret": {secret: secret}},
        {"url": url, "verb": secret},
        {"url": url, "custom_headers": {"X-Token": f"{secret}\r\n"}},
        {"url": url, "custom_headers": {"X-Token": "a", "x-token": secret}},
        {"url": url, "custom_headers": {"Authorization": f"Bearer {secret}\n"}},
        {"url": url, "secret_headers": {"Host": secret}},
        {"url": url, "secret_headers": secret},
        {"url": f"http://user:{secret}@127.0.0.1/"},
        {"url": f"http://127.0.0.1:0{secret}/?{secret}"},
        {"url": f"http://127.0.0.1/?{secret} {secret}"},
        {"url": {"a": secret}},
        {"url": url, "unknown": secret},
    ]
