"""`tocsin serve`: how it starts, what it says, how it ends."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import stat
import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.commands import COMMAND, Shell, environment
from tests.fakes.http_sink import HttpSink, Reply
from tests.harness import ADMIN_KEY, GatewayProcess, cloudevent
from tests.waiting import until


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_and_takes_its_address_back(
    gateway: GatewayProcess, sent: signal.Signals
):
    url_file = gateway.folder / "data" / "url"
    assert url_file.read_text() == f"{gateway.url}\n"
    assert await gateway.stop(sent) == 0
    assert not url_file.exists()
    assert "gateway.stopped" in gateway.log_path.read_text()


async def test_a_delivery_under_way_may_finish(gateway: GatewayProcess, sink: HttpSink):
    sink.usual = Reply(delay=1.0)
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url())
        await client.send(cloudevent("slow"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    assert await gateway.stop() == 0
    await gateway.start()
    async with gateway.client() as client:
        page = await client.get("deliveries")
    assert [row["state"] for row in page["deliveries"]] == ["delivered"]
    assert len(sink.requests) == 1


async def test_a_second_signal_ends_it_at_once(gateway: GatewayProcess, sink: HttpSink):
    sink.usual = Reply(delay=None)
    async with gateway.client() as client:
        route = await client.webhook_route(sink.url())
        await client.send(cloudevent("never answered"), route["source"])
    await until(lambda: len(sink.requests) == 1)
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGTERM)
    await until(lambda: not (gateway.folder / "data" / "url").exists())
    gateway.process.send_signal(signal.SIGTERM)
    await until(lambda: gateway.exited, 5)
    assert gateway.process.returncode == -signal.SIGTERM


async def test_a_restart_continues(gateway: GatewayProcess):
    async with gateway.client() as client:
        created = await client.create("sources", name="kept")
    await gateway.stop()
    await gateway.start()
    async with gateway.client() as client:
        assert (await client.get(f"sources/{created['id']}"))["name"] == "kept"


def serve(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `tocsin serve` that is expected to fail."""
    return subprocess.run(
        [*COMMAND, "serve", "--data-dir", str(folder / "data"), *options],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def assert_one_line(ran: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ran.returncode == 2, ran.stderr
    lines = [line for line in ran.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1 and all(word in lines[0] for word in words), ran.stderr
    assert "Traceback" not in ran.stderr


def test_an_address_in_use_is_one_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert_one_line(serve(tmp_path, "--listen", address), "TOCSIN_LISTEN", address, "in use")
    assert not (tmp_path / "data" / "url").exists()


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (("--listen", "nowhere"), {}, ("TOCSIN_LISTEN", "127.0.0.1:8080")),
        (("--database", "mysql://x"), {}, ("TOCSIN_DATABASE", "sqlite:///")),
        (("--allow-networks", "10.0.0.0/99"), {}, ("10.0.0.0/99",)),
        ((), {"TOCSIN_IN_FLIGHT": "many"}, ("TOCSIN_IN_FLIGHT",)),
        ((), {"TOCSIN_LISTNE": "x"}, ("TOCSIN_LISTNE", "tocsin settings")),
        ((), {"TOCSIN_SECRET_KEY": "short"}, ("TOCSIN_SECRET_KEY", "openssl rand")),
        ((), {"TOCSIN_ADMIN_KEY": "short"}, ("TOCSIN_ADMIN_KEY", "20")),
        ((), {"TOCSIN_ADMIN_KEY": "zwanzig-schöne-zeichen"}, ("TOCSIN_ADMIN_KEY", "ASCII")),
        ((), {"TOCSIN_SMTP_URL": "mail.example:25"}, ("TOCSIN_SMTP_URL", "smtp://host:port")),
        ((), {"TOCSIN_SMTP_URL": "smtp://mail:x"}, ("TOCSIN_SMTP_URL", "port")),
        ((), {"TOCSIN_SMTP_URL": "smtp://mail?from=me"}, ("TOCSIN_SMTP_URL", "name@domain")),
        ((), {"TOCSIN_SMS_URL": "twilio://AC1"}, ("TOCSIN_SMS_URL", "twilio://SID:TOKEN@?from=")),
        ((), {"TOCSIN_SMS_URL": "twilio://AC1:t@?from=12345"}, ("TOCSIN_SMS_URL", "account_sid")),
        ((), {"TOCSIN_ALLOW_NETWORKS": "everything"}, ("TOCSIN_ALLOW_NETWORKS", "everything")),
        ((), {"TOCSIN_FAILPOINT": "x"}, ("TOCSIN_FAILPOINT", "tocsin settings")),
        ((), {"TOCSIN_CONFIG": "/nonexistent.toml"}, ("/nonexistent.toml",)),
    ],
)
def test_broken_configuration_is_one_line_and_exit_code_2(tmp_path: Path, options, variables, words):
    assert_one_line(serve(tmp_path, *options, **variables), *words)


def test_a_secret_file_that_is_no_text_is_one_line_without_it(tmp_path: Path):
    (tmp_path / "key").write_bytes(b"\xff" * 40)
    ran = serve(tmp_path, TOCSIN_ADMIN_KEY_FILE=str(tmp_path / "key"))
    assert_one_line(ran, "TOCSIN_ADMIN_KEY_FILE", "UTF-8")
    assert "0xff" not in ran.stderr


@pytest.mark.parametrize("name", ["admin.key", "secret.key"])
def test_a_key_file_that_is_no_text_is_one_line(tmp_path: Path, name: str):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_bytes(b"\xff" * 40)
    named = {} if name == "admin.key" else {"TOCSIN_ADMIN_KEY": ADMIN_KEY}
    assert_one_line(serve(tmp_path, "--listen", "127.0.0.1:0", **named), "TOCSIN_")


def test_a_data_folder_that_is_a_file_is_one_line(tmp_path: Path):
    (tmp_path / "data").write_text("not a folder")
    assert_one_line(serve(tmp_path, "--listen", "127.0.0.1:0"), "data folder", str(tmp_path / "data"))


async def test_a_second_gateway_on_the_same_store_is_one_line(gateway: GatewayProcess):
    ran = await asyncio.to_thread(serve, gateway.folder, "--listen", "127.0.0.1:0")
    assert_one_line(ran, "tocsin.db")
    assert (gateway.folder / "data" / "url").read_text().strip() == gateway.url


class Terminal:
    """`tocsin serve` at a terminal, as a person sees it."""

    def __init__(self, folder: Path) -> None:
        self.said = b""
        self._terminal, other = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--listen", "127.0.0.1:0", "--allow-networks", "127.0.0.0/8"],
            env=environment(),
            cwd=folder,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        os.set_blocking(self._terminal, False)

    def read(self) -> str:
        try:
            while chunk := os.read(self._terminal, 65536):
                self.said += chunk
        except OSError:  # nothing more yet, or the other end is closed
            pass
        return self.said.decode()

    async def end(self) -> None:
        """Ctrl-C."""
        os.write(self._terminal, b"\x03") if self.process.poll() is None else None
        self.process.send_signal(signal.SIGINT)
        await until(lambda: self.read() is not None and self.process.poll() is not None, 30)
        os.close(self._terminal)


async def test_the_first_start_shows_the_key_on_a_terminal_and_only_there(tmp_path: Path):
    first = Terminal(tmp_path)
    try:
        await until(lambda: "--help` the rest" in first.read(), 20)
        key = (tmp_path / "data" / "admin.key").read_text().strip()
        assert f"shown this once: {key}" in first.read()
        assert stat.S_IMODE((tmp_path / "data" / "admin.key").stat().st_mode) == 0o600
        url = (tmp_path / "data" / "url").read_text().strip()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/healthz") as answer:
                assert answer.status == 200
    finally:
        await first.end()
    assert first.process.returncode == 0
    again = Terminal(tmp_path)
    try:
        await until(lambda: "Tocsin listens on" in again.read(), 20)
        assert key not in again.read()
    finally:
        await again.end()


async def test_the_key_is_in_no_log(tmp_path: Path):
    process = GatewayProcess(tmp_path, admin_key=None)
    await process.start()
    try:
        key = (tmp_path / "data" / "admin.key").read_text().strip()
        assert await process.stop() == 0
        assert key not in process.log_path.read_text()
    finally:
        process.close()


async def test_the_three_commands_that_are_shown_deliver_an_event(tmp_path: Path):
    terminal = Terminal(tmp_path)
    try:
        await until(lambda: "--help` the rest" in terminal.read(), 20)
        shown = [line.strip() for line in terminal.read().splitlines() if line.startswith("  ")]
        assert [line.split("gateway ", 1)[1].split()[0] for line in shown] == ["source", "listen", "send"]
        create, listen, send = (_arguments(line) for line in shown)
        shell = Shell("", "", tmp_path)
        await shell.ok(*create)
        async with shell.running(
            *listen, "--listen", "127.0.0.1:0", out=tmp_path / "listen.out"
        ) as listening:
            await listening.says("Ctrl-C ends it")
            await shell.ok(*send)
            await listening.says("db1 was not backed up")
            assert "signature verified" in listening.said.split("db1 was not backed up")[1]
            assert await listening.stop() == 0
        assert (await shell.json("topic", "list"), (await shell.json("delivery", "list"))[0]["state"]) == (
            [],
            "delivered",
        )
    finally:
        await terminal.end()


def _arguments(line: str) -> list[str]:
    """The arguments of a command line as it is shown, which starts with how the program was called."""
    import shlex

    words = shlex.split(line, comments=True)
    return words[words.index("gateway") + 1 :]
